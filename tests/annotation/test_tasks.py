"""The doorbell: many rings are one message, and a broken bell breaks nothing."""

import os
import subprocess
import sys
import time
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache

from annotation import tasks
from annotation.actions import campaign_ranges, estimates
from annotation.models import Gold, Question, RescoredRange
from config.celery import app
from tests import builders
from tests.annotation.actions.test_batches import make_campaign


@pytest.fixture
def queue(monkeypatch):
    """A queue and a bell of the test's own, for tests in other processes ring theirs in the same Redis."""
    name = f"test-{uuid4()}"
    monkeypatch.setattr(tasks, "DOORBELL", name)
    # However slow the machine is, a bell that was rung stays so.
    monkeypatch.setattr(tasks, "DOORBELL_SECONDS", 600)
    monkeypatch.setattr(tasks, "HELP_BELL", f"help-{name}")
    monkeypatch.setattr(tasks.estimate_due_questions, "_exec_options", {"queue": name})
    yield name
    cache.delete_many([name, f"help-{name}"])
    with app.connection_for_write() as connection:
        channel: Any = connection.channel()
        channel.queue_delete(name)


def count_messages(name):
    with app.connection_for_write() as connection:
        channel: Any = connection.channel()
        return channel.queue_declare(name, passive=True).message_count


def make_due_question():
    question = builders.make_question(gold_rate=0)
    builders.vote(builders.make_crowd(1)[0], "UNSURE")
    return question


def test_many_rings_are_one_message(queue):
    for _ in range(20):
        tasks.ring_doorbell()

    assert count_messages(queue) == 1


@pytest.mark.django_db
def test_the_bell_rings_again_after_a_run(queue):
    tasks.ring_doorbell()
    tasks.estimate_due_questions()
    tasks.ring_doorbell()

    assert count_messages(queue) == 2


@pytest.mark.django_db
def test_a_run_estimates_everything_that_is_due_and_a_second_one_nothing(queue):
    question = make_due_question()
    tasks.estimate_due_questions()
    question.refresh_from_db()
    first = question.estimate.estimated_at
    tasks.estimate_due_questions()
    question.estimate.refresh_from_db()

    assert not Question.objects.due().exists()
    assert question.estimate.estimated_at == first


@pytest.mark.django_db
def test_votes_that_come_while_the_bell_is_rung_are_estimated_by_the_same_run(queue, monkeypatch):
    make_due_question()
    late = builders.make_question(number=1930, gold_rate=0)
    tasks.ring_doorbell()

    def come_meanwhile(_):
        builders.vote(builders.make_crowd(1)[0], "UNSURE", campaign=late.campaign)
        tasks.ring_doorbell()
        monkeypatch.setattr(time, "sleep", lambda _: None)

    monkeypatch.setattr(time, "sleep", come_meanwhile)
    tasks.estimate_due_questions()

    assert late.votes.count() == 1
    assert not Question.objects.due().exists()
    assert count_messages(queue) == 1


@pytest.mark.django_db
def test_whoever_does_not_come_to_rest_calls_for_help_once(queue, monkeypatch):
    make_campaign(3, by=builders.make_crowd(1)[0], gold_rate=0)
    builders.make_due()
    monkeypatch.setattr(estimates, "FRESH_CHUNK", 1)
    monkeypatch.setattr(tasks, "HELP_AFTER_SECONDS", 0)
    tasks.estimate_due_questions()

    assert not Question.objects.due().exists()
    assert count_messages(queue) == tasks.HELPERS


@pytest.mark.django_db
def test_a_run_makes_room_after_its_time(queue, monkeypatch):
    make_campaign(3, by=builders.make_crowd(1)[0], gold_rate=0)
    builders.make_due()
    monkeypatch.setattr(estimates, "FRESH_CHUNK", 1)
    monkeypatch.setattr(tasks, "HELP_AFTER_SECONDS", 0)
    monkeypatch.setattr(tasks, "SLICE_SECONDS", -1)
    tasks.estimate_due_questions()

    assert Question.objects.due().count() == 2
    assert count_messages(queue) == tasks.HELPERS + 1


