"""What the work in hand belongs to: a request, by its id, and a Celery task where there is one.

Log lines, SQL statements and messages to workers carry it. django-guid does as much by signals of Django and Celery, which
this project does without, and knows no statements.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from django.http import HttpRequest

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class Trace(NamedTuple):
    """Empty texts where there is no such thing."""

    request_id: str = ""
    task: str = ""
    task_id: str = ""


NOTHING = Trace()
_current: ContextVar[Trace] = ContextVar("trace", default=NOTHING)


def find_trace() -> Trace:
    return _current.get()


def set_trace(trace: Trace) -> None:
    """Until it is set again."""
    _current.set(trace)


@contextmanager
def run_under(trace: Trace) -> Iterator[None]:
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


def choose_request_id(given: object) -> str:
    """The given id where it is one (8 to 64 letters of ASCII, digits and hyphens), else a new one."""
    return given if isinstance(given, str) and REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def find_route(request: HttpRequest) -> str:
    """The name of the route: addresses may hold signatures. "none" for what leads nowhere and for static files; Django's admin is one."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return "none"
    return "admin" if match.namespace == "admin" else str(match.view_name)
