import runpy
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

CHECKOUT = Path(__file__).resolve().parents[2]


def read_settings():
    return runpy.run_path(str(CHECKOUT / "config" / "settings.py"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://a:b@h:abc/x"),
        ("DATABASE_URL", "postgres://[::1/x"),
        ("DATABASE_URL", "postgres://"),
        ("DATABASE_URL", "mysql://h/x"),
        ("DATABASE_OWNER_URL", "mysql://h/x"),
        ("REDIS_URL", "redis://h:abc"),
        ("REDIS_URL", "redis://[::1"),
        ("REDIS_URL", "redis://:6379"),
        ("EMAIL_URL", "garbage"),
        ("EMAIL_URL", ""),
        ("EMAIL_URL", "smtp://h:abc"),
        ("EMAIL_URL", "smtp://"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("METRICS_PORT", "65536"),
        ("METRICS_PORT", "web"),
        ("LEAST_FREE_MEGABYTES", "-1"),
        ("MEDIA_ROOT", ""),
        ("RELEASE_ROOT", ""),
        ("STATIC_ROOT", ""),
        ("DELETION_LEDGER", ""),
        ("ESTIMATION_SECONDS", "9"),
        ("ESTIMATION_SECONDS", "hourly"),
        ("ESTIMATION_SHARDS", "0"),
        ("ESTIMATION_SHARDS", "1025"),
        ("WEB_THREADS", "0"),
        ("WEB_THREADS", "33"),
        ("WEB_WAITING", "many"),
        ("WEB_WAITING", "0"),
        ("WEB_STREAMS", "0"),
        ("GRANIAN_BLOCKING_THREADS", "59"),
    ],
)
def test_a_bad_value_stops_the_start_with_the_name_of_its_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured, match=f"^{name} "):
        read_settings()


def test_more_may_wait_only_where_granian_has_threads_for_them(monkeypatch):
    monkeypatch.setenv("WEB_WAITING", "45")

    with pytest.raises(ImproperlyConfigured, match=r"^GRANIAN_BLOCKING_THREADS must be between 65 and 4096, not 64$"):
        read_settings()


def test_an_empty_database_url_counts_as_unset(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")

    database = read_settings()["DATABASES"]["default"]

    assert (database["HOST"], database["NAME"]) == ("localhost", "veriset")


def test_backups_use_the_owner_of_the_tables_and_have_no_limit_for_a_statement(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://app@here/veriset")
    alone = read_settings()["OWNER_DATABASE"]
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgres://owner@here/veriset")
    owner = read_settings()["OWNER_DATABASE"]

    assert (alone["USER"], owner["USER"]) == ("app", "owner")
    assert "statement_timeout=0s" in owner["OPTIONS"]["options"]


def test_a_log_level_may_be_written_small(monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "info")

    assert read_settings()["LOGGING"]["root"]["level"] == "INFO"


def test_nothing_is_served_without_a_secret_key(settings):
    settings.SECRET_KEY = ""

    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        runpy.run_path(str(CHECKOUT / "config" / "wsgi.py"))


def test_a_redis_url_that_is_refused_is_not_repeated(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://:very-secret@host:6379/3")

    with pytest.raises(ImproperlyConfigured) as caught:
        read_settings()

    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize(("given", "used"), [(None, "json"), ("TEXT", "text"), ("json", "json")])
def test_logs_are_json_unless_people_want_text(monkeypatch, given, used):
    if given:
        monkeypatch.setenv("LOG_FORMAT", given)

    assert read_settings()["LOGGING"]["handlers"]["console"]["formatter"] == used
