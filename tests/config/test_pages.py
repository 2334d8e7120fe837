"""Programs pass by what only pages need; everybody else does not."""

import pytest

from tests import builders
from tests.annotation.api.client import Program

pytestmark = pytest.mark.django_db


def test_a_program_gets_no_session_and_no_policy_for_pages(client):
    answer = Program(builders.make_user("ann")).ask("get", "me/")

    assert answer.status_code == 200
    assert "Content-Security-Policy" not in answer
    assert "Content-Language" not in answer
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/api/v1/synsets/"])
def test_who_brings_no_token_gets_all_of_it(client, path):
    answer = client.get(path)

    assert "Content-Security-Policy" in answer
    assert "Content-Language" in answer


def test_an_authorization_on_a_page_changes_nothing(client):
    client.force_login(builders.make_user("ann"))

    assert client.get("/", headers={"Authorization": "Token x"}).context["user"].username == "ann"


def test_a_session_opens_the_api_but_not_beside_a_wrong_token(client):
    client.force_login(builders.make_user("ann"))

    assert client.get("/api/v1/me/").status_code == 200
    assert client.get("/api/v1/me/", headers={"Authorization": "Token wrong"}).status_code == 401
    # As a proxy before the service may want it, which sees to it itself.
    assert client.get("/api/v1/me/", headers={"Authorization": "Basic scheme"}).status_code == 200
    assert "Content-Security-Policy" in client.get("/api/docs/", headers={"Authorization": "Token x"})
