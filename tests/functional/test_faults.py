"""Servers and workers are killed at random moments while a crowd votes; what was confirmed must be there, once."""

import random
import time

import pytest
import redis

from tests.functional.crowd import gather_crowd
from tests.functional.service import wait_until

pytestmark = [pytest.mark.functional, pytest.mark.xdist_group("service")]
ANIMAL, FELINE, WILDCAT, CARNIVORE, MAMMAL = "n00015388", "n02120997", "n02124623", "n02075296", "n01861778"
CITY, REGION, PARIS, CAPITAL = "n08524735", "n08630985", "n08932568", "n08518505"
KILLS = 3
# Confirmed votes between which the kills fall: the crowd has begun, and has not nearly finished.
FIRST, LAST = 8, 80
LONGEST_WAIT = 0.2
RECOVERY_SECONDS = 120
VOTES = """
SELECT batch_id::text, position, answer, count(*) FROM annotation_vote
WHERE batch_id IN (SELECT batch.id FROM annotation_batch AS batch JOIN annotation_campaign AS campaign
                   ON campaign.id = batch.campaign_id WHERE campaign.name = %s)
GROUP BY batch_id, position, answer
"""
# A question must be decided with its one label, or disputed with its one open dispute.
WITHOUT_END = """
SELECT question.id, question.state FROM annotation_question AS question
JOIN annotation_campaign AS campaign ON campaign.id = question.campaign_id
WHERE campaign.name = %s AND (
    (SELECT count(*) FROM hierarchy_label AS label WHERE label.candidate_id = question.candidate_id
     AND label.superseded_at IS NULL AND label.verdict = question.state)
    + (SELECT count(*) FROM annotation_dispute AS dispute WHERE dispute.question_id = question.id
       AND dispute.settled_at IS NULL AND question.state = 'DISPUTED')) <> 1
"""
DUE = "SELECT count(*) FROM annotation_duequestions"
BLOCKED = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%annotation_estimate%%'"
)


def check_votes(service, campaign, record):
    """Every confirmed vote is in the database once as it was given, and none is there that was not sent."""
    rows = service.ask(VOTES, campaign)
    kept = {(batch, position): answer for batch, position, answer, _ in rows}
    counts: dict[str, int] = dict.fromkeys(record.confirmed, 0)
    for batch, _ in kept:
        counts[batch] = counts.get(batch, 0) + 1

    assert all(count == 1 for *_, count in rows)
    assert len(kept) == len(rows)
    assert {place: record.sent.get(place) for place in kept} == kept
    assert counts == record.confirmed


def check_labels(service, campaign):
    assert service.ask(WITHOUT_END, campaign) == []
    assert service.ask(DUE) == [(0,)]
    assert "FAILED" not in service.manage("verify_integrity")


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
