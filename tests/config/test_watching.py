"""Each answer carries an id, each request has one line, and neither tells a secret."""

import pytest
from prometheus_client import REGISTRY

from tests import builders
from tests.annotation.api.client import Program

pytestmark = pytest.mark.django_db
GIVEN = "given-0123456789"


def find_answers(lines):
    return [line for line in lines if line["logger"] == "config.watching"]


def count(route, status):
    return REGISTRY.get_sample_value("veriset_requests_total", {"route": route, "status": status}) or 0


@pytest.mark.parametrize("path", ["/livez", "/api/v1/synsets/", "/nowhere", "/annotate/"])
def test_the_answer_carries_the_id_that_was_sent(client, path):
    assert client.get(path, headers={"X-Request-ID": GIVEN})["X-Request-ID"] == GIVEN


def test_an_id_of_another_form_is_not_carried(client):
    answer = client.get("/livez", headers={"X-Request-ID": "x' --"})

    assert len(answer["X-Request-ID"]) == 32


def test_a_request_has_one_line_with_its_route_and_role(read_lines):
    program = Program(builders.make_user("ann"))

    program.ask("get", "me/?page=2", **{"X-Request-ID": GIVEN})

    [line] = find_answers(read_lines())
    assert line.pop("milliseconds") > 0
    del line["time"]
    assert line == {
        "level": "INFO",
        "logger": "config.watching",
        "message": "answered",
        "request_id": GIVEN,
        "method": "GET",
        "route": "api:me",
        "status": 200,
        "role": "annotator",
    }


def test_a_page_shows_the_role_of_who_is_signed_in_and_none_of_a_visitor(client, read_lines):
    client.get("/")
    client.force_login(builders.make_user("cara", role="curator"))
    client.get("/disputes/")

    assert [line.get("role") for line in find_answers(read_lines())] == [None, "curator"]


def test_a_refusal_is_not_told_twice(client, read_lines):
    client.get("/nowhere")
    client.get("/disputes/")

    assert [(line["route"], line["status"]) for line in read_lines()] == [("none", 404), ("annotation:disputes", 302)]


def test_an_unknown_method_is_not_repeated(client, read_lines):
    client.generic("SECRETSECRET", "/livez")

    assert "SECRET" not in str(read_lines())


def test_requests_are_counted_by_route_and_class_of_status(client):
    before = count("livez", "2xx"), count("none", "4xx")

    client.get("/livez")
    client.get("/nowhere/1")
    client.get("/nowhere/2")

    assert (count("livez", "2xx") - before[0], count("none", "4xx") - before[1]) == (1, 2)


def test_no_line_holds_a_token_a_signature_a_password_or_an_address(client, read_lines):
    ann = builders.make_user("ann")
    token = builders.make_token(ann, "annotate")
    client.get("/api/v1/me/", headers={"Authorization": f"Token {token}"})
    client.get("/pictures/signed-and-wrong?query=asked")
    client.get("/accounts/reset/abc/of-a-reset/")
    client.post("/accounts/login/", {"username": "ann@example.org", "password": builders.PASSWORD})
    client.post("/accounts/reset/", {"email": "ann@example.org"})

    lines = str(read_lines())
    assert [
        secret for secret in (token, "signed-and", "of-a-reset", "example.org", builders.PASSWORD) if secret in lines
    ] == []
    assert len(find_answers(read_lines())) == 5


def test_a_failure_names_its_route_and_not_its_address(client, read_lines, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("for ann@example.org")

    monkeypatch.setattr("hierarchy.queries.pictures.find_picture", fail)
    client.raise_request_exception = False

    assert client.get("/pictures/signed").status_code == 500

    failed, answered = read_lines()
    assert failed["message"] == "Internal Server Error: hierarchy:picture"
    assert "RuntimeError: for (e-mail)" in failed["exception"]
    assert failed["request_id"] == answered["request_id"]
