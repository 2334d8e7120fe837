"""Problem documents (RFC 9457)."""

from http import HTTPStatus
from typing import Any

PROBLEM_TYPE = "application/problem+json"


def wants_problem(path: str) -> bool:
    """Whether whoever asks for that path is a program."""
    return path.startswith("/api/")


def write_problem(status: int, detail: str, errors: Any = None) -> dict[str, Any]:
    """A problem document; `errors` holds what is wrong by field."""
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return problem if errors is None else {**problem, "errors": errors}
