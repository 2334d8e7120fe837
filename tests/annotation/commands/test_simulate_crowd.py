import pytest
import requests
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError

from annotation.management.crowd import Client, CrowdError, Tally, ask_database, read_pause

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.mark.parametrize(
    "url", ["garbage", "ftp://x", "http://", "http://[::1", "http://127.0.0.1:abc", "http://127.0.0.1:1"]
)
def test_an_address_where_no_service_answers_is_refused_at_once(url):
    with pytest.raises(CommandError, match=r"^--url: "):
        call_command("simulate_crowd", "--url", url)


def test_an_address_that_cannot_be_meant_is_not_tried_again():
    tally = Tally()

    with pytest.raises(CrowdError) as failure:
        Client(url="garbage", token="x", tally=tally).request("GET", "/api/v1/me/", accept=(200,))

    assert isinstance(failure.value.__cause__, requests.exceptions.MissingSchema)
    assert tally.repeated == 0


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("3", 3, 4.5), ("900", 30, 45), (None, 0.5, 0.75), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.5, 0.75)],
)
def test_a_refused_client_comes_again_when_it_was_told_to_and_not_with_all_others(said, least, most):
    response = requests.Response()
    if said:
        response.headers["Retry-After"] = said

    pauses = {read_pause(response) for _ in range(20)}

    assert least <= min(pauses) < max(pauses) <= most


def test_the_database_is_asked_again_when_it_was_away():
    answers = iter([OperationalError("away"), InterfaceError("closed")])

    def query():
        for error in answers:
            raise error
        return "found"

    assert ask_database(query) == "found"


def test_a_database_that_stays_away_ends_the_patience(monkeypatch):
    monkeypatch.setattr("annotation.management.crowd.PATIENCE_SECONDS", 0)

    def query():
        raise OperationalError("away")

    with pytest.raises(OperationalError):
        ask_database(query)
