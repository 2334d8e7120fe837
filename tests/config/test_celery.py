"""What a worker does with its connection to the database between two tasks."""

from typing import Any

import pytest
from celery.fixups.django import DjangoWorkerFixup  # type: ignore[attr-defined]  # its types do not know it
from celery.signals import task_postrun, task_prerun
from django.db import connection
from prometheus_client import REGISTRY

from annotation import tasks
from annotation.tasks import estimate_all
from config.celery import REQUEST_ID, app
from config.trace import Trace, find_trace, run_under
from tests.config.test_postgresql import MINE, another, read

__all__ = ["another"]
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def worker(monkeypatch):
    """What Celery does in a worker process around each task, on the connection of this process."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    yield DjangoWorkerFixup(app).install()
    connection.close()


def run_task():
    task_prerun.send(sender=estimate_all)
    run: Any = estimate_all
    run.before_start("a-task")
    mine = read(connection, MINE)
    run.after_return("SUCCESS")
    task_postrun.send(sender=estimate_all)
    return mine


@pytest.mark.usefixtures("worker")
def test_it_is_kept_from_one_task_to_the_next():
    assert run_task() == run_task()


@pytest.mark.usefixtures("worker")
def test_one_that_the_server_has_closed_is_replaced(another):
    first = run_task()
    assert read(another, f"SELECT pg_terminate_backend({first}, 5000)")

    assert run_task() != first


@pytest.mark.usefixtures("worker")
def test_a_task_that_was_cut_off_in_a_transaction_leaves_nothing_of_it_to_the_next_one():
    first = run_task()
    connection.set_autocommit(False)
    connection.in_atomic_block = True
    run: Any = estimate_all
    run.on_failure()

    assert run_task() != first
    assert connection.get_autocommit()
    assert not connection.in_atomic_block


def test_what_beat_asks_for_outlives_what_an_estimation_puts_before_it_in_the_queue():
    for entry in app.conf.beat_schedule.values():
        assert entry["options"]["expires"] > tasks.HELP_SECONDS + 2 * tasks.SLICE_SECONDS


class Publisher:
    """In place of the broker: keeps the headers of what is sent."""

    def __init__(self, monkeypatch):
        self.sent = []
        monkeypatch.setattr(app.amqp, "send_task_message", self._send)

    def _send(self, producer, name, message, headers=None, **options):
        self.sent.append(headers)


@pytest.fixture
def publisher(monkeypatch):
    return Publisher(monkeypatch)


def test_a_message_carries_the_id_of_the_request_that_asked(publisher):
    with run_under(Trace("asked-for-it")):
        estimate_all.apply_async(retry=False, expires=60)

    assert publisher.sent == [{REQUEST_ID: "asked-for-it"}]


def test_a_message_that_no_request_asked_for_has_an_id_of_its_own(publisher):
    estimate_all.apply_async(retry=False)
    estimate_all.apply_async(retry=False, headers={"other": "1"})

    first, second = publisher.sent
    assert len(first[REQUEST_ID]) == 32
    assert first[REQUEST_ID] != second[REQUEST_ID]
    assert second["other"] == "1"


def count_tasks(outcome):
    labels = {"task": estimate_all.name, "outcome": outcome}
    return REGISTRY.get_sample_value("veriset_task_seconds_count", labels) or 0


@pytest.mark.usefixtures("worker")
def test_a_task_runs_under_the_id_of_its_message_is_counted_and_has_a_line(read_lines):
    before = count_tasks("success")
    run: Any = estimate_all
    run.push_request(**{REQUEST_ID: "asked-for-it"})
    try:
        run.before_start("a-task")
        assert find_trace() == Trace("asked-for-it", estimate_all.name, "a-task")
        run.after_return("SUCCESS")
    finally:
        run.pop_request()

    assert find_trace() == Trace()
    assert count_tasks("success") == before + 1
    [line] = read_lines()
    assert (line["request_id"], line["task_id"], line["outcome"]) == ("asked-for-it", "a-task", "success")
