"""What of a batch its annotator may see."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models.functions import Now

from annotation.models import Annotator, Batch, BatchItem
from annotation.queries.campaigns import find_policy
from hierarchy.errors import NotFound, NotPermitted
from hierarchy.models import Image


@dataclass(frozen=True)
class Picture:
    """A picture at its position on a page."""

    position: int
    image: Image


def find_oldest_live_batch(annotator: Annotator) -> Batch | None:
    """The page this annotator should finish first; leases that have expired by the database's clock do not count."""
    return (
        Batch.objects.select_related("campaign", "synset")
        .filter(annotator=annotator, closed_at__isnull=True, expires_at__gt=Now())
        .order_by("leased_at", "pk")
        .first()
    )


def find_batch(annotator: Annotator, batch_id: UUID) -> Batch:
    """A batch of this annotator. NotPermitted for another's, NotFound where there is none."""
    batch = Batch.objects.select_related("campaign", "synset").filter(pk=batch_id).first()
    if batch is None:
        raise NotFound("There is no such batch.")
    if batch.annotator_id != annotator.pk:
        raise NotPermitted("This batch is leased to another annotator.")
    return batch


def list_pictures(batch: Batch) -> list[Picture]:
    """The page's pictures in the order of their positions, gold and others alike. One query."""
    items = BatchItem.objects.filter(batch=batch).select_related("question__candidate__image").order_by("position")
    return [Picture(item.position, item.question.candidate.image) for item in items]


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
