"""Somebody who votes on and on while something else is measured."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from django.db import connection

from annotation.actions.batches import lease_batch
from annotation.actions.votes import GivenVote, submit_batch
from annotation.models import Annotator, BatchItem, Question
from annotation.tasks import ring_doorbell
from benchmarks.scale.filling import NAME

PAGE = 24
REST_SECONDS = 0.2
POLL_SECONDS = 0.1


@dataclass
class Waits:
    """Seconds: to get a page, to have it recorded, and from then until its last question was estimated."""

    lease: list[float] = field(default_factory=list)
    submit: list[float] = field(default_factory=list)
    label: list[float] = field(default_factory=list)

    def describe(self) -> dict[str, dict[str, float | int]]:
        return {name: _describe(sorted(values)) for name, values in vars(self).items()}


def _describe(values: list[float]) -> dict[str, float | int]:
    if len(values) < 2:
        return {"pages": len(values)}
    middle, high = statistics.median(values), statistics.quantiles(values, n=20)[-1]
    return {"pages": len(values), "median": round(middle, 3), "p95": round(high, 3), "worst": round(values[-1], 3)}


@contextmanager
def vote_meanwhile() -> Iterator[Waits]:
    """Pages are leased, answered and waited for, one after the other, while the block runs."""
    waits, ended = Waits(), threading.Event()
    thread = threading.Thread(target=_vote, args=(waits, ended))
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()


def _vote(waits: Waits, ended: threading.Event) -> None:
    try:
        annotators = Annotator.objects.filter(barred_at=None).order_by("pk").values_list("pk", flat=True)
        for annotator_id in annotators.iterator():
            _vote_once(annotator_id, waits, ended)
            if ended.wait(REST_SECONDS):
                return
    finally:
        connection.close()


def _vote_once(annotator_id: int, waits: Waits, ended: threading.Event) -> None:
    with _measure(waits.lease.append):
        batch = lease_batch(annotator_id=annotator_id, campaign_name=NAME, size=PAGE)
    if batch is None:
        return
    items = dict(BatchItem.objects.filter(batch=batch).values_list("position", "question_id"))
    given = [GivenVote(position=position, answer="YES") for position in items]
    with _measure(waits.submit.append):
        submit_batch(annotator_id=annotator_id, batch_id=batch.pk, votes=given, key=str(uuid4()))
    ring_doorbell()
    with _measure(waits.label.append):
        while Question.objects.due().filter(pk__in=items.values()).exists() and not ended.is_set():
            time.sleep(POLL_SECONDS)


@contextmanager
def _measure(note: Callable[[float], None]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    note(time.perf_counter() - start)
