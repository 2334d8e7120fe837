"""A kept connection: one that the server has closed is seen, without a question to the server."""

from typing import Any

import pytest
from django.db import connection, connections

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
