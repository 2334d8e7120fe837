"""What is counted of leases and votes, through the API and through pages."""

import pytest
from prometheus_client import REGISTRY

from tests import builders
from tests.annotation.api.client import Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def count():
    """How far a number has grown since the first time it was asked for."""
    begun: dict[tuple, float] = {}

    def read(name, **labels):
        found = REGISTRY.get_sample_value(f"veriset_{name}", labels) or 0
        return found - begun.setdefault((name, *labels.values()), found)

    for name in ("votes_total", "replays_total", "vote_seconds_count", "lease_seconds_count"):
        read(name)
    for reason in ("Conflict", "InvalidInput", "KeyReused", "Failure"):
        read("refused_votes_total", reason=reason)
        read("refused_leases_total", reason=reason)
    return read


@pytest.fixture
def program():
    builders.make_question()
    return Program(builders.make_user("ann"))


def lease(program):
    return program.ask("post", "batches/", {}).json()["id"]


def test_votes_count_once_and_replays_apart(program, count):
    batch = lease(program)
    for _ in range(3):
        assert program.send_votes(batch, [{"position": 1, "answer": "YES"}]).status_code == 201

    assert (count("votes_total"), count("replays_total")) == (1, 2)
    assert (count("vote_seconds_count"), count("lease_seconds_count")) == (3, 1)


def test_refusals_count_by_reason(program, count):
    batch, vote = lease(program), [{"position": 1, "answer": "YES"}]
    program.send_votes(batch, [])
    program.send_votes(batch, vote)
    program.send_votes(batch, vote, key="another")
    program.send_votes(batch, [{"position": 1, "answer": "NO"}])

    refused = [count("refused_votes_total", reason=reason) for reason in ("InvalidInput", "Conflict", "KeyReused")]
    assert refused == [1, 1, 1]
    assert count("votes_total") == 1


def test_a_refused_lease_counts(program, count):
    program.ask("post", "batches/", {"size": 0})

    assert count("refused_leases_total", reason="InvalidInput") == 1


def test_what_nobody_expected_counts_as_a_failure(program, count, monkeypatch):
    batch = lease(program)
    program.raise_request_exception = False
    monkeypatch.setattr("annotation.actions.votes._record", lambda *_: 1 / 0)

    assert program.send_votes(batch, [{"position": 1, "answer": "YES"}]).status_code == 500
    assert count("refused_votes_total", reason="Failure") == 1


def test_a_page_counts_as_well(client, count):
    builders.make_question()
    client.force_login(builders.make_user("ann"))
    client.post("/annotate/lease/")
    batch = client.get("/annotate/").context["batch"].pk
    for _ in range(2):
        client.post(f"/annotate/{batch}/submit/", {"answer-1": "YES", "key": "mine"})

    assert (count("votes_total"), count("replays_total")) == (1, 1)
    assert count("lease_seconds_count") >= 1
