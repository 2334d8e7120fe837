"""Celery tasks: a wake-up each, nothing more. What is due stands in the database."""

import logging
import time

from celery import Task, shared_task
from django.conf import settings
from django.core.cache import cache
from django.utils.timezone import now
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from annotation.actions import accounts, accuracies, asides, campaign_ranges, estimates, estimation, renewal
from annotation.actions.estimation import Work
from annotation.queries import claims, rescoring

logger = logging.getLogger(__name__)
DOORBELL = "doorbell"
# A bell that was rung and lost (Redis or its worker killed) rings again after so many seconds; the sweep comes sooner.
DOORBELL_SECONDS = 10
# Between two looks a worker rests so many times as long as the last one took, so that under load fresh votes take a tenth of its time
# at most: a look at the votes of twenty pages costs little more than one at those of a single page.
RESTS = 9
SHORTEST_REST_SECONDS, LONGEST_REST_SECONDS = 0.25, 1.0
# A task that estimates makes room after so long, so that votes need not wait; and calls for help no more often.
SLICE_SECONDS = 2.0
# Whoever has worked so long without a rest calls so many, once in so many seconds: while they work for `SLICE_SECONDS` each, as
# many workers as a small machine has are busy. Who does not come in time is not needed.
HELP_AFTER_SECONDS = 0.5
HELPERS = 2
HELP_BELL = "estimates-bell"
HELP_BELL_SECONDS = 1
HELP_SECONDS = 10
# Between two looks at whether the next pass has begun.
LOOK_SECONDS = 0.05
ESTIMATION_BELL = "estimation-bell"
ESTIMATION_BELL_SECONDS = 1
# Of the five between two calls of beat's. Whoever comes meanwhile finds what nobody is at.
CAMPAIGN_SECONDS = 4.0


@shared_task
def estimate_due_questions() -> None:
    """Estimates what is due, a chunk a transaction, until nothing is left; after a while a later run goes on.

    The bell stays as it was rung meanwhile, so that one worker gathers what comes: a step costs little more for the votes of
    many pages than for those of one. Where there is so much that one worker does not come to rest, others are called while it lasts,
    and they come after whatever waits in the queue. Fresh votes are taken first, by whoever works.
    """
    begun = time.monotonic()
    end = begun + SLICE_SECONDS
    while count := estimates.estimate_due(at=now(), limit=estimates.CHUNK):
        ended = time.monotonic()
        if ended - begun > HELP_AFTER_SECONDS and _ring(HELP_BELL, seconds=HELP_BELL_SECONDS):
            _wake(estimate_due_questions, HELPERS)
        if ended > end:
            _clear_doorbell()
            ring_doorbell()
            return
        if not _is_pressing(count):
            time.sleep(min(max(RESTS * (ended - begun), SHORTEST_REST_SECONDS), LONGEST_REST_SECONDS))
            begun = time.monotonic()
    _clear_doorbell()
    # Votes that came before the bell was free have woken nobody.
    if estimates.estimate_due(at=now(), limit=estimates.CHUNK):
        ring_doorbell()


@shared_task
def sweep_due_questions() -> None:
    """Finds what a lost doorbell left behind. While somebody answers the bell there is nothing to do: two who look at the same
    time would share what one could gather."""
    asides.retry_questions(at=now(), now=False)
    if _ring(DOORBELL, seconds=DOORBELL_SECONDS, otherwise=True):
        estimate_due_questions()


def ring_doorbell() -> None:
    """Wakes a worker after votes were committed. Many rings become one; a ring that is lost is found by the sweep."""
    try:
        if cache.add(DOORBELL, 1, timeout=DOORBELL_SECONDS):
            estimate_due_questions.apply_async(retry=False, expires=settings.MESSAGE_SECONDS)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("The doorbell did not ring; the sweep will find the votes: %s", error)


def _is_pressing(count: int) -> bool:
    """Whether to go on at once after so many questions: open ones wait for a new snapshot, or fresh votes are more than one look takes.
    Finished questions have time."""
    return rescoring.is_left() or (count >= estimates.FRESH_CHUNK and claims.is_any_due())


def _clear_doorbell() -> None:
    try:
        cache.delete(DOORBELL)
    except (RedisError, OSError) as error:
        logger.warning("The doorbell could not be cleared: %s", error)


@shared_task
def estimate_all() -> None:
    """Begins an estimation when one is due, and works on the one that is running."""
    estimation.begin_estimation_if_due(
        seconds=settings.ESTIMATION_SECONDS, most_shards=settings.ESTIMATION_SHARDS, at=now()
    )
    run_estimation_shards()


@shared_task
def run_estimation_shards() -> None:
    """Works on the running estimation for a while, if there is something to do that nobody else is at.

    Where others are at all of it, it looks again for as long: soon there is the next pass, for which it has its shards at hand,
    which others would have to make anew.
    """
    end = time.monotonic() + SLICE_SECONDS
    while (found := estimation.work_once(at=now())) != Work.IDLE:
        late = time.monotonic() > end
        if found == Work.DONE:
            _call_for_help()
            if late:
                wake_estimators(1)
        if late:
            return
        if found == Work.WAITING:
            time.sleep(LOOK_SECONDS)


def _call_for_help() -> None:
    """Wakes other workers, one for each shard at most."""
    if _ring(ESTIMATION_BELL, seconds=ESTIMATION_BELL_SECONDS) and (running := estimation.find_running()):
        wake_estimators(running.shards - 1)


def _ring(bell: str, *, seconds: int, otherwise: bool = False) -> bool:
    """Whether nobody has rung it for so long; `otherwise` where that cannot be told."""
    try:
        return bool(cache.add(bell, 1, timeout=seconds))
    except (RedisError, OSError) as error:
        logger.warning("Who else works on what there is to estimate cannot be told: %s", error)
        return otherwise


@shared_task
def release_settled_gold() -> None:
    """Gold that votes had settled, and that was shown enough, gets its label."""
    if renewal.release_gold(at=now()):
        ring_doorbell()


@shared_task
def clear_sessions() -> None:
    """Removes sessions that have ended by themselves."""
    accounts.clear_sessions()


@shared_task
def record_accuracies() -> None:
    """What annotators read of their accuracy; nothing for whoever has had it today."""
    accuracies.record_accuracies(at=now())


@shared_task
def carry_on_campaigns() -> None:
    """Goes on for a while with what opening or closing a large campaign, or new rules for it, have left to do; beat calls again. What
    fails keeps nothing else from going on, and is tried again the next time."""
    end, failed, left = time.monotonic() + CAMPAIGN_SECONDS, set[int](), True
    while left and time.monotonic() < end:
        try:
            left = campaign_ranges.carry_on(at=now(), besides=failed)
        except campaign_ranges.StepFailed as error:
            logger.exception("A step of a campaign is left for later")
            failed.add(error.pk)


def wake_estimators(number: int) -> None:
    """Wakes so many workers. A call that is lost does no harm: beat looks after the estimation in any case."""
    _wake(run_estimation_shards, number)


def _wake(task: "Task[..., None]", number: int) -> None:
    try:
        for _ in range(number):
            task.apply_async(retry=False, expires=HELP_SECONDS)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("Nobody was woken for what there is to estimate: %s", error)
