"""The production shape, as far as it can be tried without containers."""

import json
import os
import re
import subprocess
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2
import pytest

from config.embedded.folders import place_sockets
from config.embedded.postgres import find_programs, owner_url, start_postgres
from config.embedded.valkey import start_valkey
from tests.functional.compose import GIVEN, STOP_SECONDS, Machine, fill_in, read_compose, read_dockerfile
from tests.functional.service import CHECKOUT, describe_outside, find_free_port, wait_until

pytestmark = [pytest.mark.functional, pytest.mark.xdist_group("compose")]
HEALTH_SECONDS = 240
SERVICES = read_compose()["services"]
OWN = ("migrate", "web", "worker", "labeller", "beat", "metrics")


@pytest.fixture(scope="module")
def machine():
    """PostgreSQL whose roles docker/roles.sh made, migrated by the service migrate; Valkey; static files collected."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="veriset-compose-")))
        found = Machine(folder=folder, port=find_free_port(), metrics_port=find_free_port())
        for name in ("beat", "metrics"):
            (folder / "srv" / name).mkdir(parents=True)
        opened.callback(start_postgres(home=folder / "postgres").stop)
        opened.callback(start_valkey(home=folder / "valkey").stop)
        make_roles(folder / "postgres")
        for command in (["python", "manage.py", "collectstatic", "--noinput"], SERVICES["migrate"]["command"]):
            done = found.run(command, SERVICES["migrate"])
            assert done.returncode == 0, done.stderr
        yield found


def make_roles(home):
    """Runs docker/roles.sh as the image of PostgreSQL does when its folder is new."""
    for database in ("template1", "veriset"):
        with closing(psycopg2.connect(owner_url(home=home), dbname=database)) as connection:
            connection.autocommit = True
            connection.cursor().execute("DROP OWNED BY veriset_app")
    with closing(psycopg2.connect(owner_url(home=home))) as connection:
        connection.autocommit = True
        connection.cursor().execute("DROP ROLE veriset_app")
    names = {"POSTGRES_USER": "veriset", "POSTGRES_DB": "veriset", "APP_PASSWORD": GIVEN["APP_PASSWORD"]}
    path = f"{find_programs()}:{os.environ['PATH']}"
    given = {**describe_outside(), **names, "PGHOST": str(place_sockets(home)), "PATH": path}
    done = subprocess.run(
        ["sh", "docker/roles.sh"], cwd=CHECKOUT, env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def start(machine):
    """Starts a service of the file; it is stopped at the end."""
    started = []

    def start_service(name, command):
        process = machine.start(name, command, SERVICES[name])
        started.append(process)
        return process

    yield start_service
    for process in started:
        process.terminate()
    for process in started:
        process.wait(STOP_SECONDS)


def is_healthy(machine, name):
    command = SERVICES[name]["healthcheck"]["test"]
    assert command[0] == "CMD"
    return machine.run(command[1:], SERVICES[name]).returncode == 0


def test_the_role_of_the_service_may_change_rows_and_not_tables(machine):
    url = machine.environment(SERVICES["web"])["DATABASE_URL"]
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("veriset_app", False, False, False)
        cursor.execute(
            "SELECT has_table_privilege('annotation_vote', privilege) FROM unnest(%s) AS privilege",
            [["INSERT", "TRUNCATE"]],
        )
        assert cursor.fetchall() == [(True,), (False,)]
        cursor.execute(
            """SELECT has_function_privilege('hierarchy_append_audit_entry(bigint, text, text, jsonb)', 'EXECUTE'),
                      array_agg(privilege) FILTER (WHERE has_table_privilege('hierarchy_auditentry', privilege))
               FROM unnest(%s) AS privilege""",
            [["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"]],
        )
        assert cursor.fetchall() == [(True, ["SELECT"])]
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("ALTER TABLE annotation_vote ADD COLUMN smuggled int")


def test_the_service_adds_to_the_audit_log_and_verifies_it(machine):
    web = SERVICES["web"]
    typed = {"DJANGO_SUPERUSER_PASSWORD": "correct horse battery staple"}
    make = ["python", "manage.py", "createsuperuser", "--noinput", "--username", "op", "--email", "op@example.org"]

    made = machine.run(make, {**web, "environment": {**web["environment"], **typed}})
    verified = machine.run(["python", "manage.py", "verify_audit"], web)

    assert made.returncode == 0, made.stderr
    assert verified.stdout.startswith("1:"), verified.stderr


def test_web_answers_its_health_check(machine, start):
    [command] = [json.loads(text) for instruction, text in read_dockerfile() if instruction == "CMD"]
    web = start("web", command)

    wait_until(lambda: is_healthy(machine, "web"), seconds=HEALTH_SECONDS, what="web is healthy")

    assert web.poll() is None


def test_metrics_answer_their_health_check(machine, start):
    metrics = start("metrics", SERVICES["metrics"]["command"])

    wait_until(lambda: is_healthy(machine, "metrics"), seconds=HEALTH_SECONDS, what="metrics are served")

    assert metrics.poll() is None


def test_nobody_outside_the_machine_reaches_the_metrics():
    assert SERVICES["metrics"]["ports"] == ["127.0.0.1:9464:9464"]
    assert [name for name in SERVICES if SERVICES[name].get("ports")] == ["web", "metrics"]


def test_worker_answers_its_health_check_and_beat_keeps_its_schedule(machine, start):
    worker, beat = (start(name, SERVICES[name]["command"]) for name in ("worker", "beat"))

    wait_until(lambda: is_healthy(machine, "worker"), seconds=HEALTH_SECONDS, what="the worker is healthy")
    wait_until(lambda: list((machine.folder / "srv" / "beat").iterdir()), seconds=HEALTH_SECONDS, what="beat runs")

    assert worker.poll() is None
    assert beat.poll() is None


def test_every_variable_that_must_be_given_is_in_the_operations_page():
    text = (CHECKOUT / "docker-compose.yml").read_text()
    page = (CHECKOUT / "docs" / "operations.md").read_text()
    required = set(re.findall(r"\$\{(\w+):\?", text))

    assert required <= set(GIVEN)
    assert {name for name in required if f"`{name}`" not in page} == set()
    assert fill_in(text, GIVEN)


def test_migration_is_a_service_of_its_own_and_all_others_wait_for_it():
    assert SERVICES["migrate"]["restart"] == "no"
    for name in set(OWN) - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert "veriset_app:" in SERVICES[name]["environment"]["DATABASE_URL"]
    assert "veriset:" in SERVICES["migrate"]["environment"]["DATABASE_URL"]


def test_the_image_runs_as_a_user_without_rights():
    users = [text for instruction, text in read_dockerfile() if instruction == "USER"]

    assert users == ["veriset"]


def test_the_image_holds_every_folder_that_the_service_needs():
    copied = {text.split()[0] for instruction, text in read_dockerfile() if instruction == "COPY"}

    assert {"manage.py", "config", "hierarchy", "annotation", "templates", "static", "demo"} <= copied
    assert all((CHECKOUT / name).exists() for name in copied - {"--from=build"})


def test_servers_keep_their_data_in_volumes():
    volumes = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}

    assert {name for name in volumes if not name.startswith(".")} == read_compose()["volumes"].keys()
    assert {"postgres", "redis", "media", "releases", "beat", "metrics", "ledger", "backups"} <= volumes
