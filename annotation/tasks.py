"""Celery tasks: a wake-up each, nothing more. What is due stands in the database."""

import logging

from celery import shared_task
from django.core.cache import cache
from django.utils.timezone import now
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from annotation.actions import estimates

logger = logging.getLogger(__name__)
DOORBELL = "doorbell"
# A bell that was rung and lost (Redis or its worker killed) rings again after so many seconds; the sweep comes sooner.
DOORBELL_SECONDS = 10
CHUNKS_A_RUN = 50


@shared_task
def estimate_due_questions() -> None:
    """Estimates what is due, a chunk a transaction, until nothing is left or a later run should go on."""
    _clear_doorbell()
    for _ in range(CHUNKS_A_RUN):
        if not estimates.estimate_due(at=now()):
            return


def ring_doorbell() -> None:
    """Wakes a worker after votes were committed. Many rings become one; a ring that is lost is found by the sweep."""
    try:
        if cache.add(DOORBELL, 1, timeout=DOORBELL_SECONDS):
            estimate_due_questions.apply_async(retry=False, expires=60)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("The doorbell did not ring; the sweep will find the votes: %s", error)


def _clear_doorbell() -> None:
    try:
        cache.delete(DOORBELL)
    except (RedisError, OSError) as error:
        logger.warning("The doorbell could not be cleared: %s", error)
