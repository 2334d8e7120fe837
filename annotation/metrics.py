"""What is counted of leases and votes where they come in (docs/operations.md, "Watching it")."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from prometheus_client import Counter, Histogram

from hierarchy.errors import DomainError

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

VOTES = Counter("veriset_votes", "Votes that were kept and acknowledged.")
REPLAYS = Counter("veriset_replays", "Pages of votes that came again under their key, and were acknowledged again.")
REFUSED_VOTES = Counter("veriset_refused_votes", "Pages of votes that were not kept, by reason.", ["reason"])
REFUSED_LEASES = Counter("veriset_refused_leases", "Leases that were not granted, by reason.", ["reason"])
VOTE_SECONDS = Histogram("veriset_vote_seconds", "How long taking a page of votes took.", buckets=BUCKETS)
LEASE_SECONDS = Histogram("veriset_lease_seconds", "How long granting a lease took.", buckets=BUCKETS)


def watch_votes() -> AbstractContextManager[None]:
    """Around all that is done to take a page of votes."""
    return _watch(VOTE_SECONDS, REFUSED_VOTES)


def watch_lease() -> AbstractContextManager[None]:
    """Around all that is done to grant a lease."""
    return _watch(LEASE_SECONDS, REFUSED_LEASES)


def count_receipt(*, recorded: int, repeated: bool) -> None:
    """A page of votes was acknowledged, for the first time or again."""
    if repeated:
        REPLAYS.inc()
    else:
        VOTES.inc(recorded)


@contextmanager
def _watch(seconds: Histogram, refused: Counter) -> Iterator[None]:
    """`refused` grows by a refusal under the name of its kind (hierarchy.errors), by anything else as Failure."""
    begun = time.perf_counter()
    try:
        yield
    except DomainError as error:
        refused.labels(type(error).__name__).inc()
        raise
    except Exception:
        refused.labels("Failure").inc()
        raise
    finally:
        seconds.observe(time.perf_counter() - begun)
