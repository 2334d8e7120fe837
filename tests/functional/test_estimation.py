"""Celery workers estimate in shards and are killed between rounds and in the middle of them."""

import csv
import os
import random
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from annotation.actions.estimation import FIRST_VOTES
from tests.functional.pictures import draw_candidates, read_truths
from tests.functional.service import CHECKOUT, describe_outside, restore_signals, wait_until

pytestmark = [pytest.mark.functional, pytest.mark.xdist_group("service")]
# Synsets that no other test of this service asks about.
CHORDATE, VERTEBRATE, PLACENTAL, CANINE, TRUE_CAT = "n01466257", "n01471682", "n01886756", "n02083346", "n02121620"
ANNOTATORS, VOTES, GOLD = 12, 6, 60
START = datetime(2025, 3, 1, tzinfo=UTC)
SECONDS = 180
STATE = "SELECT status, passes FROM annotation_estimation WHERE id = %s"
RUNNING = "SELECT count(*) FROM annotation_estimation WHERE status = 'RUNNING'"
# Whether there are so many votes that the service soon begins an estimation by itself.
IS_DUE = """
SELECT (SELECT max(id) FROM annotation_vote) >= greatest(%s, 2 * coalesce(
    (SELECT newest_vote FROM annotation_estimation ORDER BY id DESC LIMIT 1), 0))
"""


def ask_service(service, *arguments) -> str:
    command = [sys.executable, "-m", "tests.functional.estimations", *arguments]
    given = {**describe_outside(), **service.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(command, cwd=CHECKOUT, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def voted(service, tmp_path):
    """A campaign with gold on which a crowd of known accuracy has voted."""
    manifest = draw_candidates(tmp_path, wnids=[CHORDATE, VERTEBRATE, PLACENTAL, CANINE, TRUE_CAT], each=24, seed=77)
    service.prepare("estimated", manifest, "--policy", "gold_rate=0")
    truths, chance = read_truths(manifest), random.Random(1)
    known = chance.sample(sorted(truths), GOLD)
    write_rows(tmp_path / "gold.csv", ["answer"], [[*pair, truths[pair]] for pair in known])
    service.manage("import_gold", tmp_path / "gold.csv", "--campaign", "estimated")
    rows = [
        [*pair, f"estimated-{annotator}", answer(truth, annotator, chance)]
        for pair, truth in truths.items()
        for annotator in chance.sample(range(ANNOTATORS), VOTES)
    ]
    stamped = [[*row, (START + timedelta(seconds=second)).isoformat()] for second, row in enumerate(rows)]
    write_rows(tmp_path / "votes.csv", ["annotator", "answer", "at"], stamped)
    service.manage("import_votes", tmp_path / "votes.csv", "--campaign", "estimated")
    wait_until(lambda: is_at_rest(service), seconds=SECONDS, what="no estimation runs or is due")


def is_at_rest(service) -> bool:
    return service.ask(IS_DUE, FIRST_VOTES) == [(False,)] and service.ask(RUNNING) == [(0,)]


def answer(truth, annotator, chance) -> str:
    right = chance.random() < 0.75 + 0.02 * annotator
    return truth if right else "NO" if truth == "YES" else "YES"


def write_rows(path, columns, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["wnid", "image_sha256", *columns], *rows])


@contextmanager
def another_worker(service):
    """Celery with two processes of its own, in a group of its own, so that all of it can be killed at once."""
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "prefork", "--concurrency", "2"]
    worker = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={**describe_outside(), **service.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=restore_signals,
    )
    try:
        yield worker
    finally:
        kill_group(worker)


def kill_group(worker):
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def wait_for_passes(service, estimation, passes):
    def has_come_so_far():
        [(status, ended)] = service.ask(STATE, estimation)
        assert status == "RUNNING", status
        return ended >= passes

    wait_until(has_come_so_far, seconds=SECONDS, what=f"{passes} passes")


def test_workers_that_are_killed_change_no_bit_of_what_is_learned(service, voted):
    assert service.ask(RUNNING) == [(0,)]
    expected = ask_service(service, "expect")

    with another_worker(service) as worker:
        estimation = int(ask_service(service, "begin"))
        wait_for_passes(service, estimation, 2)
        kill_group(worker)
        wait_for_passes(service, estimation, 5)
        killed = service.kill("worker")
        service.wait_for_another("worker", than=killed)
    with another_worker(service):
        wait_until(
            lambda: service.ask(STATE, estimation)[0][0] != "RUNNING", seconds=SECONDS, what="the estimation ends"
        )

    assert service.ask("SELECT status, reason FROM annotation_estimation WHERE id = %s", estimation) == [("DONE", "")]
    assert ask_service(service, "found") == expected
    assert "FAILED" not in service.manage("verify_integrity")

    output = service.manage("estimate", "--campaign", "estimated")
    assert "gold: precision" in output
    assert service.ask("SELECT count(*) FROM annotation_estimation WHERE status = 'DONE'")[0][0] >= 2
