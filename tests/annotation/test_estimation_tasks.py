"""Workers look after the estimation: begin one that is due, work on it, call each other for help."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.utils.timezone import now
from redis.exceptions import RedisError

from annotation import tasks
from annotation.actions import estimation
from annotation.actions.estimation_passes import forget_shards
from annotation.consensus.fit import Plan
from annotation.models import Estimation
from config.celery import app
from tests.annotation.voted import make_voted_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(monkeypatch):
    """A queue and a bell of the test's own; only time makes an estimation due."""
    # Ids of votes go on from one test to the next.
    monkeypatch.setattr(estimation, "FIRST_VOTES", 10**9)
    monkeypatch.setattr(estimation, "LONGEST_WRITING", timedelta())
    name = f"test-{uuid4()}"
    monkeypatch.setattr(tasks, "ESTIMATION_BELL", name)
    monkeypatch.setattr(tasks.run_estimation_shards, "_exec_options", {"queue": name})
    forget_shards()
    yield name
    forget_shards()
    cache.delete(name)
    with app.connection_for_write() as connection:
        channel: Any = connection.channel()
        channel.queue_delete(name)


def count_messages(name):
    with app.connection_for_write() as connection:
        channel: Any = connection.channel()
        return channel.queue_declare(name, passive=True).message_count


@pytest.fixture
def begun(tmp_path):
    make_voted_campaign(tmp_path)
    return estimation.begin_estimation(shards=3, by=None, at=now(), plan=Plan(stages=1, last_rounds=2))


def test_a_task_works_until_nothing_is_left(queue, begun, monkeypatch):
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 600)

    tasks.run_estimation_shards()

    begun.refresh_from_db()
    assert begun.status == "DONE"


def test_a_task_that_worked_for_its_time_calls_the_next_and_as_many_helpers_as_there_are_other_shards(
    queue, begun, monkeypatch
):
    monkeypatch.setattr(tasks, "SLICE_SECONDS", -1)

    tasks.run_estimation_shards()

    begun.refresh_from_db()
    assert (begun.status, begun.parts.filter(passes=1).count()) == ("RUNNING", 1)
    assert count_messages(queue) == 2 + 1


def run_in_a_thread():
    try:
        tasks.run_estimation_shards()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_task_goes_on_as_soon_as_others_leave_something_to_do(queue, begun, monkeypatch):
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 600)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            held = list(begun.parts.select_for_update())
            working = pool.submit(run_in_a_thread)
            with pytest.raises(TimeoutError):
                working.result(timeout=0.5)
        working.result(timeout=120)

    begun.refresh_from_db()
    assert (len(held), begun.status) == (3, "DONE")


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_task_waits_for_others_no_longer_than_its_time(queue, begun, monkeypatch):
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        list(begun.parts.select_for_update())

        pool.submit(run_in_a_thread).result(timeout=60)

    assert begun.parts.filter(passes=0).count() == 3


def test_helpers_are_called_once_a_second_at_most(queue, begun, monkeypatch):
    monkeypatch.setattr(tasks, "SLICE_SECONDS", -1)
    monkeypatch.setattr(tasks, "ESTIMATION_BELL_SECONDS", 600)

    for _ in range(3):
        tasks.run_estimation_shards()

    assert count_messages(queue) == 2 + 3


def test_without_a_bell_the_work_goes_on(queue, begun, monkeypatch):
    def fail(*arguments, **options):
        raise RedisError("gone")

    monkeypatch.setattr(cache, "add", fail)
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 600)

    tasks.run_estimation_shards()

    begun.refresh_from_db()
    assert begun.status == "DONE"


def test_beat_begins_what_is_due_and_the_second_call_begins_nothing(queue, tmp_path, settings, monkeypatch):
    make_voted_campaign(tmp_path)
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 600)
    settings.ESTIMATION_SECONDS = 0

    tasks.estimate_all()
    tasks.estimate_all()

    assert [each.status for each in Estimation.objects.all()] == ["DONE"]


def test_beat_leaves_what_is_not_due(queue, tmp_path):
    make_voted_campaign(tmp_path)

    tasks.estimate_all()

    assert not Estimation.objects.exists()
