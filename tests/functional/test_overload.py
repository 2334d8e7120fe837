"""More clients than a web process has places: some are refused, votes are taken, and afterwards all is as before."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.functional.crowd import gather_crowd
from tests.functional.promises import check_votes
from tests.functional.service import wait_until

pytestmark = [pytest.mark.functional, pytest.mark.heavy, pytest.mark.xdist_group("service")]
URBAN_AREA, NATIONAL_CAPITAL = "n08675967", "n08691669"
READERS = 60
FLOOD_SECONDS, ANSWER_SECONDS, HASTE_SECONDS = 5, 30, 0.2
# docker-compose.yml asks that long whether web is healthy.
HEALTH_SECONDS = 3
# Two web processes with four threads each; workers, labeller, beat and this test have theirs.
CONNECTIONS = 2 * 4 + 8
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'veriset_app'"


def read_on_and_on(url, token, is_over):
    """Answers other than 200, and how many of those there were."""
    refused, read = [], 0
    with requests.Session() as session:
        session.headers["Authorization"] = f"Token {token}"
        while not is_over.is_set():
            answer = session.get(f"{url}/api/v1/labels/?limit=100", timeout=ANSWER_SECONDS)
            if answer.status_code == 200:
                read += 1
            else:
                refused.append(answer)
                # Sooner than they were told to.
                is_over.wait(HASTE_SECONDS)
    return refused, read


def look_after(url, is_over):
    """(seconds, status, text) of each look at whether the service lives and is ready."""
    looks = []
    while not is_over.wait(0.2):
        for name in ("livez", "readyz"):
            begun = time.monotonic()
            answer = requests.get(f"{url}/{name}", timeout=ANSWER_SECONDS)
            looks.append((time.monotonic() - begun, answer.status_code, answer.text))
    return looks


@pytest.fixture(scope="module")
def flood(service, tmp_path_factory):
    """What readers, votes and looks met while there were far too many readers."""
    crowd = gather_crowd(
        service, tmp_path_factory.mktemp("overload"), name="overload", wnids=[URBAN_AREA, NATIONAL_CAPITAL], each=24
    )
    is_over, token = threading.Event(), crowd.tokens[0]
    with ThreadPoolExecutor(READERS + 1) as pool:
        readers = [pool.submit(read_on_and_on, service.url, token, is_over) for _ in range(READERS)]
        looks = pool.submit(look_after, service.url, is_over)
        try:
            with crowd.at_work(to_the_end=False) as record:
                wait_until(lambda: record.votes, seconds=ANSWER_SECONDS, what="votes are taken while there is too much")
                time.sleep(FLOOD_SECONDS)
                connected = service.ask(CONNECTED)[0][0]
        finally:
            is_over.set()
    read = [reader.result() for reader in readers]
    return {
        "crowd": crowd,
        "record": record,
        "refused": [answer for refused, _ in read for answer in refused],
        "read": sum(count for _, count in read),
        "looks": looks.result(),
        "connected": connected,
    }


def test_some_are_refused_with_a_problem_document_and_told_when_to_come_again(flood):
    assert flood["refused"]
    assert flood["read"] > 0
    for answer in flood["refused"]:
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
        assert answer.json()["status"] == 503
        assert int(answer.headers["Retry-After"]) > 0


def test_every_acknowledged_vote_is_there_once(service, flood):
    record, crowd = flood["record"], flood["crowd"]

    assert record.votes > 0
    check_votes(service, crowd.campaign, record)


def test_health_is_answered_in_time_meanwhile(flood):
    assert flood["looks"]
    assert [look for look in flood["looks"] if look[0] > HEALTH_SECONDS or look[1] != 200] == []


def test_no_more_connections_to_the_database_are_open_than_threads_run_requests(flood):
    assert flood["connected"] <= CONNECTIONS


def test_afterwards_nobody_is_refused(service, flood):
    headers = {"Authorization": f"Token {flood['crowd'].tokens[0]}"}

    answers = [
        requests.get(f"{service.url}/api/v1/labels/?limit=100", headers=headers, timeout=ANSWER_SECONDS)
        for _ in range(20)
    ]

    assert {answer.status_code for answer in answers} == {200}
