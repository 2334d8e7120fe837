"""How log lines are written: JSON for programs, text for people. Neither shows where a secret could hide.

Addresses become names of routes. PostgreSQL's details of an error, which quote rows and statements with their values, are left out,
and so is whatever looks like an e-mail address, a token, a signed address or a password in a URL.
"""

import logging
import re
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, cast

import django.db
import psycopg2
from django.http import HttpRequest
from pythonjsonlogger import json

from config.trace import find_route, find_trace

# What a line may hold beside its message; anything else that comes along (Django adds the whole request) stays out.
FIELDS = ("method", "route", "status", "milliseconds", "role", "outcome")
SECRETS = (
    (re.compile(r"://\S*@"), "://(hidden)@"),
    (re.compile(r"[\w.+%-]{1,64}@[\w-]+\.[\w.-]+"), "(e-mail)"),
    (re.compile(r"(?i)(\b(?:token|bearer)\s+)[\w.-]{20,}"), r"\1(hidden)"),
    (re.compile(r"(?i)(\b(?:sessionid|csrftoken)=)[\w-]+"), r"\1(hidden)"),
    (re.compile(r"(/pictures/|/reset/)[^\s'\"?]+"), r"\1(hidden)"),
    (re.compile(r"(DETAIL|LINE \d+):.*", re.DOTALL), "(details hidden)"),
)
# Classes of SQLSTATE whose first line names tables, constraints and states, never values.
TELLING = {"23", "25", "40", "53", "55", "57", "58"}
CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def hide_secrets(text: str) -> str:
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def describe_exception(error: BaseException) -> str:
    """As Python writes it, with what led to it, but for what a secret could hide in."""
    return "".join(_write(error, set()))


def _write(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _write(before, seen)
        yield CAUSE if error.__cause__ else CONTEXT
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}: {hide_secrets(_find_reason(error))}\n"


def _find_reason(error: BaseException) -> str:
    server = error.__cause__ if isinstance(error, django.db.Error) else error
    if not isinstance(server, psycopg2.Error) or server.pgcode is None:
        return str(error)
    telling = server.pgcode[:2] in TELLING
    return f"SQLSTATE {server.pgcode} {server.diag.message_primary if telling else ''}".rstrip()


def _write_message(record: logging.LogRecord) -> str:
    request = getattr(record, "request", None)
    # Django's own lines about a request end with its path.
    if hasattr(request, "path") and isinstance(record.args, tuple) and record.args:
        return hide_secrets(str(record.msg) % (*record.args[:-1], find_route(cast("HttpRequest", request))))
    return hide_secrets(record.getMessage())


class JSONFormatter(json.JsonFormatter):
    """One object a line; what there is nothing to say of is left out."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        trace = find_trace()
        found = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _write_message(record),
            **trace._asdict(),
            **{name: getattr(record, name, "") for name in FIELDS},
            "exception": message_dict.get("exc_info", ""),
        }
        log_data |= {name: value for name, value in found.items() if value != ""}

    def formatException(self, ei: Raised) -> str:  # noqa: N802 (the name of logging's)
        return describe_exception(ei[1]) if ei[1] is not None else ""


class TextFormatter(logging.Formatter):
    """A line for people: the same, in an order they read."""

    def format(self, record: logging.LogRecord) -> str:
        trace = find_trace()
        at = datetime.fromtimestamp(record.created, UTC).isoformat(sep=" ", timespec="milliseconds")
        more = [str(getattr(record, name)) for name in FIELDS if getattr(record, name, "") != ""]
        parts = [at, record.levelname, record.name, _write_message(record), *more, *filter(None, trace)]
        error = record.exc_info[1] if record.exc_info else None
        return " ".join(parts) + (f"\n{describe_exception(error).rstrip()}" if error is not None else "")
