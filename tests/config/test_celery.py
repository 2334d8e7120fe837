"""What a worker does with its connection to the database between two tasks."""

from typing import Any

import pytest
from celery.fixups.django import DjangoWorkerFixup  # type: ignore[attr-defined]  # its types do not know it
from celery.signals import task_postrun, task_prerun
from django.db import connection

from annotation import tasks
from annotation.tasks import estimate_all
from config.celery import app
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
