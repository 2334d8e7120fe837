"""A program that talks to the API with a token."""

from typing import Any

from django.contrib.auth.models import User
from rest_framework.test import APIClient

from tests.builders import make_token


class Program(APIClient):
    """Bodies are JSON; addresses are below /api/v1/."""

    def __init__(self, user: User | None = None, scope: str = "annotate") -> None:
        super().__init__()
        self.default_format = "json"
        if user is not None:
            self.credentials(HTTP_AUTHORIZATION=f"Token {make_token(user, scope)}")

    def ask(self, method: str, address: str, body: Any = None, **headers: str) -> Any:
        path = address if address.startswith(("http", "/")) else f"/api/v1/{address}"
        send = getattr(self, method)
        given = {} if body is None else {"data": body}
        return send(path, **given, headers=headers, **({"format": "json"} if body is not None else {}))

    def send_votes(self, batch: str, votes: list[dict[str, Any]], key: str = "key-1") -> Any:
        return self.ask("post", f"batches/{batch}/votes/", {"votes": votes}, **{"Idempotency-Key": key})


def assert_problem(response: Any, status: int, *, errors: set[str] | None = None, detail: str = "") -> None:
    """A problem document of that status, whose errors name these places."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert detail in problem["detail"]
    if errors is not None:
        assert set(problem["errors"]) == errors
