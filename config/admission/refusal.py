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
from config.problems import PROBLEM_TYPE, write_problem

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
    path = environ["PATH_INFO"]
    if path.startswith("/api/"):
        content, content_type = json.dumps(write_problem(503, DETAIL)).encode(), PROBLEM_TYPE
    else:
        content, content_type = _write_page(kind, environ, body), "text/html; charset=utf-8"
    seconds = random.randint(*RETRY_SECONDS[kind])  # noqa: S311 (spread, no secret)
    headers = [("Content-Type", content_type), ("Retry-After", str(seconds)), *_list_headers()]
    return Refusal([*headers, ("Content-Length", str(len(content)))], content)


def _write_page(kind: Kind, environ: dict[str, Any], body: bytes) -> bytes:
    sent_by_form = (
        environ["REQUEST_METHOD"] == "POST"
        and kind in {Kind.VOTE, Kind.LEASE}
        and environ.get("CONTENT_TYPE", "").startswith(FORM)
        and environ.get("HTTP_X_REQUESTED_WITH") != "fetch"
    )
    return _render(_read_fields(body)) if sent_by_form else _render_plain()


def _read_fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS)
    except ValueError:
        return []


def _render(fields: list[tuple[str, str]]) -> bytes:
    return render_to_string("503.html", {"fields": fields}).encode()


@cache
def _render_plain() -> bytes:
    return _render([])


@cache
def _list_headers() -> Headers:
    """As Django's middlewares would send them."""
    return [
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", build_policy()),
        ("Referrer-Policy", str(settings.SECURE_REFERRER_POLICY)),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", str(settings.X_FRAME_OPTIONS)),
    ]
