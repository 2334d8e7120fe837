"""What annotators report of pictures and definitions, what they contest, and what curators make of it."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.actions.disputes import open_flagged_dispute
from annotation.actions.gold import retire_gold
from annotation.models import Annotator, Batch, BatchItem, Flag, Vote
from annotation.models.flag import TEXT_LENGTH, FlagQuerySet
from annotation.queries.batches import find_batch
from annotation.rules import CONTEST_DAYS, check_not_barred
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditAction, Synset

Kind, Outcome = Flag.Kind, Flag.Outcome
OF_PICTURES = (Kind.OFFENSIVE, Kind.PRIVATE_PERSON, Kind.BROKEN, Kind.DRAWING)
LOOKED_AT = "A curator has looked at this already."


@transaction.atomic
def raise_flag(*, annotator: Annotator, batch_id: UUID, position: int | None, kind: str, at: datetime) -> None:
    """Reports the picture at a position of a page that the annotator had, or (without a position) the definition of its synset.
    Twice is once; one that was withdrawn stands again, and one that a curator has closed stays closed. No vote.

    Does the same whatever the question is. NotFound for a page or a picture that is not there, NotPermitted for another's page or
    for a barred annotator, InvalidInput for a kind that is none of such things.
    """
    check_not_barred(annotator)
    batch = find_batch(annotator, batch_id)
    _check_kind(kind, position)
    flag = Flag(
        annotator=annotator, batch=batch, position=position, synset_id=batch.synset_id, kind=kind, created_at=at
    )
    if position is not None:
        flag.question_id = _find_question(batch, position)
    _keep(flag)


@transaction.atomic
def withdraw_flag(*, annotator: Annotator, batch_id: UUID, position: int | None, kind: str, at: datetime) -> None:
    """Takes a report back, if it was made. Refusals as in `raise_flag`, and Conflict where a curator has closed it."""
    check_not_barred(annotator)
    batch = find_batch(annotator, batch_id)
    _check_kind(kind, position)
    own = Flag.objects.standing().filter(annotator=annotator, kind=kind)
    if position is None:
        own = own.filter(question=None, synset_id=batch.synset_id)
    else:
        own = own.filter(question_id=_find_question(batch, position))
    if not own.filter(closed_at__isnull=True).update(withdrawn_at=at) and own.exists():
        raise Conflict(LOOKED_AT)


@transaction.atomic
def contest_answer(*, annotator: Annotator, batch_id: UUID, position: int, text: str, at: datetime) -> None:
    """Asks curators to look at a question that the annotator answered within the last CONTEST_DAYS days, whatever came of it; again,
    with another text, as long as nobody has looked at it.

    NotFound where no answer of theirs stands there, Conflict for an older one or one that a curator has looked at, InvalidInput for a
    text of none or more than TEXT_LENGTH characters.
    """
    # As it is now: where the account is deleted meanwhile, nothing that they wrote may stay.
    annotator = Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
    check_not_barred(annotator)
    batch = find_batch(annotator, batch_id)
    text = text.replace("\0", "").strip()
    if not 1 <= len(text) <= TEXT_LENGTH:
        raise InvalidInput({"text": _("must have 1 to %(most)s characters") % {"most": TEXT_LENGTH}})
    vote = Vote.objects.standing().filter(batch=batch, position=position).first()
    if vote is None:
        raise NotFound("You gave no answer there.")
    if vote.voted_at < at - timedelta(days=CONTEST_DAYS):
        raise Conflict(_("An answer can be contested for %(days)s days; this one is older.") % {"days": CONTEST_DAYS})
    flag = Flag(
        annotator=annotator, batch=batch, position=position, question_id=vote.question_id, synset_id=batch.synset_id
    )
    flag.kind, flag.text, flag.created_at = Kind.CONTESTED, text, at
    if not _keep(flag):
        raise Conflict(LOOKED_AT)


def _keep(flag: Flag) -> bool:
    """The row of its annotator, thing and kind, standing; False where a curator has closed it."""
    Flag.objects.bulk_create([flag], ignore_conflicts=True)
    own = Flag.objects.filter(annotator_id=flag.annotator_id, kind=flag.kind, closed_at__isnull=True)
    if flag.question_id is None:
        own = own.filter(question=None, synset_id=flag.synset_id)
    else:
        own = own.filter(question_id=flag.question_id)
    return own.update(withdrawn_at=None, text=flag.text) > 0


def _check_kind(kind: str, position: int | None) -> None:
    known = OF_PICTURES if position is not None else (Kind.DEFINITION,)
    if kind not in known:
        raise InvalidInput({"kind": _("must be one of %(values)s") % {"values": ", ".join(known)}})


def _find_question(batch: Batch, position: int) -> int:
    found = BatchItem.objects.filter(batch=batch, position=position).values_list("question_id", flat=True).first()
    if found is None:
        raise NotFound(f"There is no picture at position {position}.")
    return found


@transaction.atomic
def close_question_flags(*, question_id: int, newest: int, outcome: str, by: User, at: datetime) -> int:
    """A curator has looked at what is waiting about a picture, up to the flag `newest` that was shown; returns how many that were.

    DISPUTED sends the question to the disputes (Conflict for gold, or for a question that its closed campaign left unfinished);
    RETIRED makes gold an ordinary question. InvalidInput for an unknown outcome, Conflict where nothing waits any more.
    """
    _check_outcome(outcome, Outcome.values)
    closed = _close(Flag.objects.filter(question_id=question_id), newest, outcome, by, at)
    if outcome == Outcome.DISPUTED:
        open_flagged_dispute(question_id=question_id, at=at)
    if outcome == Outcome.RETIRED and not retire_gold(question_ids=[question_id], by=by, at=at):
        raise Conflict(_("This question is no gold."))
    _record(f"question:{question_id}", outcome, closed, by)
    return closed


@transaction.atomic
def close_definition_flags(*, synset_id: int, newest: int, outcome: str, by: User, at: datetime) -> int:
    """The same for the flags on a synset's definition; DISMISSED or DONE."""
    _check_outcome(outcome, [Outcome.DISMISSED, Outcome.DONE])
    closed = _close(Flag.objects.filter(question=None, synset_id=synset_id), newest, outcome, by, at)
    wnid = Synset.objects.values_list("wnid", flat=True).get(pk=synset_id)
    _record(f"synset:{wnid}", outcome, closed, by)
    return closed


def _check_outcome(outcome: str, known: list[str]) -> None:
    if outcome not in known:
        raise InvalidInput({"outcome": _("must be one of %(values)s") % {"values": ", ".join(known)}})


def _close(flags: FlagQuerySet, newest: int, outcome: str, by: User, at: datetime) -> int:
    waiting = flags.waiting().filter(pk__lte=newest).select_for_update(no_key=True).order_by("pk")
    locked = [flag.pk for flag in waiting]
    if not locked:
        raise Conflict(_("Nothing waits here any more: another curator was faster, or it was withdrawn."))
    return Flag.objects.filter(pk__in=locked).update(closed_at=at, closed_by=by, outcome=outcome)


def _record(subject: str, outcome: str, closed: int, by: User) -> None:
    # Not what was contested: people type it.
    append_entry(action=AuditAction.CLOSE_FLAGS, subject=subject, detail={"outcome": outcome, "flags": closed}, by=by)
