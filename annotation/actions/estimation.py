"""Re-estimation: from all votes to a new snapshot, by as many processes as are there. PostgreSQL holds what is done."""

import logging
from datetime import datetime, timedelta
from enum import Enum, auto

import numpy as np
from django.contrib.auth.models import User
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F, Max, Q
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotation.actions.estimation_passes import ask_shard, forget_shards
from annotation.actions.estimation_stages import empty, end_pass, end_rules
from annotation.consensus.fit import Plan
from annotation.consensus.model import Floats, Parameters
from annotation.consensus.procedure import begin_from
from annotation.consensus.shards import make_course, pack_course
from annotation.models import Bar, Dispute, Estimation, EstimationShard, Gold, Snapshot, Vote
from annotation.queries.estimations import HEAVY
from annotation.queries.snapshots import is_readable, read_parameters, read_skills
from annotation.queries.teaching import list_teachers
from hierarchy.errors import Conflict

logger = logging.getLogger(__name__)
TRIES = 3
# Passing the work on costs a process more than asking so many votes.
VOTES_OF_A_SHARD = 50_000
LONGEST = timedelta(hours=12)
# What was written so long before an estimation began may have been out of its sight: its moment is that of the beginning of
# the transaction.
LONGEST_WRITING = timedelta(minutes=10)
# The first estimation does not wait for its time when there are so many votes.
FIRST_VOTES = 1000


class Work(Enum):
    """What a process that offered to work on the running estimation came back with."""

    DONE = auto()
    WAITING = auto()
    IDLE = auto()


def begin_estimation(*, shards: int, by: User | None, at: datetime, plan: Plan | None = None) -> Estimation:
    """A new estimation from the snapshot in force, with the votes in so many shards. No vote is read yet.

    Conflict where one is running, or where there is no snapshot to begin from.
    """
    newest = Snapshot.objects.order_by("-pk").first()
    if newest is None or not is_readable(newest):
        raise Conflict(_("There is nothing to estimate yet: no campaign has been opened."))
    annotator_ids, parameters = list_teachers(), begin_from(read_parameters(newest))
    course = make_course(
        parameters=parameters, counts=_find_counts(newest, parameters, annotator_ids), plan=plan or Plan()
    )
    begun = Estimation(
        based_on=newest,
        newest_vote=_find_newest_vote(),
        shards=shards,
        annotator_ids=annotator_ids.tobytes(),
        start=parameters.to_json(),
        course=pack_course(course),
        started_at=at,
        started_by=by,
        progressed_at=at,
    )
    try:
        with transaction.atomic():
            begun.save(force_insert=True)
            EstimationShard.objects.bulk_create(
                EstimationShard(estimation=begun, shard=shard) for shard in range(shards)
            )
    except IntegrityError as error:
        raise Conflict(_("An estimation is running.")) from error
    return begun


def choose_shards(*, most: int) -> int:
    """Into how many shards the votes there are should go; the result is the same for any number."""
    return min(most, 1 + _find_newest_vote() // VOTES_OF_A_SHARD)


def begin_estimation_if_due(*, seconds: int, most_shards: int, at: datetime) -> Estimation | None:
    """A new estimation when the newest one ended, and the newest snapshot was published, so long ago, and when something
    has come since that it could learn from; or at once, when there are `FIRST_VOTES` and twice as many as the newest one
    knew: what a young installation knows of its annotators is soon out of date."""
    newest, last = Snapshot.objects.order_by("-pk").first(), _find_last()
    if newest is None or (last is not None and last.status == Estimation.Status.RUNNING):
        return None
    moments = [newest.published_at, *([last.started_at, last.finished_at] if last else [])]
    since = max(moment for moment in moments if moment is not None)
    waited = at >= since + timedelta(seconds=seconds) and _has_news(last)
    if not waited and not _has_doubled(last):
        return None
    try:
        return begin_estimation(shards=choose_shards(most=most_shards), by=None, at=at)
    except Conflict:
        return None


def work_once(*, at: datetime) -> Work:
    """One step of the running estimation: a shard is asked, or a pass is ended and the next one made due.

    WAITING when others hold all that can be done at the moment, IDLE when no estimation runs. A step that fails is tried
    again by whoever comes next; after `TRIES` the estimation has FAILED, with the reason.
    """
    estimation = find_running()
    if estimation is None:
        forget_shards()
        return Work.IDLE
    if at - estimation.started_at > LONGEST:
        _fail(estimation, f"It did not end within {LONGEST}.", at)
        return Work.DONE
    try:
        return Work.DONE if _take_step(estimation, at) else Work.WAITING
    except (OperationalError, InterfaceError):
        # The database's trouble, not the estimation's.
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, it is kept with the estimation and shown)
        forget_shards()
        _note_failure(estimation, f"{type(error).__name__}: {error}", at)
        return Work.DONE


def find_running() -> Estimation | None:
    return Estimation.objects.defer(*HEAVY).filter(status=Estimation.Status.RUNNING).first()


def find_estimation(pk: int) -> Estimation:
    return Estimation.objects.defer(*HEAVY).select_related("snapshot", "based_on").get(pk=pk)


def _take_step(estimation: Estimation, at: datetime) -> bool:
    if estimation.stage == Estimation.Stage.RULES:
        return end_rules(estimation=estimation, at=at)
    return ask_shard(estimation=estimation, at=at) or end_pass(estimation=estimation, at=at)


def _find_counts(newest: Snapshot, parameters: Parameters, annotator_ids: NDArray[np.int64]) -> Floats:
    """[W, S, A]: what the snapshot knows of these annotators."""
    skills = read_skills(snapshot=newest, parameters=parameters, annotator_ids=annotator_ids)
    return np.asarray(skills.counts[skills.find_rows(annotator_ids)])


def _find_newest_vote() -> int:
    found: int | None = Vote.objects.aggregate(newest=Max("pk"))["newest"]
    return found or 0


def _find_last() -> Estimation | None:
    return Estimation.objects.defer(*HEAVY).order_by("-pk").first()


def _has_doubled(last: Estimation | None) -> bool:
    return _find_newest_vote() >= max(FIRST_VOTES, 2 * last.newest_vote if last else 0)


def _has_news(last: Estimation | None) -> bool:
    if last is None:
        return Vote.objects.exists()
    since = last.started_at - LONGEST_WRITING
    return (
        last.status == Estimation.Status.FAILED
        or _find_newest_vote() > last.newest_vote
        or Gold.objects.filter(created_at__gte=since).exists()
        or Dispute.objects.filter(settled_at__gte=since).exists()
        or Bar.objects.filter(Q(begun_at__gte=since) | Q(ended_at__gte=since)).exists()
    )


def _note_failure(estimation: Estimation, reason: str, at: datetime) -> None:
    """Others may have failed at the same step."""
    running = Estimation.objects.filter(pk=estimation.pk, status=Estimation.Status.RUNNING)
    running.update(failures=F("failures") + 1, reason=reason, progressed_at=at)
    if running.filter(failures__gte=TRIES).exists():
        _fail(estimation, reason, at)


@transaction.atomic
def _fail(estimation: Estimation, reason: str, at: datetime) -> None:
    failed = Estimation.objects.select_for_update().filter(pk=estimation.pk, status=Estimation.Status.RUNNING).first()
    if failed is not None:
        failed.status, failed.reason, failed.finished_at = Estimation.Status.FAILED, reason, at
        empty(failed)
        failed.save()
        logger.error("Estimation %s failed: %s", failed.pk, reason)
