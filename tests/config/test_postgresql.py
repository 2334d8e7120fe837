"""A kept connection: one that the server has closed is seen, without a question to the server."""

import io
from typing import Any

import pytest
from django.db import connection, connections
from psycopg2.sql import SQL

from config.trace import Trace, run_under
from hierarchy.queries.plain import execute_planned

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
MINE = "SELECT pg_backend_pid()"


def read(cursor_of, sql):
    with cursor_of.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


@pytest.fixture
def another():
    """A second connection of the same kind, which ends the first one."""
    copy = connections.create_connection("default")
    yield copy
    copy.close()


def begin_request():
    """As Django does at the beginning of each request."""
    kept: Any = connection
    kept.health_check_enabled, kept.health_check_done = True, False
    kept.close_if_health_check_failed()


@pytest.mark.parametrize("prepared", [True, False])
def test_a_connection_that_the_server_has_closed_is_replaced(another, settings, prepared):
    settings.PREPARED_STATEMENTS = prepared
    first = read(connection, MINE)
    assert read(another, f"SELECT pg_terminate_backend({first}, 5000)")
    begin_request()

    assert read(connection, MINE) != first


def test_a_connection_that_is_there_is_usable_and_the_server_is_not_asked(another):
    mine = read(connection, MINE)
    assert connection.is_usable()

    assert read(another, f"SELECT query FROM pg_stat_activity WHERE pid = {mine}") == MINE


COMMENT = "/*request=asked-for-it*/ "
LAST = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"


@pytest.fixture
def traced():
    with run_under(Trace("asked-for-it")):
        yield


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("sql", [LAST, f"{LAST} AND %s = 1", SQL(LAST), LAST.encode()])
def test_a_statement_begins_with_the_request_it_belongs_to(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql, [1] if "%s" in str(sql) else None)

        assert cursor.fetchone()[0].startswith(f"{COMMENT}SELECT query")


@pytest.mark.usefixtures("traced")
def test_so_does_one_that_is_planned_once():
    with connection.cursor() as cursor:
        execute_planned(cursor, f"{LAST} AND %(one)s::int = 1", {"one": 1})

        assert cursor.fetchone()[0].startswith(f"{COMMENT}EXECUTE veriset_")


@pytest.mark.usefixtures("traced")
def test_so_does_a_copy_and_each_of_many():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE seen (query text)")
        cursor.copy_expert("COPY seen FROM STDIN", io.StringIO("row\n"))
        assert cursor.cursor.query.decode() == f"{COMMENT}COPY seen FROM STDIN"
        cursor.executemany(f"INSERT INTO seen {LAST} AND %s = 1", [[1], [1]])
        cursor.execute("SELECT count(*) FROM seen WHERE starts_with(query, %s)", [COMMENT])

        assert cursor.fetchone()[0] == 2


def test_a_statement_of_no_request_has_no_comment():
    assert read(connection, LAST) == LAST
