"""503: what is said to those who cannot be served now. Cheap, without a database: it is said when there is too much to do already."""

import json
import random
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from csp.utils import build_policy
from django.conf import settings
from django.template.loader import render_to_string

from config.admission.line import Kind
from config.problems import PROBLEM_TYPE, wants_problem, write_problem

STATUS = "503 Service Unavailable"
DETAIL = "Too much at once. Nothing was done: try again after the seconds of Retry-After, with the same key where there was one."
# From and to how many seconds, so that not all come back at the same moment; votes come back first.
RETRY_SECONDS = {
    Kind.HEALTH: (1, 2),
    Kind.VOTE: (1, 3),
    Kind.LEASE: (2, 6),
    Kind.PART: (2, 6),
    Kind.BROWSING: (4, 12),
    Kind.EXPORT: (10, 30),
}
FORM = "application/x-www-form-urlencoded"
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Refusal:
    headers: Headers
    content: bytes


def refuse(kind: Kind, environ: dict[str, Any], body: bytes) -> Refusal:
    """A problem document for the API, a page for people; one that was sent from the annotation page brings a form that sends the
    same `body` again."""
    form = _read_form(kind, environ, body)
    content, headers = _write(_render(form)) if form else _write_once(wants_problem(environ["PATH_INFO"]))
    seconds = random.randint(*RETRY_SECONDS[kind])  # noqa: S311 (spread, no secret)
    return Refusal([("Retry-After", str(seconds)), *headers], content)


def turn_away(status: int, detail: str, path: str) -> Refusal:
    """What ends a request that nobody runs, for good: a problem document for the API, a line of text elsewhere."""
    if wants_problem(path):
        content, headers = _write(json.dumps(write_problem(status, detail)), PROBLEM_TYPE)
    else:
        content, headers = _write(detail, "text/plain; charset=utf-8")
    return Refusal(headers, content)


@cache
def _write_once(problem: bool) -> tuple[bytes, Headers]:
    """What nearly all get is made once: refusing must cost next to nothing."""
    if problem:
        return _write(json.dumps(write_problem(503, DETAIL)), PROBLEM_TYPE)
    return _write(_render([]))


def _write(text: str, content_type: str = "text/html; charset=utf-8") -> tuple[bytes, Headers]:
    """With the headers that Django's middlewares would send."""
    content = text.encode()
    return content, [
        ("Content-Type", content_type),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", build_policy()),
        ("Referrer-Policy", str(settings.SECURE_REFERRER_POLICY)),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", str(settings.X_FRAME_OPTIONS)),
    ]


def _read_form(kind: Kind, environ: dict[str, Any], body: bytes) -> list[tuple[str, str]]:
    """What the annotation page sent without its scripts; nothing where anything else was sent."""
    sent_by_form = (
        environ["REQUEST_METHOD"] == "POST"
        and kind in {Kind.VOTE, Kind.LEASE}
        and environ.get("CONTENT_TYPE", "").startswith(FORM)
        and environ.get("HTTP_X_REQUESTED_WITH") != "fetch"
    )
    try:
        return parse_qsl(
            body.decode() if sent_by_form else "",
            keep_blank_values=True,
            max_num_fields=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
        )
    except ValueError:
        return []


def _render(fields: list[tuple[str, str]]) -> str:
    return render_to_string("503.html", {"fields": fields})
