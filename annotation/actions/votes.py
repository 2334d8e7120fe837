"""Votes: taken a page at a time in one transaction, withdrawn a page at a time."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from annotation.actions.batches import lock_annotator, lock_batch
from annotation.models import Batch, Question, Vote
from annotation.queries.campaigns import find_policy
from annotation.rules import MILLISECONDS_CAP, check_not_barred
from hierarchy.errors import Conflict, InvalidInput, KeyReused
from hierarchy.queries.plain import execute_planned

KEY_LENGTH = 200

FIND_KEY = """
SELECT id, body_sha256, recorded, late FROM annotation_batch
WHERE annotator_id = %(annotator)s AND idempotency_key = %(key)s
"""

# Always in the order of the questions' ids, so that two pages never wait for each other.
LOCK_PAGE = """
SELECT item.position, question.id
FROM annotation_batchitem AS item JOIN annotation_question AS question ON question.id = item.question_id
WHERE item.batch_id = %(batch)s ORDER BY question.id FOR NO KEY UPDATE OF question
"""

# At the moment of the statement, not of the transaction.
LOOK_AGAIN = """
SELECT clock_timestamp(), ARRAY(SELECT question_id FROM annotation_vote
                                WHERE question_id = ANY(%(ids)s) AND annotator_id = %(annotator)s AND withdrawn_at IS NULL)
"""

# All that a submission writes. The page's hold on each of its questions ends, and what was answered is counted and becomes due.
# Active gold is never decided, so nothing is due on it, and it is not held. A hold that has expired may have been cleared away
# already.
RECORD = """
WITH voted AS (
INSERT INTO annotation_vote (question_id, annotator_id, batch_id, position, answer, milliseconds, late, voted_at)
SELECT question_id, %(annotator)s::bigint, %(batch)s::uuid, position, answer, milliseconds, %(late)s::boolean, %(at)s::timestamptz
FROM unnest(%(questions)s::bigint[], %(positions)s::smallint[], %(answers)s::text[], %(milliseconds)s::int[])
    AS given (question_id, position, answer, milliseconds)
), counted AS (
UPDATE annotation_question AS question
SET held_until = question.held_until[:coalesce(item.place, 1) - 1] || question.held_until[coalesce(item.place, 0) + 1:],
    votes_in_time = question.votes_in_time + CASE WHEN item.voted THEN %(counted)s::int ELSE 0 END,
    due_at = CASE WHEN item.voted THEN %(at)s::timestamptz ELSE question.due_at END
FROM (
    SELECT held.id, held.id = ANY(%(questions)s::bigint[]) AS voted,
           array_position(held.held_until, %(expires_at)s::timestamptz) AS place
    FROM annotation_batchitem AS item JOIN annotation_question AS held ON held.id = item.question_id
    WHERE item.batch_id = %(batch)s AND NOT held.is_gold
) AS item
WHERE question.id = item.id AND (item.voted OR item.place IS NOT NULL)
)
UPDATE annotation_batch SET outcome = 'SUBMITTED', closed_at = %(at)s, late = %(late)s, idempotency_key = %(key)s,
    body_sha256 = %(body)s, recorded = %(recorded)s