def test_estimations_have_a_queue_of_their_own_so_that_fresh_votes_need_not_wait():
    routes = {
        name: app.amqp.router.route({}, name)["queue"].name for name in app.tasks if name.startswith("annotation")
    }

    fresh = {
        routes.pop(f"annotation.tasks.{name}")
        for name in ("estimate_due_questions", "sweep_due_questions", "clear_sessions")
    }
    assert fresh == {"celery"}
    assert set(routes.values()) == {"estimation"}


@pytest.mark.django_db
def test_settled_gold_that_is_released_rings(monkeypatch):
    rings = []
    monkeypatch.setattr(tasks, "ring_doorbell", lambda: rings.append(1))
    question = builders.make_question(gold_rate=0)
    builders.make_gold(question)
    tasks.release_settled_gold()
    assert rings == []
    Gold.objects.update(source="SETTLED")

    tasks.release_settled_gold()

    question.refresh_from_db()
    assert (question.is_gold, rings) == (False, [1])


RING = """
import django
django.setup()
from annotation.tasks import _clear_doorbell, ring_doorbell
ring_doorbell()
_clear_doorbell()
print("still here")
"""


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "unix:///nowhere/redis.sock"])
def test_without_redis_the_bell_is_silent_and_nothing_breaks(url):
    environment = {**os.environ, "REDIS_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", RING], env=environment, capture_output=True, text=True, timeout=60)

    assert done.stdout == "still here\n", done.stderr
    assert "The doorbell did not ring; the sweep will find the votes" in done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("answered", [True, False])
def test_the_sweep_finds_what_is_due_unless_somebody_answers_the_bell(queue, answered):
    make_due_question()
    if answered:
        tasks.ring_doorbell()
    tasks.sweep_due_questions()

    assert Question.objects.due().exists() is answered


@pytest.mark.django_db
def test_finished_questions_are_scored_again_at_leisure_and_open_ones_at_once(queue, monkeypatch):
    assert not tasks._is_pressing(estimates.CHUNK)

    make_due_question()
    assert tasks._is_pressing(estimates.FRESH_CHUNK)
    assert not tasks._is_pressing(estimates.FRESH_CHUNK - 1)
    snapshot = builders.make_snapshot()
    RescoredRange.objects.create(snapshot=snapshot, reached=0, last=1)
    assert tasks._is_pressing(1)


@pytest.mark.django_db
def test_under_load_a_worker_rests_longer_than_it_works_but_no_longer_than_a_second(queue, monkeypatch):
    rests: list[float] = []
    looks, clock = iter([0.001, 0.05, 9.0, None, None]), {"now": 0.0}

    def look(**_):
        took = next(looks)
        clock["now"] += took or 0
        return 0 if took is None else 1

    monkeypatch.setattr(tasks, "SLICE_SECONDS", 100)
    monkeypatch.setattr(estimates, "estimate_due", look)
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    monkeypatch.setattr(time, "sleep", rests.append)
    tasks.estimate_due_questions()

    assert rests == pytest.approx([tasks.SHORTEST_REST_SECONDS, 0.45, tasks.LONGEST_REST_SECONDS])


def test_the_sweep_comes_every_few_seconds():
    [sweep] = [entry for entry in app.conf.beat_schedule.values() if entry["task"] == tasks.sweep_due_questions.name]

    assert sweep["schedule"] <= 60


@pytest.mark.django_db
def test_what_a_large_campaign_has_left_to_do_is_carried_on(monkeypatch):
    monkeypatch.setattr(campaign_ranges, "IDS_AT_ONCE", 2)
    monkeypatch.setattr(campaign_ranges, "AT_ONCE_SECONDS", 0.0)
    campaign = make_campaign(7, by=builders.make_crowd(1)[0])
    assert campaign.questions.count() == 2
    tasks.carry_on_campaigns()

    assert campaign.questions.count() == 7
