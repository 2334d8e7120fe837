"""Bars, and what barred people answer to them."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from annotation.actions.batches import close_unanswered
from annotation.actions.due import make_due
from annotation.models import Annotator, Appeal, Bar, Batch
from annotation.models.bar import LONGEST_TEXT
from annotation.queries.bars import find_open_bar
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted
from hierarchy.models import AuditAction

# In the order of their ids, as pages of votes lock them; those of open pages among them, which are let go of later.
LOCK_TOUCHED = """
SELECT count(*) FROM (
    SELECT question.id FROM annotation_question AS question
    WHERE question.id IN (SELECT question_id FROM annotation_vote WHERE annotator_id = %(annotator)s AND withdrawn_at IS NULL)
       OR question.id IN (SELECT question_id FROM annotation_batchitem WHERE batch_id = ANY(%(batches)s::uuid[]))
    ORDER BY question.id FOR NO KEY UPDATE
) AS locked
"""
COUNT_THEIR_VOTES = """
UPDATE annotation_question AS question
SET votes_in_time = question.votes_in_time + CASE WHEN vote.late THEN 0 ELSE %(sign)s END
FROM annotation_vote AS vote
WHERE vote.annotator_id = %(annotator)s AND vote.withdrawn_at IS NULL AND vote.question_id = question.id
  AND NOT question.is_gold
