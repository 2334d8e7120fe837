"""New annotators of a filled database, with tokens, and what becomes of their votes: needs Django set up."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import psycopg2
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Max

from annotation.actions.accounts import create_token
from annotation.models import Annotator, DueQuestions, Estimation, Snapshot, Vote
from benchmarks.scale.filling import NAME as CAMPAIGN

__all__ = [
    "CAMPAIGN",
    "give_tokens",
    "make_newcomers",
    "make_tokens",
    "put_off_estimation",
    "read_lag",
    "wait_until_estimated",
]
ESTIMATED_SECONDS = 600
WAITING = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::float8 FROM annotation_duequestions
"""


def make_newcomers(count: int) -> list[Annotator]:
    """Annotators who have seen nothing, with accounts nobody can log in to."""
    at, role = datetime.now(UTC), Group.objects.get(name="annotator")
    users = User.objects.bulk_create(User(username=f"newcomer-{uuid4()}", password="!") for _ in range(count))
    User.groups.through.objects.bulk_create(User.groups.through(user=user, group=role) for user in users)
    return Annotator.objects.bulk_create(Annotator(user=user, joined_at=at) for user in users)


def make_tokens(count: int) -> list[str]:
    """One for each of so many newcomers."""
    return give_tokens(make_newcomers(count))


def give_tokens(annotators: Sequence[Annotator]) -> list[str]:
    """One for each, to annotate with."""
    at = datetime.now(UTC)
    users = [annotator.user for annotator in annotators if annotator.user is not None]
    return [create_token(user=user, scope="annotate", by=user, at=at)[1] for user in users]


def put_off_estimation() -> None:
    """As if one had just ended: what is measured is the service between two of them."""
    at, newest = datetime.now(UTC), Snapshot.objects.latest("pk")
    votes = Vote.objects.aggregate(newest=Max("pk"))["newest"] or 0
    ended = {"status": Estimation.Status.DONE, "finished_at": at, "reason": "put off by the benchmark"}
    Estimation.objects.filter(status=Estimation.Status.RUNNING).update(**ended)
    Estimation.objects.create(
        **ended, based_on=newest, newest_vote=votes, shards=1, start={}, votes=votes, started_at=at, progressed_at=at
    )


def wait_until_estimated() -> None:
    """Returns when no vote waits for its estimate."""
    deadline = time.monotonic() + ESTIMATED_SECONDS
    while DueQuestions.objects.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"votes were not estimated within {ESTIMATED_SECONDS} s")
        time.sleep(0.2)


@contextmanager
def read_lag() -> Iterator[Callable[[], float]]:
    """Reads the seconds for which the oldest vote that is not estimated has been waiting."""
    with closing(psycopg2.connect(**connection.get_connection_params())) as bare, bare.cursor() as cursor:
        bare.autocommit = True

        def read() -> float:
            cursor.execute(WAITING)
            return float(cursor.fetchone()[0])

        yield read
