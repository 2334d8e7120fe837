"""Every vote, streamed out under pseudonyms."""

from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import Protocol

from django.db import connection, transaction

from annotation.exports.pseudonyms import write_pseudonym
from annotation.exports.votes import ExportedVote, VoteFormat, write_time
from annotation.models import Vote
from annotation.queries.campaigns import find_campaign

ROWS_AT_ONCE = 10_000
COLUMNS = (
    "question__synset__wnid",
    "question__candidate__image__sha256",
    "annotator_id",
    "answer",
    "voted_at",
    "milliseconds",
    "late",
    "withdrawn_at",
    "question__campaign__name",
)


class Sink(Protocol):
    def write(self, text: str, /) -> object: ...


@transaction.atomic
def write_votes(*, output: Sink, form: VoteFormat, campaign: str | None, standing: bool, pseudonyms: str) -> int:
    """Writes the votes of a campaign, or of all, in recorded order, as they stand at one moment; returns how many.

    `standing` leaves out what was withdrawn; `pseudonyms` is the key of annotators' names. A server-side cursor keeps memory the
    same however many there are. NotFound for an unknown campaign, before anything is written.
    """
    votes = Vote.objects.order_by("pk")
    if campaign is not None:
        votes = votes.filter(question__campaign=find_campaign(campaign))
    if standing or form.standing_only:
        votes = votes.standing()
    if form.counting_only:
        votes = votes.filter(annotator__barred_at__isnull=True)
    take_time()
    name_annotator = cache(partial(write_pseudonym, key=pseudonyms))
    if form.header:
        output.write(form.header)
    count = 0
    for row in votes.values_list(*COLUMNS).iterator(chunk_size=ROWS_AT_ONCE):
        output.write(form.encode(_build_vote(*row, name_annotator=name_annotator)))
        count += 1
    return count


def _build_vote(
    wnid: str,
    sha256: memoryview,
    annotator_id: int,
    answer: str,
    at: datetime,
    milliseconds: int | None,
    late: bool,
    withdrawn_at: datetime | None,
    campaign: str,
    *,
    name_annotator: Callable[[int], str],
) -> ExportedVote:
    """From the values of COLUMNS."""
    return ExportedVote(
        wnid=wnid,
        image_sha256=sha256.hex(),
        annotator=name_annotator(annotator_id),
        answer=answer,
        at=write_time(at),
        milliseconds=milliseconds,
        late=late,
        withdrawn_at=write_time(withdrawn_at) if withdrawn_at else None,
        campaign=campaign,
    )


def take_time() -> None:
    """Whoever reads the output may be slow; the server's ordinary limits are meant for page views."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
