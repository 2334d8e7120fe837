"""Whether votes can be kept is found out by trying. The tests' own server is quick and not durable, so some of it is left out."""

import shutil
from collections import namedtuple

import pytest
from django.db import connection

from annotation.models import DueQuestions
from config import health
from tests.config.test_postgresql import MINE, another, read

__all__ = ["another"]
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
Usage = namedtuple("Usage", "total used free")
OF_THE_TESTS = set(health.DURABILITY)


@pytest.fixture(autouse=True)
def forget():
    """Nothing is known from a test before, nor left to the next one."""
    for kept in (health.find_write_problems, health.find_migration_problems):
        kept.forget()
    yield
    for kept in (health.find_write_problems, health.find_migration_problems):
        kept.forget()


def find_problems(client):
    answer = client.get("/readyz")
    problems = set(answer.json()["problems"]) - OF_THE_TESTS
    assert answer.status_code == (503 if answer.json()["problems"] else 200)
    return problems


def test_a_service_that_can_keep_votes_has_no_problem_and_keeps_nothing_of_the_trial(client):
    assert find_problems(client) == set()
    assert not DueQuestions.objects.exists()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_the_answer_is_not_kept_by_anybody_and_names_no_version(client, path):
    answer = client.get(path)

    assert answer["Cache-Control"] == "no-store"
    assert answer.json().keys() <= {"status", "problems", "redis"}


def test_a_database_that_is_only_read_shows(client):
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        assert find_problems(client) == {"read-only"}
    finally:
        connection.close()


def test_a_write_that_fails_shows(client, monkeypatch):
    monkeypatch.setattr(health, "WRITE", "INSERT INTO annotation_duequestions (campaign_id) VALUES (NULL)")

    assert find_problems(client) == {"database"}


def test_a_database_that_is_away_shows(client, monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    try:
        assert find_problems(client) == {"database"}
    finally:
        connection.close()


def test_a_disk_without_room_shows(client, settings, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12 - 255_000_000, 255_000_000))
    assert find_problems(client) == {"disk"}

    settings.LEAST_FREE_MEGABYTES = 255
    assert find_problems(client) == set()


def test_a_folder_that_is_not_there_yet_is_looked_for_on_the_disk_it_will_be_on(settings, tmp_path):
    settings.MEDIA_ROOT, settings.RELEASE_ROOT = str(tmp_path / "not" / "yet"), str(tmp_path)

    assert health._has_room()


def test_without_redis_it_is_ready_and_degraded(client, settings, monkeypatch):
    monkeypatch.setattr(health, "find_write_problems", health.Kept(list, seconds=1))
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/valkey.sock?db=1"}}

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "degraded", "problems": [], "redis": False})


def test_who_asks_often_costs_the_database_nothing(client, another):
    find_problems(client)
    mine = read(connection, MINE)

    find_problems(client)

    assert read(another, f"SELECT query FROM pg_stat_activity WHERE pid = {mine}") == MINE
