"""Votes: taken a page at a time in one transaction, withdrawn a page at a time."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.actions.due import make_due
from annotation.models import Annotator, Batch, Question, Vote
from annotation.queries.batches import NO_SUCH_BATCH, check_own
from annotation.queries.campaigns import find_policy
from annotation.rules import MILLISECONDS_CAP, check_not_barred
from hierarchy.errors import Conflict, InvalidInput, KeyReused, NotFound
from hierarchy.queries.plain import build_models, execute_planned, name_columns

KEY_LENGTH = 200
KEY_ONCE = "batch_key_once_per_annotator"
KEY_REUSED = gettext_lazy("This idempotency key was used before with another body.")
ANSWERS = tuple(Vote.Answer.values)

# The annotator first: what else they do waits for that row, so that they do one thing at a time. Positions run from 1 to the
# number of items.
LOCK_PAGE = f"""
SELECT (SELECT count(*) FROM annotation_batchitem AS item WHERE item.batch_id = annotation_batch.id),
       {name_columns(Annotator, Batch)}
FROM annotation_annotator JOIN annotation_batch ON annotation_batch.annotator_id = annotation_annotator.id
WHERE annotation_batch.id = %(batch)s
FOR NO KEY UPDATE OF annotation_annotator FOR NO KEY UPDATE OF annotation_batch
"""  # noqa: S608 (names of columns)

# All that a submission writes. Questions are locked in the order of their ids, so that two pages never wait for each other. Whether
# the page is late is asked when all are locked: a lease granted on one of them meanwhile has seen this one expire, or not. The
# page's hold on each of its questions ends, and what was answered is counted and becomes due. Active gold is never decided, so
# nothing is due on it, and it is not held. A hold that has expired may have been cleared away already.
RECORD = """
WITH locked AS MATERIALIZED (
    SELECT question.id, question.is_gold, item.position
    FROM annotation_batchitem AS item JOIN annotation_question AS question ON question.id = item.question_id
    WHERE item.batch_id = %(batch)s ORDER BY question.id FOR NO KEY UPDATE OF question
), clock AS MATERIALIZED (
    SELECT counted.locked, counted.at, counted.at >= %(expires_at)s::timestamptz AS late
    FROM (SELECT count(*) AS locked, clock_timestamp() AS at FROM locked) AS counted
), kept AS MATERIALIZED (
    SELECT locked.id, locked.is_gold, given.position, given.answer, given.milliseconds
    FROM locked JOIN unnest(%(positions)s::smallint[], %(answers)s::text[], %(milliseconds)s::int[])
        AS given (position, answer, milliseconds) USING (position)
    WHERE NOT EXISTS (SELECT 1 FROM annotation_vote AS vote WHERE vote.question_id = locked.id
                      AND vote.annotator_id = %(annotator)s AND vote.withdrawn_at IS NULL)
), voted AS (
    INSERT INTO annotation_vote (question_id, annotator_id, batch_id, position, answer, milliseconds, late, voted_at)
    SELECT kept.id, %(annotator)s, %(batch)s, kept.position, kept.answer, kept.milliseconds, clock.late, clock.at
    FROM kept, clock ORDER BY kept.position
), due AS (
    INSERT INTO annotation_duequestions (campaign_id, questions, due_at)
    SELECT %(campaign)s, array_agg(kept.id), clock.at FROM kept, clock WHERE NOT kept.is_gold GROUP BY clock.at
), counted AS (
    UPDATE annotation_question AS question
    SET held_until = CASE WHEN array_position(question.held_until, %(expires_at)s) IS NULL THEN question.held_until
            ELSE question.held_until[:array_position(question.held_until, %(expires_at)s) - 1]
                 || question.held_until[array_position(question.held_until, %(expires_at)s) + 1:] END,
        votes_in_time = question.votes_in_time + CASE WHEN kept.id IS NULL OR clock.late THEN 0 ELSE 1 END
    FROM clock, locked LEFT JOIN kept ON kept.id = locked.id
    WHERE question.id = locked.id AND NOT locked.is_gold
      AND (kept.id IS NOT NULL OR %(expires_at)s = ANY(question.held_until))
)
UPDATE annotation_batch SET outcome = 'SUBMITTED', closed_at = clock.at, late = clock.late, idempotency_key = %(key)s,
    body_sha256 = %(body)s, recorded = (SELECT count(*) FROM kept)
FROM clock WHERE annotation_batch.id = %(batch)s AND clock.locked > 0
RETURNING annotation_batch.recorded, annotation_batch.late
"""


@dataclass(frozen=True, kw_only=True)
class GivenVote:
    """One answer as it was sent; `milliseconds` on the picture, None where not measured."""

    position: int
    answer: str
    milliseconds: int | None = None


@dataclass(frozen=True)
class Receipt:
    """What a submission brought. A repeated submission gets the same receipt, but for `repeated`."""

    batch: UUID
    recorded: int
    late: bool
    repeated: bool = field(default=False, compare=False)


def submit_batch(*, annotator_id: int, batch_id: UUID, votes: Sequence[GivenVote], key: str) -> Receipt:
    """Records a page of votes once, whatever happens to the answer on its way back.

    The same key with the same votes gets the first receipt again, also when the lease has expired or the annotator is
    barred; with other votes, or for another page, KeyReused. Else Conflict for a closed batch, NotPermitted for another's
    or for a barred annotator, InvalidInput naming the vote. A vote after the lease has expired is kept and marked late; one
    on a question that this annotator has voted on by another page is left out, and `recorded` says how many were kept.
    """
    _check_key(key)
    body = _digest(batch_id, votes)
    try:
        with transaction.atomic():
            annotator, batch, size = _lock_page(annotator_id, batch_id)
            if batch.idempotency_key == key:
                return _repeat_receipt(batch, body)
            if annotator.barred_at is not None or batch.closed_at is not None:
                _refuse_page(annotator, batch, key)
            _check_votes(votes, size)
            return _record(batch, votes, key, body)
    except IntegrityError as error:
        # Whatever else the annotator sent is done, so the key is that of a page that was sent before.
        if KEY_ONCE in str(error):
            raise KeyReused(str(KEY_REUSED)) from error
        raise


def _lock_page(annotator_id: int, batch_id: UUID) -> tuple[Annotator, Batch, int]:
    """The annotator and their page, both locked, and how many pictures it has. NotFound where there is none, NotPermitted for another's."""
    with connection.cursor() as cursor:
        execute_planned(cursor, LOCK_PAGE, {"batch": batch_id})
        row = cursor.fetchone()
    if row is None:
        raise NotFound(NO_SUCH_BATCH)
    annotator, batch = build_models(row[1:], Annotator, Batch)
    check_own(batch, annotator_id)
    return annotator, batch, row[0]


