"""Counts over all questions of a campaign: kept for a while where there are so many that counting takes long."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
Counted = TypeVar("Counted")
# What takes no longer is counted each time.
QUICK_SECONDS = 0.5
# What takes longer is kept so many times as long as it took: counting takes a twentieth of a processor at most, whoever looks how often.
KEPT = 20


def keep(name: str, count: Callable[[], Counted]) -> Counted:
    """What `count` returns now, or returned under this name a while ago."""
    try:
        kept: Counted | None = cache.get(name)
        if kept is not None:
            return kept
    except (RedisError, OSError) as error:
        logger.warning("What was counted before cannot be read: %s", error)
    start = time.monotonic()
    counted = count()
    taken = time.monotonic() - start
    if taken > QUICK_SECONDS:
        _write(name, counted, KEPT * taken)
    return counted


def _write(name: str, counted: object, seconds: float) -> None:
    try:
        cache.set(name, counted, timeout=seconds)
    except (RedisError, OSError) as error:
        logger.warning("What was counted cannot be kept: %s", error)
