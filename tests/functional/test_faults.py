"""Servers and workers are killed at random moments while a crowd votes; what was confirmed must be there, once."""

import random
import time

import pytest
import redis

from tests.functional.crowd import gather_crowd
from tests.functional.promises import DUE, check_labels, check_votes
from tests.functional.service import wait_until

pytestmark = [pytest.mark.functional, pytest.mark.xdist_group("service")]
ANIMAL, FELINE, WILDCAT, CARNIVORE, MAMMAL = "n00015388", "n02120997", "n02124623", "n02075296", "n01861778"
CITY, REGION, PARIS, CAPITAL = "n08524735", "n08630985", "n08932568", "n08518505"
KILLS = 3
# Confirmed votes between which the kills fall: the crowd has begun, and has not nearly finished.
FIRST, LAST = 8, 80
LONGEST_WAIT = 0.2
RECOVERY_SECONDS = 120
BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%annotation_estimate%%'"
)


@pytest.mark.parametrize(
    ("name", "wnids", "seed"),
    [
        pytest.param("worker", [ANIMAL, FELINE], 1, marks=pytest.mark.heavy),
        pytest.param("valkey", [WILDCAT, CARNIVORE], 2, marks=pytest.mark.heavy),
        ("postgres", [MAMMAL, CITY], 3),
    ],
)
def test_no_vote_is_lost_or_doubled_when_it_is_killed(service, tmp_path, name, wnids, seed):
    crowd = gather_crowd(service, tmp_path, name=f"kill-{name}", wnids=wnids, each=24)
    chance = random.Random(seed)

    with crowd.at_work() as record:
        for votes in sorted(chance.sample(range(FIRST, LAST), KILLS)):
            wait_until(lambda votes=votes: record.votes >= votes, seconds=RECOVERY_SECONDS, what="the crowd votes")
            time.sleep(chance.uniform(0, LONGEST_WAIT))
            assert crowd.count_waiting() > 0, "the crowd had finished before the kill"
            service.wait_for_another(name, than=service.kill(name))

    check_votes(service, crowd.campaign, record)
    check_labels(service, crowd.campaign)


@pytest.fixture
def held_estimates(service):
    """While it is locked, a task that writes estimates is in flight: it waits in PostgreSQL until `rollback`."""
    connection = service.open_database()
    connection.autocommit = False
    connection.cursor().execute("LOCK TABLE annotation_estimate IN EXCLUSIVE MODE")
    yield connection
    connection.close()


def vote_once(crowd):
    """A page of votes whose task then waits for the lock on the estimates."""
    with crowd.at_work(to_the_end=False) as record:
        wait_until(lambda: record.votes, seconds=RECOVERY_SECONDS, what="a page is sent")
    service = crowd.service
    wait_until(lambda: service.ask(BLOCKED)[0][0], seconds=RECOVERY_SECONDS, what="a task is in flight")
    return record


def test_a_worker_with_a_task_in_flight_outlives_the_loss_of_its_broker(service, tmp_path, held_estimates):
    crowd = gather_crowd(service, tmp_path, name="broker-lost", wnids=[REGION], each=6)
    worker = service.processes()["worker"]
    record = vote_once(crowd)

    service.wait_for_another("valkey", than=service.kill("valkey"))
    held_estimates.rollback()
    wait_until(lambda: service.ask(DUE) == [(0,)], seconds=RECOVERY_SECONDS, what="the votes are estimated")

    check_votes(service, crowd.campaign, record)
    with crowd.at_work():
        pass
    check_labels(service, crowd.campaign)
    assert service.processes()["worker"] == worker


def test_the_sweep_finishes_what_an_emptied_redis_forgot(service, tmp_path, held_estimates):
    crowd = gather_crowd(service, tmp_path, name="redis-emptied", wnids=[CAPITAL], each=6)
    vote_once(crowd)

    killed = service.kill("worker")
    with redis.Redis(unix_socket_path=service.environment["REDIS_URL"].removeprefix("unix://")) as valkey:
        valkey.flushall()
    assert service.ask(DUE) != [(0,)]
    held_estimates.rollback()

    service.wait_for_another("worker", than=killed)
    wait_until(lambda: service.ask(DUE) == [(0,)], seconds=RECOVERY_SECONDS, what="the sweep finds the votes")
    with crowd.at_work():
        pass
    check_labels(service, crowd.campaign)