def _refuse_page(annotator: Annotator, batch: Batch, key: str) -> NoReturn:
    if Batch.objects.filter(annotator=annotator, idempotency_key=key).exists():
        raise KeyReused(str(KEY_REUSED))
    check_not_barred(annotator)
    raise Conflict(_("This batch was %(outcome)s already.") % {"outcome": batch.get_outcome_display()})


def _repeat_receipt(batch: Batch, body: bytes) -> Receipt:
    if bytes(batch.body_sha256 or b"") != body:
        raise KeyReused(str(KEY_REUSED))
    return Receipt(batch.pk, batch.recorded or 0, batch.late, repeated=True)


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= KEY_LENGTH or not key.isprintable():
        raise InvalidInput({"Idempotency-Key": _("must be 1 to %(most)s printable characters") % {"most": KEY_LENGTH}})


def _digest(batch_id: UUID, votes: Sequence[GivenVote]) -> bytes:
    ordered = sorted(
        (vote.position, vote.answer, -1 if vote.milliseconds is None else vote.milliseconds) for vote in votes
    )
    return hashlib.sha256(json.dumps([str(batch_id), ordered]).encode()).digest()


def _check_votes(votes: Sequence[GivenVote], size: int) -> None:
    if not votes:
        raise InvalidInput({"votes": _("must answer at least one picture")})
    problems: dict[str, str] = {}
    seen: set[int] = set()
    for index, vote in enumerate(votes):
        if not 1 <= vote.position <= size:
            problems[f"votes[{index}].position"] = _("must be from 1 to %(most)s, not %(number)s") % {
                "most": size,
                "number": vote.position,
            }
        elif vote.position in seen:
            problems[f"votes[{index}].position"] = _("%(number)s is answered twice") % {"number": vote.position}
        if vote.answer not in ANSWERS:
            problems[f"votes[{index}].answer"] = _("must be one of %(values)s") % {"values": ", ".join(ANSWERS)}
        if vote.milliseconds is not None and vote.milliseconds < 0:
            problems[f"votes[{index}].milliseconds"] = _("must not be negative")
        seen.add(vote.position)
    if problems:
        raise InvalidInput(problems)


def _record(batch: Batch, votes: Sequence[GivenVote], key: str, body: bytes) -> Receipt:
    values: dict[str, Any] = {
        "batch": batch.pk,
        "annotator": batch.annotator_id,
        "campaign": batch.campaign_id,
        "positions": [vote.position for vote in votes],
        "answers": [str(vote.answer) for vote in votes],
        "milliseconds": [
            None if vote.milliseconds is None else min(vote.milliseconds, MILLISECONDS_CAP) for vote in votes
        ],
        "expires_at": batch.expires_at,
        "key": key,
        "body": body,
    }
    with connection.cursor() as cursor:
        execute_planned(cursor, RECORD, values)
        recorded, late = cursor.fetchone()
    return Receipt(batch.pk, recorded, late)


@transaction.atomic
def undo_batch(*, annotator_id: int, batch_id: UUID) -> int:
    """Withdraws the votes of a page within the policy's seconds, and returns how many. Undoing twice is one undo.

    NotPermitted for another's page or for a barred annotator, whose votes count nothing any more; Conflict for a page that
    was not sent, or too long ago.
    """
    annotator, batch = _lock_page(annotator_id, batch_id)[:2]
    check_not_barred(annotator)
    if batch.undone_at is not None:
        return 0
    if batch.outcome != Batch.Outcome.SUBMITTED or batch.closed_at is None:
        raise Conflict(_("This page was not sent, so there is nothing to undo."))
    votes = Vote.objects.standing().filter(batch=batch)
    questions = list(votes.values_list("question_id", flat=True))
    moment = _lock_questions(questions)
    if moment > batch.closed_at + find_policy(batch.campaign).undo_period:
        raise Conflict(_("The time for taking this page back is over."))
    withdrawn = votes.update(withdrawn_at=moment)
    _uncount_page(questions, moment, batch.late)
    batch.undone_at = moment
    batch.save(update_fields=["undone_at"])
    return withdrawn


def _lock_questions(ids: Sequence[int]) -> datetime:
    """In the order of their ids, as other pages do; the time when all are locked."""
    list(Question.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def _uncount_page(questions: Sequence[int], moment: datetime, late: bool) -> None:
    """Active gold is never decided, so nothing is due on it, and nothing is counted."""
    counted = F("votes_in_time") - (0 if late else 1)
    Question.objects.filter(pk__in=questions, is_gold=False).update(votes_in_time=counted)
    make_due(condition="question.id = ANY(%(ids)s)", values={"ids": list(questions)}, at=moment)
