"""Measures one estimation by real workers, from its beginning to the last open question: needs Django set up."""

import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection

from annotation.actions.estimation import begin_estimation, choose_shards, find_estimation
from annotation.consensus.start import GRADED
from annotation.models import Estimation, RescoredRange, Snapshot
from annotation.tasks import estimate_due_questions, wake_estimators
from benchmarks.child import run_child
from benchmarks.rows import open_bare, read_clock
from benchmarks.scale.filling import allow_time
from benchmarks.scale.memory import read_processor_seconds, watch_memory
from benchmarks.scale.servers import Progress
from benchmarks.scale.voter import vote_meanwhile
from config.embedded.process import Command, start_child
from config.embedded.programs import CHECKOUT

# Of the loop that a pass stands beside.
VOTES_OF_THE_LOOP = 1_000_000
POLL_SECONDS = 0.1
WAKE_SECONDS = 2.0
WORKER = (sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "prefork", "--loglevel", "WARNING")
OUTDATED = """
SELECT count(*) FROM annotation_question AS question
JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
WHERE question.state = 'OPEN' AND question.closed_at IS NULL AND NOT question.is_gold AND estimate.snapshot_id < %s
"""
BARE = "COPY (SELECT question_id, annotator_id, answer FROM annotation_vote) TO STDOUT (FORMAT binary)"


def measure_estimation(*, workers: int, postgres: int, logs: Path, progress: Progress) -> dict[str, Any]:
    """What an estimation from where every installation starts takes by so many worker processes, and beside them one for fresh
    votes: seconds by stage, until no open question has an older estimate, and the peak of memory of all of them and of
    PostgreSQL, whose process is `postgres`. Somebody votes meanwhile."""
    bare = _measure_bare()
    progress(f"all votes by COPY alone: {bare:.1f} s")
    with ExitStack() as stack:
        main = start_child(command=describe_worker("worker", logs, workers, "celery,estimation"))
        stack.callback(main.stop)
        labeller = start_child(command=describe_worker("labeller", logs, 1, "celery"))
        stack.callback(labeller.stop)
        peaks = stack.enter_context(watch_memory(main.pid, labeller.pid, postgres))
        waits = stack.enter_context(vote_meanwhile())
        clock = StageClock(worker=(main.pid, labeller.pid), postgres=(postgres,))
        forget_what_was_learned()
        begun = begin_estimation(shards=choose_shards(most=settings.ESTIMATION_SHARDS), by=None, at=read_clock())
        clock.enter("reading")
        done = follow(begun, clock, workers, progress)
        clock.enter("")
        open_questions = _count_outdated()
        clock.enter("rescoring")
        follow_rescoring(workers, progress)
        clock.enter("")
    seconds = clock.describe("wall")
    passes = max(done.passes - 1, 1)
    return {
        "workers": workers,
        "questions": done.questions,
        "votes": done.votes,
        "shards": done.shards,
        "passes": done.passes,
        "result": done.reason or f"snapshot {done.snapshot_id}",
        "blind_rounds": done.blind_rounds,
        "seconds": seconds,
        "processor_seconds": {name: clock.describe(name) for name in ("worker", "postgres")},
        "votes_read_a_second": round(done.votes / seconds["reading"]),
        "seconds_a_pass": round((seconds.get("blind", 0.0) + seconds.get("clamped", 0.0)) / passes, 3),
        "open_questions_scored_again": open_questions,
        "scored_again_a_second": round(open_questions / max(seconds["rescoring"], 0.1)),
        "left_behind": _count_outdated(),
        "waits_of_voters": waits.describe(),
        "largest_worker_bytes": max(peaks[0].largest, peaks[1].largest),
        "all_workers_bytes": peaks[0].together + peaks[1].together,
        "postgres_bytes": peaks[2].together,
        "bare_copy_seconds": round(bare, 1),
        "bare_copy_votes_a_second": round(done.votes / bare),
        "load_of_the_machine": os.getloadavg(),
    }


def measure_loop() -> dict[str, float] | None:
    """Nanoseconds a vote and pass of two-state models, ours and a plain compiled loop's; None without numba (make bench)."""
    if importlib.util.find_spec("numba") is None:
        return None
    return run_child("benchmarks.loop", str(VOTES_OF_THE_LOOP))