"""
WITH_THEIR_VOTES = "question.id IN (SELECT question_id FROM annotation_vote WHERE annotator_id = %(annotator)s AND withdrawn_at IS NULL)"


@transaction.atomic
def bar_annotator(
    *, annotator_id: int, reason: str, by: User | None, at: datetime, code: str = Bar.Code.OTHER
) -> Annotator:
    """Stops serving an annotator, with a reason that the annotator is told; `by` is None where the engine decided it.

    Their votes stay as they are and count nothing from now on: what rested on them becomes due. Open questions are asked
    again; finished ones and those that wait for a curator keep their state, and where the other votes speak against a
    label, it goes to a curator. Nothing happens to whoever is barred. InvalidInput names the reason or the code.
    """
    _check_reason(code, reason)
    annotator = _lock_annotator(annotator_id)
    if by is not None and annotator.user_id == by.pk:
        raise NotPermitted(_("Nobody bars themselves."))
    if annotator.barred_at is not None:
        return annotator
    Bar.objects.create(annotator=annotator, code=code, reason=reason.strip(), by=by, by_engine=by is None, begun_at=at)
    # Nobody else is asked what an open page holds, and this one will not be sent any more.
    held = list(annotator.batches.select_for_update().filter(closed_at__isnull=True).order_by("pk"))
    _count_votes(annotator, sign=-1, held=held, at=at)
    for batch in held:
        close_unanswered(batch)
    # Not the reason: people type it.
    detail = {"account": annotator.user_id, "decided_by": "CURATOR" if by else "GOLD", "code": code}
    append_entry(action=AuditAction.BAR_ANNOTATOR, subject=f"annotator:{annotator_id}", detail=detail, by=by)
    annotator.refresh_from_db()
    return annotator


@transaction.atomic
def unbar_annotator(*, annotator_id: int, by: User, at: datetime) -> Annotator:
    """Ends an annotator's bar: they get pages again and their votes count again, also those given before. What may rest on them is due, as
    with a bar. An appeal that waits is answered by it. Conflict for one who is not barred, NotPermitted for oneself."""
    annotator = _lock_annotator(annotator_id)
    bar = find_open_bar(annotator)
    if bar is None:
        raise Conflict(_("Annotator %(number)s is not barred.") % {"number": annotator_id})
    waiting = bar.appeals.select_for_update().filter(answered_at__isnull=True).first()
    _end_bar(annotator, bar, by, at)
    if waiting is not None:
        _write_answer(waiting, lift=True, answer="", by=by, at=at)
    _record_unbarred(annotator, by)
    annotator.refresh_from_db()
    return annotator


@transaction.atomic
def make_appeal(*, annotator_id: int, text: str, at: datetime) -> Appeal:
    """What a barred person says against their bar, for curators to read. Conflict for one who is not barred, or whose appeal waits for its
    answer; InvalidInput for a text that is empty or too long."""
    if not 1 <= len(text.strip()) <= LONGEST_TEXT:
        raise InvalidInput({"text": _say_length(1)})
    annotator = _lock_annotator(annotator_id)
    bar = find_open_bar(annotator)
    if bar is None:
        raise Conflict(_("This account is not barred: there is nothing to appeal against."))
    if bar.appeals.filter(answered_at__isnull=True).exists():
        raise Conflict(_("Your appeal waits for its answer already."))
    appeal = Appeal.objects.create(bar=bar, text=text.strip(), made_at=at)
    detail = {"annotator": annotator_id}
    append_entry(action=AuditAction.APPEAL_BAR, subject=f"appeal:{appeal.pk}", detail=detail, by=annotator.user)
    return appeal


@transaction.atomic
def answer_appeal(*, appeal_id: int, lift: bool, answer: str, by: User, at: datetime) -> Appeal:
    """A curator's answer, which the person reads: the bar is lifted, as by `unbar_annotator`, or it stays.

    Conflict for an appeal that was answered; NotPermitted for one's own; InvalidInput where a bar stays and nothing says why, or where
    the answer is too long.
    """
    least = 0 if lift else 1
    if not least <= len(answer.strip()) <= LONGEST_TEXT:
        raise InvalidInput({"answer": _say_length(least)})
    annotator_id = Appeal.objects.filter(pk=appeal_id).values_list("bar__annotator", flat=True).first()
    if annotator_id is None:
        raise NotFound("There is no such appeal.")
    annotator = _lock_annotator(annotator_id)
    appeal = Appeal.objects.select_for_update(of=["self"]).select_related("bar").filter(pk=appeal_id).first()
    if appeal is None:
        raise NotFound("There is no such appeal.")
    if appeal.answered_at is not None:
        raise Conflict(_("This appeal was answered already."))
    if annotator.user_id == by.pk:
        raise NotPermitted(_("Another curator has to answer your appeal."))
    if lift:
        _end_bar(annotator, appeal.bar, by, at)
    _write_answer(appeal, lift=lift, answer=answer.strip(), by=by, at=at)
    if lift:
        _record_unbarred(annotator, by)
    return appeal


def _check_reason(code: str, reason: str) -> None:
    problems: dict[str, str] = {}
    if code not in Bar.Code.values:
        problems["code"] = _("must be one of %(values)s") % {"values": ", ".join(Bar.Code.values)}
    if not reason.strip():
        problems["reason"] = _("must say why")
    elif len(reason.strip()) > LONGEST_TEXT:
        problems["reason"] = _say_length(1)
    if problems:
        raise InvalidInput(problems)


def _say_length(least: int) -> str:
    text = _("must have 1 to %(most)s characters") if least else _("must have at most %(most)s characters")
    return text % {"most": LONGEST_TEXT}


def _lock_annotator(annotator_id: int) -> Annotator:
    """Whatever becomes of their bars comes one after the other."""
    annotator = Annotator.objects.select_for_update().filter(pk=annotator_id).first()
    if annotator is None:
        raise NotFound("There is no such annotator.")
    return annotator


def _count_votes(annotator: Annotator, *, sign: int, held: list[Batch], at: datetime) -> None:
    """Their votes count, or count no more, where a lease looks; what may rest on them is due."""
    values: dict[str, Any] = {"annotator": annotator.pk, "batches": [batch.pk for batch in held], "sign": sign}
    with connection.cursor() as cursor:
        cursor.execute(LOCK_TOUCHED, values)
        cursor.execute(COUNT_THEIR_VOTES, values)
    make_due(condition=WITH_THEIR_VOTES, values=values, at=at)


def _end_bar(annotator: Annotator, bar: Bar, by: User, at: datetime) -> None:
    if annotator.user_id == by.pk:
        raise NotPermitted(_("Nobody ends their own bar."))
    bar.ended_at, bar.ended_by = at, by
    bar.save(update_fields=["ended_at", "ended_by"])
    _count_votes(annotator, sign=1, held=[], at=at)


def _write_answer(appeal: Appeal, *, lift: bool, answer: str, by: User, at: datetime) -> None:
    appeal.answered_at, appeal.answered_by = at, by
    appeal.lifted, appeal.answer = lift, answer
    appeal.save(update_fields=["answered_at", "answered_by", "lifted", "answer"])
    detail = {"annotator": appeal.bar.annotator_id, "lifted": lift}
    append_entry(action=AuditAction.ANSWER_APPEAL, subject=f"appeal:{appeal.pk}", detail=detail, by=by)


def _record_unbarred(annotator: Annotator, by: User) -> None:
    detail = {"account": annotator.user_id}
    append_entry(action=AuditAction.UNBAR_ANNOTATOR, subject=f"annotator:{annotator.pk}", detail=detail, by=by)
