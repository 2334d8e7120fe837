"""One pass of an estimation over one shard of the votes."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection, transaction
from django.db.models import Case, Value, When

from annotation.consensus.fit import Course
from annotation.consensus.model import Parameters
from annotation.consensus.sampling import choose_share, draw_sample
from annotation.consensus.scorecard import sum_agreement
from annotation.consensus.shards import Holder, Shard, pack_expectation, unpack_course
from annotation.consensus.votes import UNKNOWN
from annotation.models import Estimation, EstimationShard
from annotation.queries.teaching import read_shard

# While a shard is asked its transaction rests; Celery's time limit ends it before that.
REST_SECONDS = 300
# Between two passes a process keeps shards of so many votes ready, some 25 bytes each; one more than that it makes anew for
# each pass.
VOTES_KEPT = 50_000_000
# A shard of some million votes is joined and sorted in memory.
WORK_MEMORY = "256MB"


@dataclass(frozen=True)
class _Key:
    estimation: int
    stage: str
    shard: int


@dataclass(frozen=True, eq=False)
class _Kept:
    """A holder whose newest question was that of the last of `passes` passes."""

    holder: Holder
    passes: int


# Of this process. What is in it can be made again at any time.
_kept: dict[_Key, _Kept] = {}


def ask_shard(*, estimation: Estimation, at: datetime) -> bool:
    """Asks a shard that nobody else is asking in the pass that is due; false if there is none.

    The shard stays locked meanwhile, and what it said is there whole or not at all: whoever is killed leaves it to others.
    """
    with transaction.atomic():
        allow_time()
        part = _claim(estimation)
        if part is None:
            return False
        running = Estimation.objects.defer("previous", "synset_factors").get(pk=estimation.pk)
        key = _Key(running.pk, running.stage, part.shard)
        holder = _take_holder(key, running, part)
        course = unpack_course(bytes(running.course))
        share = find_share(running, course)
        part.statistics = _draw(part, share) if share < 1 else pack_expectation(holder.ask(course))
        read = ["votes", "known", "figures"] if part.passes == 0 else []
        part.passes, part.asked_at = running.passes + 1, at
        part.save(update_fields=[*read, "statistics", "passes", "asked_at"])
        Estimation.objects.filter(pk=running.pk).update(progressed_at=at, failures=0)
    _keep(key, _Kept(holder, part.passes))
    return True


def find_share(running: Estimation, course: Course) -> float:
    """The share of questions that the pass which is due asks: in the first one, that which reads, it may be a sample."""
    if running.passes:
        return 1.0
    return choose_share(votes=running.newest_vote, known=float(course.counts.sum()))


def forget_shards() -> None:
    """Lets go of what this process keeps for the next pass."""
    _kept.clear()


def allow_time() -> None:
    """In this transaction statements may take their time and some memory, and so may the arithmetic between them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
        # Compiling takes longer than it spares: statements are plain, only rows are many.
        cursor.execute("SET LOCAL jit = off")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{REST_SECONDS}s'")


def _claim(estimation: Estimation) -> EstimationShard | None:
    """Locked; rather one that this process has at hand. While it is locked and not asked, the pass cannot end."""
    mine = [key.shard for key in _kept if key.estimation == estimation.pk]
    rather = Case(When(shard__in=mine, then=Value(0)), default=Value(1))
    due = EstimationShard.objects.filter(
        estimation=estimation, estimation__status=Estimation.Status.RUNNING, passes__lte=estimation.passes
    )
    free = due.select_for_update(skip_locked=True, of=("self",))
    return free.defer("votes", "known", "statistics").order_by(rather, "shard").first()


def _take_holder(key: _Key, running: Estimation, part: EstimationShard) -> Holder:
    """The shard's holder, whose newest question is that of the pass before. It is kept no longer: should this pass come to
    nothing, its memory would be ahead."""
    kept = _kept.pop(key, None)
    holder = kept.holder if kept else _make_holder(running, part)
    if running.previous and (kept is None or kept.passes != running.passes):
        holder.ask(unpack_course(bytes(running.previous)))
    return holder


def _make_holder(running: Estimation, part: EstimationShard) -> Holder:
    if part.passes == 0:
        shard = _read_votes(running, part)
    else:
        assert part.votes is not None, "read in the first pass"
        shard = Shard.from_bytes(bytes(part.votes))
    clamped = running.stage == Estimation.Stage.CLAMPED
    return Holder(shard, start=Parameters.from_json(running.start), clamped=clamped)


def _read_votes(running: Estimation, part: EstimationShard) -> Shard:
    """The votes as they stand now; every later pass sees the same."""
    annotator_ids = np.frombuffer(bytes(running.annotator_ids), dtype=np.int64)
    shard, campaign_id = read_shard(shard=part.shard, shards=running.shards, annotator_ids=annotator_ids)
    part.votes = shard.to_bytes()
    part.known = shard.select(shard.truth != UNKNOWN).to_bytes()
    part.figures = {
        "votes": len(shard.votes),
        "questions": len(shard.item_id),
        "gold": int(shard.drawn.sum()),
        "agreement": sum_agreement(votes=shard.votes, place=np.stack([campaign_id, shard.synset_id], axis=1)),
    }
    return shard


def _draw(part: EstimationShard, share: float) -> bytes:
    assert part.votes is not None, "they have just been read"
    return draw_sample(Shard.from_bytes(bytes(part.votes)), share=share).to_bytes()


def _keep(key: _Key, kept: _Kept) -> None:
    for other in [other for other in _kept if (other.estimation, other.stage) != (key.estimation, key.stage)]:
        del _kept[other]
    _kept[key] = kept
    while len(_kept) > 1 and sum(len(each.holder.kernel.columns) for each in _kept.values()) > VOTES_KEPT:
        del _kept[next(iter(_kept))]