def describe_worker(name: str, logs: Path, processes: int, queues: str) -> Command:
    """A Celery worker of so many processes, whose log is in `logs`."""
    arguments = ("--concurrency", str(processes), "--queues", queues, "--hostname", f"{name}@scale")
    return Command(
        name=name,
        arguments=(*WORKER, *arguments),
        environment=os.environ,
        log=logs / f"{name}.log",
        folder=CHECKOUT,
        death_signal=signal.SIGQUIT,
        stop_signals=(signal.SIGTERM, signal.SIGQUIT),
    )


class StageClock:
    """Seconds of each stage: `wall`, and of the processor by groups of processes, each named with its roots."""

    def __init__(self, **groups: tuple[int, ...]) -> None:
        self.groups, self.stage = groups, ""
        self.spent: dict[str, dict[str, float]] = {}
        self.last = self._read()

    def enter(self, stage: str) -> None:
        """What comes now belongs to this stage; to none, if it has no name."""
        if stage == self.stage:
            return
        now = self._read()
        if self.stage:
            spent = self.spent.setdefault(self.stage, dict.fromkeys(now, 0.0))
            self.spent[self.stage] = {name: spent[name] + now[name] - self.last[name] for name in now}
        self.stage, self.last = stage, now

    def describe(self, name: str) -> dict[str, float]:
        """Of all stages so far, and in all."""
        found = {stage: spent[name] for stage, spent in self.spent.items()}
        return {stage: round(spent, 1) for stage, spent in (found | {"total": sum(found.values())}).items()}

    def _read(self) -> dict[str, float]:
        of_groups = {name: sum(map(read_processor_seconds, roots)) for name, roots in self.groups.items()}
        return {"wall": time.perf_counter()} | of_groups


def forget_what_was_learned() -> None:
    """Puts the snapshot in force with which every installation starts, so that an estimation begins knowing nobody."""
    Snapshot.objects.create(parameters=GRADED.to_json(), published_at=read_clock())


def follow(begun: Estimation, clock: StageClock, workers: int, progress: Progress) -> Estimation:
    """Until it has ended; the first pass is that which reads the votes, and each step belongs to what it ends."""
    names = {"BLIND": "blind", "CLAMPED": "clamped", "RULES": "publication"}
    waked = time.perf_counter()
    wake_estimators(workers)
    while (now := find_estimation(begun.pk)).status == Estimation.Status.RUNNING:
        clock.enter("reading" if now.passes == 0 else names[now.stage])
        time.sleep(POLL_SECONDS)
        if time.perf_counter() - waked > WAKE_SECONDS:
            # In the service beat does.
            waked = time.perf_counter()
            wake_estimators(1)
            progress(f"{now.stage}, {now.passes} passes")
    return now


def follow_rescoring(workers: int, progress: Progress) -> None:
    """Until every open question has been scored with the newest snapshot."""
    waked = time.perf_counter()
    newest = Snapshot.objects.latest("pk").pk
    for _ in range(workers):
        estimate_due_questions.delay()
    while (left := RescoredRange.objects.filter(snapshot=newest).count()) > 0:
        time.sleep(POLL_SECONDS)
        if time.perf_counter() - waked > WAKE_SECONDS:
            waked = time.perf_counter()
            estimate_due_questions.delay()
            progress(f"{left} ranges of questions to score again")


def _count_outdated() -> int:
    newest = Snapshot.objects.latest("pk").pk
    with allow_time(), connection.cursor() as cursor:
        cursor.execute(OUTDATED, [newest])
        return int(cursor.fetchone()[0])


def _measure_bare() -> float:
    """The same votes without Django, to nowhere."""
    with open_bare() as bare, bare.cursor() as cursor, _open_nowhere() as nowhere:
        cursor.execute("SET statement_timeout = 0")
        start = time.perf_counter()
        cursor.copy_expert(BARE, nowhere)
        return time.perf_counter() - start


@contextmanager
def _open_nowhere() -> Iterator[BinaryIO]:
    with Path(os.devnull).open("wb") as file:
        yield file
