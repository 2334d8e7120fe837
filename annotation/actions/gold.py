"""Questions whose truth is known, asked blind among the others."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from annotation.actions.due import make_due
from annotation.models import Campaign, Gold, Question, TrainingItem
from annotation.queries.truths import count_exposures
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditAction, Candidate, Label

# While a question is gold, neither its votes nor its pages are counted on it.
COUNT_AS_ORDINARY = """
UPDATE annotation_question AS question
SET votes_in_time = (
        SELECT count(*) FROM annotation_vote AS vote JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id
        WHERE vote.question_id = question.id AND vote.withdrawn_at IS NULL AND NOT vote.late AND annotator.barred_at IS NULL),
    held_until = ARRAY(
        SELECT batch.expires_at FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
        WHERE item.question_id = question.id AND batch.closed_at IS NULL AND batch.expires_at > now())
WHERE question.id = ANY(%(questions)s::bigint[])
"""


@transaction.atomic
def record_gold(*, truths: Mapping[int, str], source: str, by: User | None, at: datetime) -> int:
    """Makes questions gold, by question id, and writes it into the audit log; returns how many were not gold with that truth before.
    Refusals as in `make_gold`."""
    new = make_gold(truths=truths, source=source, by=by, at=at)
    record_made({pk: truths[pk] for pk in new}, source=source, by=by)
    return len(new)


def make_gold(*, truths: Mapping[int, str], source: str, by: User | None, at: datetime) -> list[int]:
    """The same in the caller's transaction, which ends with `record_made`; returns which were not gold with that truth before.

    InvalidInput for an unknown truth, NotFound for an unknown question, Conflict for one that is finished, whose
    candidate has a label (a published label never becomes gold), whose picture is in a training, or that is gold with the other truth.
    """
    wrong = sorted({truth for truth in truths.values() if truth not in Gold.Truth.values})
    if wrong:
        raise InvalidInput({"truth": f"must be one of {', '.join(Gold.Truth.values)}, not {wrong[0]!r}"})
    questions = Question.objects.select_for_update(no_key=True).filter(pk__in=truths).order_by("pk")
    found = {question.pk: question for question in questions}
    _check_askable(truths, found)
    known = dict(Gold.objects.filter(question_id__in=truths, active=True).values_list("question_id", "truth"))
    contrary = [pk for pk, truth in known.items() if truth != truths[pk]]
    if contrary:
        raise Conflict(f"Question {contrary[0]} is gold with the other truth.")
    new = [pk for pk in truths if pk not in known]
    exposures = count_exposures(new)
    Gold.objects.bulk_create(
        Gold(
            question_id=pk,
            truth=truths[pk],
            source=source,
            exposures=exposures.get(pk, 0),
            created_at=at,
            created_by=by,
        )
        for pk in new
    )
    return new


def record_made(truths: Mapping[int, str], *, source: str, by: User | None) -> None:
    """One entry of the audit log for what was made gold in this transaction; the last thing in it."""
    if truths:
        detail = {"source": source, **_sum_up(f"{pk} {truths[pk]}" for pk in sorted(truths))}
        append_entry(action=AuditAction.MAKE_GOLD, subject="questions", detail=detail, by=by)


@transaction.atomic
def retire_gold(
    *, question_ids: Collection[int], by: User | None, at: datetime, because: str = Gold.End.RETIRED
) -> int:
    """Gold questions become ordinary ones, as when their truths are known to annotators, and that is written into the audit log; returns how
    many were gold until now."""
    retired = end_gold(question_ids=question_ids, at=at, because=because)
    if retired:
        detail = {"because": str(because), **_sum_up(map(str, sorted(retired)))}
        append_entry(action=AuditAction.RETIRE_GOLD, subject="questions", detail=detail, by=by)
    return len(retired)


def end_gold(*, question_ids: Collection[int], at: datetime, because: str) -> list[int]:
    """The same in the caller's transaction, which ends with an entry of the audit log; returns which were gold until now.

    What was voted on them counts from now on as on any question, pages that are out with them hold their places, and they are due.
    """
    questions = Question.objects.select_for_update(no_key=True).filter(pk__in=question_ids, is_gold=True)
    locked = list(questions.order_by("pk").values_list("pk", flat=True))
    # Whoever draws a page locks the gold on it, so that no page is out which is not seen below.
    held = Gold.objects.filter(question_id__in=locked, active=True).order_by("question_id")
    retired = list(held.select_for_update(no_key=True).values_list("question_id", flat=True))
    Gold.objects.filter(question_id__in=retired, active=True).update(active=False, ended_at=at, ended_because=because)
    with connection.cursor() as cursor:
        cursor.execute(COUNT_AS_ORDINARY, {"questions": retired})
    make_due(condition="question.id = ANY(%(ids)s::bigint[])", values={"ids": retired}, at=at)
    return retired


def record_retired(*, campaign: Campaign, question_ids: Collection[int], by: User | None) -> None:
    """One entry of the audit log for the gold that a campaign which closes has retired in this transaction; the last thing in it."""
    if question_ids:
        append_entry(
            action=AuditAction.RETIRE_GOLD,
            subject=f"campaign:{campaign.name}",
            detail=_sum_up(map(str, sorted(question_ids))),
            by=by,
        )


def _sum_up(lines: Iterable[str]) -> dict[str, Any]:
    """How many lines there are, and the SHA-256 of them, each with its line feed."""
    listed = [f"{line}\n" for line in lines]
    return {"questions": len(listed), "sha256": hashlib.sha256("".join(listed).encode()).hexdigest()}


def _check_askable(truths: Mapping[int, str], found: Mapping[int, Question]) -> None:
    missing = sorted(set(truths) - set(found))
    if missing:
        raise NotFound(f"There is no question {missing[0]}.")
    finished = [pk for pk, question in found.items() if question.state != Question.State.OPEN]
    if finished:
        raise Conflict(f"Question {finished[0]} is not open any more.")
    candidates = {question.candidate_id: pk for pk, question in found.items()}
    labelled = Label.objects.filter(candidate_id__in=candidates).values_list("candidate_id", flat=True).first()
    if labelled is not None:
        raise Conflict(f"Question {candidates[labelled]} has a label: labels never become gold.")
    pictures = Candidate.objects.filter(pk__in=candidates, image_id__in=TrainingItem.objects.values("image_id"))
    practised = pictures.values_list("pk", flat=True).first()
    if practised is not None:
        raise Conflict(f"The picture of question {candidates[practised]} is in a training: its truth is told there.")
