"""What of a batch its annotator may see."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation.models import Annotator, Batch
from annotation.queries.campaigns import find_policy
from hierarchy.errors import NotFound, NotPermitted
from hierarchy.queries.plain import execute_planned

PICTURES = """
SELECT item.position, image.id, image.width, image.height, image.small_width, image.small_height, image.author, image.licence
FROM annotation_batchitem AS item JOIN annotation_question AS question ON question.id = item.question_id
JOIN hierarchy_candidate AS candidate ON candidate.id = question.candidate_id
JOIN hierarchy_image AS image ON image.id = candidate.image_id
WHERE item.batch_id = %(batch)s ORDER BY item.position
"""

NO_SUCH_BATCH = "There is no such batch."


class Picture(NamedTuple):
    """A picture at its position on a page: what of its image may be shown."""

    position: int
    image_id: int
    width: int
    height: int
    small_width: int
    small_height: int
    author: str
    licence: str


def find_oldest_live_batch(annotator: Annotator, *, beside: Collection[UUID] = ()) -> Batch | None:
    """The page this annotator should finish first, but for those named; leases that have expired by the database's clock do not
    count."""
    return (
        Batch.objects.select_related("campaign", "synset")
        .filter(annotator=annotator, closed_at__isnull=True, expires_at__gt=Now())
        .exclude(pk__in=beside)
        .order_by("leased_at", "pk")
        .first()
    )


def list_live_batches(user: User) -> list[UUID]:
    """The live leases of an account, oldest first: what a program goes on with after it was stopped."""
    live = Batch.objects.filter(annotator__user=user, closed_at__isnull=True, expires_at__gt=Now())
    return list(live.order_by("leased_at", "pk").values_list("pk", flat=True))


def find_batch(annotator: Annotator, batch_id: UUID) -> Batch:
    """A batch of this annotator. NotPermitted for another's, NotFound where there is none."""
    batch = Batch.objects.select_related("campaign", "synset").filter(pk=batch_id).first()
    if batch is None:
        raise NotFound(NO_SUCH_BATCH)
    check_own(batch, annotator.pk)
    return batch


def check_own(batch: Batch, annotator_id: int) -> None:
    if batch.annotator_id != annotator_id:
        raise NotPermitted(_("This batch is leased to another annotator."))


def list_pictures(batch: Batch) -> list[Picture]:
    """The page's pictures in the order of their positions, gold and others alike. One query."""
    with connection.cursor() as cursor:
        execute_planned(cursor, PICTURES, {"batch": batch.pk})
        return [Picture(*row) for row in cursor.fetchall()]


@dataclass(frozen=True)
class LastBatch:
    """The page an annotator sent last."""

    id: UUID
    recorded: int
    undo_until: datetime | None


def find_last_batch(annotator: Annotator, *, now: datetime) -> LastBatch | None:
    """The last page sent, and until when it can be taken back (None where that has passed)."""
    batch = (
        Batch.objects.select_related("campaign")
        .filter(annotator=annotator, outcome=Batch.Outcome.SUBMITTED)
        .order_by("-closed_at")
        .first()
    )
    if batch is None or batch.closed_at is None:
        return None
    until = batch.closed_at + find_policy(batch.campaign).undo_period
    open_until = until if batch.undone_at is None and until > now else None
    return LastBatch(id=batch.pk, recorded=batch.recorded or 0, undo_until=open_until)
