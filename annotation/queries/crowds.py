"""External crowds: what a link opens, and what was done for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import connection
from django.db.models import Count, Q

from annotation.models import Assignment, Campaign, Crowd
from annotation.models.crowd import TOKEN
from hierarchy.errors import NotFound

# A page counts when at least half of it is answered and it was not taken back.
SENT = """
SELECT count(*) FILTER (WHERE batch.recorded * 2 >= (SELECT count(*) FROM annotation_batchitem WHERE batch_id = batch.id)),
       coalesce(sum(batch.recorded), 0)
FROM annotation_assignmentpage AS page JOIN annotation_batch AS batch ON batch.id = page.batch_id
WHERE page.assignment_id = %s AND batch.undone_at IS NULL
"""
FINISHED = """
SELECT assignment.id, assignment.reference, assignment.finished_at, coalesce(sum(batch.recorded), 0)
FROM annotation_assignment AS assignment
LEFT JOIN annotation_assignmentpage AS page ON page.assignment_id = assignment.id
LEFT JOIN annotation_batch AS batch ON batch.id = page.batch_id AND batch.undone_at IS NULL
WHERE assignment.crowd_id = %(crowd)s AND assignment.finished_at IS NOT NULL AND assignment.id > %(after)s
GROUP BY assignment.id ORDER BY assignment.id LIMIT %(limit)s
"""
ROWS_AT_ONCE = 1000
SALT = "crowd assignment"
SIGNED_SECONDS = 7 * 86_400


@dataclass(frozen=True)
class Sent:
    """Pages of an assignment that count, and the questions answered on all that were sent for it."""

    pages: int
    answered: int


def find_crowd_by_token(token: str) -> Crowd:
    known = re.fullmatch(TOKEN, token) is not None
    crowd = Crowd.objects.select_related("campaign").filter(token=token).first() if known else None
    if crowd is None:
        raise NotFound("There is no such link.")
    return crowd


def find_crowd(crowd_id: int) -> Crowd:
    """With its campaign."""
    crowd = Crowd.objects.select_related("campaign", "opened_by").filter(pk=crowd_id).first()
    if crowd is None:
        raise NotFound("There is no such crowd.")
    return crowd


def list_crowds(campaign: Campaign) -> list[Crowd]:
    """The newest first, each with how many assignments were `begun` and how many `finished`. One query."""
    finished = Count("assignments", filter=Q(assignments__finished_at__isnull=False))
    crowds = Crowd.objects.filter(campaign=campaign).annotate(begun=Count("assignments"), finished=finished)
    return list(crowds.order_by("-pk"))


def find_assignment(assignment_id: int) -> Assignment | None:
    """With its crowd, campaign, annotator and account."""
    found = Assignment.objects.select_related("crowd__campaign", "annotator__user")
    return found.filter(pk=assignment_id).first()


def sign_path(crowd: Crowd, assignment: Assignment) -> str:
    """Where the worker of an assignment annotates; good for a week."""
    return f"/crowd/{crowd.token}/{signing.dumps(assignment.pk, salt=SALT)}/annotate/"


def open_path(signed: str, *, token: str) -> Assignment | None:
    """The assignment that `sign_path` put into a path of that token; None for what was not signed here, or too long ago."""
    try:
        found = find_assignment(signing.loads(signed, salt=SALT, max_age=SIGNED_SECONDS))
    except signing.BadSignature:
        return None
    return found if found is not None and found.crowd.token == token else None


def count_sent(assignment: Assignment) -> Sent:
    """One query."""
    with connection.cursor() as cursor:
        cursor.execute(SENT, [assignment.pk])
        return Sent(*map(int, cursor.fetchone()))


def iterate_finished(crowd: Crowd) -> Iterator[tuple[str, int, datetime]]:
    """The provider's id, questions answered and the end of each finished assignment, in the order in which they were begun."""
    after = -1
    while True:
        with connection.cursor() as cursor:
            cursor.execute(FINISHED, {"crowd": crowd.pk, "after": after, "limit": ROWS_AT_ONCE})
            rows: list[Any] = cursor.fetchall()
        for _, reference, finished_at, answered in rows:
            yield reference, int(answered), finished_at
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1][0]
