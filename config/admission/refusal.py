"""503: what is said to those who cannot be served now. Cheap, without a database: it is said when there is too much to do already."""

import json
import random
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, parse_cookie
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise

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
    language = "" if wants_problem(environ["PATH_INFO"]) else read_language(environ)
    content, headers = _write_page(_render(form, language), language) if form else _write_once(language)
    seconds = random.randint(*RETRY_SECONDS[kind])  # noqa: S311 (spread, no secret)
    return Refusal([("Retry-After", str(seconds)), *headers], content)


def turn_away(status: int, detail: Promise, environ: dict[str, Any]) -> Refusal:
    """What ends a request that nobody runs, for good: a problem document for the API, a line of text elsewhere."""
    if wants_problem(environ["PATH_INFO"]):
        with translation.override(settings.LANGUAGE_CODE):
            content, headers = _write(json.dumps(write_problem(status, str(detail))), PROBLEM_TYPE)
    else:
        with translation.override(read_language(environ)):
            content, headers = _write(str(detail), "text/plain; charset=utf-8")
    return Refusal(headers, content)


def read_language(environ: dict[str, Any]) -> str:
    """Of the reader: what Django would find in the same request."""
    request = HttpRequest()
    request.META, request.COOKIES = environ, parse_cookie(environ.get("HTTP_COOKIE", ""))
    return translation.get_language_from_request(request)


@cache
def _write_once(language: str) -> tuple[bytes, Headers]:
    """What nearly all get is made once for each language, and once for programs, which have none: refusing must cost next to nothing."""
    if language:
        return _write_page(_render([], language), language)
    return _write(json.dumps(write_problem(503, DETAIL)), PROBLEM_TYPE)


def _write_page(text: str, language: str) -> tuple[bytes, Headers]:
    content, headers = _write(text)
    return content, [*headers, ("Content-Language", language), ("Vary", "Cookie, Accept-Language")]


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


def _render(fields: list[tuple[str, str]], language: str) -> str:
    with translation.override(language):
        return render_to_string("503.html", {"fields": fields})