WHERE id = %(batch)s
"""


@dataclass(frozen=True, kw_only=True)
class GivenVote:
    """One answer as it was sent; `milliseconds` on the picture, None where not measured."""

    position: int
    answer: str
    milliseconds: int | None = None


@dataclass(frozen=True)
class Receipt:
    """What a submission brought. A repeated submission gets the same receipt."""

    batch: UUID
    recorded: int
    late: bool


@transaction.atomic
def submit_batch(*, annotator_id: int, batch_id: UUID, votes: Sequence[GivenVote], key: str) -> Receipt:
    """Records a page of votes once, whatever happens to the answer on its way back.

    The same key with the same votes gets the first receipt again, also when the lease has expired or the annotator is
    barred; with other votes KeyReused. Else Conflict for a closed batch, NotPermitted for another's or for a barred
    annotator, InvalidInput naming the vote. A vote after the lease has expired is kept and marked late; one on a
    question that this annotator has voted on by another page is left out, and `recorded` says how many were kept.
    """
    _check_key(key)
    annotator = lock_annotator(annotator_id)
    batch = lock_batch(annotator_id=annotator_id, batch_id=batch_id)
    body = _digest(batch_id, votes)
    known = _find_receipt(annotator_id, key, body)
    if known is not None:
        return known
    check_not_barred(annotator)
    if batch.closed_at is not None:
        raise Conflict(f"This batch was {batch.get_outcome_display()} already.")
    questions = _check_votes(batch, votes)
    return _record(batch, votes, questions, key, body)


def _find_receipt(annotator_id: int, key: str, body: bytes) -> Receipt | None:
    """What the same submission got before; KeyReused where the key came with another body."""
    with connection.cursor() as cursor:
        execute_planned(cursor, FIND_KEY, {"annotator": annotator_id, "key": key})
        row = cursor.fetchone()
    if row is None:
        return None
    batch_id, known_body, recorded, late = row
    if bytes(known_body) != body:
        raise KeyReused("This idempotency key was used before with another body.")
    return Receipt(batch_id, recorded, late)


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= KEY_LENGTH or not key.isprintable():
        raise InvalidInput({"Idempotency-Key": f"must be 1 to {KEY_LENGTH} printable characters"})


def _digest(batch_id: UUID, votes: Sequence[GivenVote]) -> bytes:
    ordered = sorted(
        (vote.position, vote.answer, -1 if vote.milliseconds is None else vote.milliseconds) for vote in votes
    )
    return hashlib.sha256(json.dumps([str(batch_id), ordered]).encode()).digest()


def _check_votes(batch: Batch, votes: Sequence[GivenVote]) -> dict[int, int]:
    """Question id by position of the batch, the rows of the questions locked."""
    questions = _lock_page(batch)
    if not votes:
        raise InvalidInput({"votes": "must answer at least one picture"})
    problems: dict[str, str] = {}
    seen: set[int] = set()
    for index, vote in enumerate(votes):
        if vote.position not in questions:
            problems[f"votes[{index}].position"] = f"must be from 1 to {len(questions)}, not {vote.position}"
        elif vote.position in seen:
            problems[f"votes[{index}].position"] = f"{vote.position} is answered twice"
        if vote.answer not in Vote.Answer.values:
            problems[f"votes[{index}].answer"] = f"must be one of {', '.join(Vote.Answer.values)}"
        if vote.milliseconds is not None and vote.milliseconds < 0:
            problems[f"votes[{index}].milliseconds"] = "must not be negative"
        seen.add(vote.position)
    if problems:
        raise InvalidInput(problems)
    return questions


def _record(batch: Batch, votes: Sequence[GivenVote], questions: dict[int, int], key: str, body: bytes) -> Receipt:
    # Read after the locks: a lease granted on the same question meanwhile has seen this one expire, or not.
    moment, voted = _look_again(batch, [questions[vote.position] for vote in votes])
    kept = sorted((vote for vote in votes if questions[vote.position] not in voted), key=lambda vote: vote.position)
    late = moment >= batch.expires_at
    values: dict[str, Any] = {
        "batch": batch.pk,
        "annotator": batch.annotator_id,
        "questions": [questions[vote.position] for vote in kept],
        "positions": [vote.position for vote in kept],
        "answers": [str(vote.answer) for vote in kept],
        "milliseconds": [
            None if vote.milliseconds is None else min(vote.milliseconds, MILLISECONDS_CAP) for vote in kept
        ],
        "late": late,
        "counted": 0 if late else 1,
        "expires_at": batch.expires_at,
        "at": moment,
        "key": key,
        "body": body,
        "recorded": len(kept),
    }
    with connection.cursor() as cursor:
        execute_planned(cursor, RECORD, values)
    return Receipt(batch.pk, len(kept), late)


def _lock_page(batch: Batch) -> dict[int, int]:
    """Question id by position, the questions locked in the order of their ids."""
    with connection.cursor() as cursor:
        execute_planned(cursor, LOCK_PAGE, {"batch": batch.pk})
        return dict(cursor.fetchall())


def _lock_questions(ids: Sequence[int]) -> None:
    """Always in the order of their ids, so that two pages never wait for each other."""
    list(Question.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))


def _look_again(batch: Batch, answered: Sequence[int]) -> tuple[datetime, set[int]]:
    """The time, and the questions that this annotator has voted on by another page."""
    with connection.cursor() as cursor:
        execute_planned(cursor, LOOK_AGAIN, {"ids": list(answered), "annotator": batch.annotator_id})
        moment, voted = cursor.fetchone()
    return moment, set(voted)


@transaction.atomic
def undo_batch(*, annotator_id: int, batch_id: UUID) -> int:
    """Withdraws the votes of a page within the policy's seconds, and returns how many. Undoing twice is one undo."""
    batch = lock_batch(annotator_id=annotator_id, batch_id=batch_id)
    if batch.undone_at is not None:
        return 0
    if batch.outcome != Batch.Outcome.SUBMITTED or batch.closed_at is None:
        raise Conflict("This page was not sent, so there is nothing to undo.")
    votes = Vote.objects.standing().filter(batch=batch)
    questions = list(votes.values_list("question_id", flat=True))
    _lock_questions(questions)
    moment, _ = _look_again(batch, [])
    if moment > batch.closed_at + find_policy(batch.campaign).undo_period:
        raise Conflict("The time for taking this page back is over.")
    withdrawn = votes.update(withdrawn_at=moment)
    _uncount_page(questions, moment, batch.late)
    batch.undone_at = moment
    batch.save(update_fields=["undone_at"])
    return withdrawn


def _uncount_page(questions: Sequence[int], moment: datetime, late: bool) -> None:
    """Active gold is never decided, so nothing is due on it, and nothing is counted."""
    counted = F("votes_in_time") - (0 if late else 1)
    Question.objects.filter(pk__in=questions, is_gold=False).update(due_at=moment, votes_in_time=counted)
