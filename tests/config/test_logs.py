"""What a line shows, and what it does not."""

import logging

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from config.logs import TextFormatter, describe_exception, hide_secrets
from config.trace import Trace, run_under
from tests import builders

logger = logging.getLogger("tests.logs")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sent to ann.b+c@mail.example.org today", "sent to (e-mail) today"),
        ("redis://:word@host:6379 is away", "redis://(hidden)@host:6379 is away"),
        ("GET /pictures/eyJ-_x and more", "GET /pictures/(hidden) and more"),
        ("Authorization: Token abcdefghijklmnopqrstu-_", "Authorization: Token (hidden)"),
        ("The token is not valid.", "The token is not valid."),
        ("Key exists\nDETAIL:  Key (name)=(ann)\nmore", "Key exists\n(details hidden)"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text, shown):
    assert hide_secrets(text) == shown


def test_a_line_is_one_object_whatever_its_message(read_lines):
    with run_under(Trace("a-request", "a.task", "an-id")):
        logger.warning("two\nlines, %s", {"a": 1}, extra={"route": "home", "smuggled": "x"})

    [line] = read_lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "tests.logs",
        "message": "two\nlines, {'a': 1}",
        "request_id": "a-request",
        "task": "a.task",
        "task_id": "an-id",
        "route": "home",
    }


def fail_with(sql, values=()):
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    return caught.value


@pytest.mark.django_db
def test_an_error_of_the_database_shows_its_constraint_and_no_value(read_lines):
    name = builders.make_user("very-secret").username
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        User.objects.create(username=name)

    logger.error("It failed: %s", caught.value, exc_info=caught.value)

    [line] = read_lines()
    assert "SQLSTATE 23505 duplicate key value" in line["exception"]
    assert "test_logs.py" in line["exception"]
    assert "very-secret" not in str(line)


@pytest.mark.django_db
@pytest.mark.parametrize("sql", ["SELECT %s::int", "SELECT * FROM auth_user WHERE no_such = %s", "SELECT 'x' %s FROM"])
def test_an_error_in_a_value_or_a_statement_shows_its_state_alone(sql):
    described = describe_exception(fail_with(sql, ["very-secret"]))

    assert "very-secret" not in described
    assert "SQLSTATE 22P02" in described or "SQLSTATE 42" in described


def test_what_led_to_an_error_is_shown_as_python_does():
    first, second = KeyError("first"), ValueError("second")
    second.__cause__ = first

    described = describe_exception(second)

    assert (
        described.index("KeyError: 'first'") < described.index("direct cause") < described.index("ValueError: second")
    )


def test_a_line_for_people_has_the_same_on_one_line(read_lines):
    record = logger.makeRecord(
        "name", logging.INFO, "", 1, "to %s", ("ann@example.org",), None, extra={"route": "home"}
    )

    with run_under(Trace("a-request")):
        line = TextFormatter().format(record)

    assert line.split(" ", 2)[2] == "INFO name to (e-mail) home a-request"
