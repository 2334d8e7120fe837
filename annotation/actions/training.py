"""Trainings: switched on by curators, passed by annotators."""

import random
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.actions.campaigns import lock_campaign
from annotation.actions.training_items import build_items
from annotation.models import Annotator, Campaign, Training, TrainingAttempt, TrainingGrant, TrainingItem
from annotation.queries.campaigns import find_campaign
from annotation.queries.training import find_standing, list_drawable, list_items
from annotation.rules import TrainingValues, check_not_barred
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditAction

_draw = random.SystemRandom()


@dataclass(frozen=True)
class Marked:
    """What became of one answer."""

    item: TrainingItem
    answer: int

    @property
    def right(self) -> bool:
        return self.answer == self.item.correct


@transaction.atomic
def change_training(*, name: str, values: TrainingValues, by: User, at: datetime) -> Training:
    """Switches the training of a campaign on or off and sets its rules; what there is to train with is built, besides what is there.
    Whoever has passed stays passed. Conflict for a campaign that is closed, and where it would be on with nothing to train with."""
    campaign = lock_campaign(name)
    if campaign.state == Campaign.State.CLOSED:
        raise Conflict(_("Campaign %(name)s is closed: it trains nobody any more.") % {"name": name})
    fields = {
        "active": values.active,
        "passing_mark": values.passing_mark,
        "attempts": values.attempts,
        "quiz_items": values.quiz_items,
        "practice_items": values.practice_items,
    }
    training, _made = Training.objects.update_or_create(
        campaign=campaign, defaults={**fields, "changed_at": at, "changed_by": by}
    )
    built = build_items(campaign=campaign, at=at)
    if values.active and not list_drawable(training).exists():
        raise Conflict(
            _("There is nothing to train with yet: no siblings to tell apart, no settled pictures. Switch it on later.")
        )
    append_entry(
        action=AuditAction.CHANGE_TRAINING, subject=f"campaign:{name}", detail={**fields, "built": built}, by=by
    )
    return training


@transaction.atomic
def start_attempt(*, annotator_id: int, name: str, at: datetime) -> TrainingAttempt:
    """The open attempt of an annotator, or a new one with items drawn by chance: as many as the training wants, or as there are.

    Conflict for a campaign without training, for whoever has passed, and where no attempt is left (a curator may grant one).
    """
    annotator = _lock_annotator(annotator_id)
    campaign = find_campaign(name)
    standing = find_standing(annotator, campaign)
    if standing is None:
        raise Conflict(_("Campaign %(name)s has no training.") % {"name": name})
    if standing.open is not None:
        return standing.open
    if standing.passed:
        raise Conflict(_("You have passed this training."))
    if standing.left == 0:
        raise Conflict(_("You have no attempt left. Ask a curator for another one."))
    items = _draw_items(standing.training)
    if not items:
        raise Conflict(_("There is nothing to train with at present. Come back later."))
    done = TrainingAttempt.objects.filter(annotator=annotator, campaign=campaign).count()
    return TrainingAttempt.objects.create(
        annotator=annotator,
        campaign=campaign,
        number=done + 1,
        items=items,
        mark=standing.training.passing_mark,
        started_at=at,
    )


def _draw_items(training: Training) -> list[int]:
    """Quizzes first; of pictures as many that show their synset as that do not, where there are."""
    usable = list(list_drawable(training).values_list("pk", "kind", "correct"))
    quizzes = [pk for pk, kind, _ in usable if kind != TrainingItem.Kind.PRACTICE]
    pictures = {
        correct: [pk for pk, kind, right in usable if kind == TrainingItem.Kind.PRACTICE and right == correct]
        for correct in (0, 1)
    }
    for some in (quizzes, *pictures.values()):
        _draw.shuffle(some)
    wanted = training.practice_items
    half = min(max(wanted // 2, wanted - len(pictures[0])), len(pictures[1]))
    practice = pictures[1][:half] + pictures[0][: wanted - half]
    _draw.shuffle(practice)
    return quizzes[: training.quiz_items] + practice


@transaction.atomic
def answer_item(*, annotator_id: int, name: str, place: int, answer: int, at: datetime) -> TrainingAttempt:
    """Keeps the answer at a place of the open attempt (from 0); the last one ends it, with its score. A place that was answered keeps its
    first answer. Conflict without an open attempt or for a place further on, InvalidInput for an answer that is no choice."""
    annotator = _lock_annotator(annotator_id)
    campaign = find_campaign(name)
    attempt = TrainingAttempt.objects.filter(annotator=annotator, campaign=campaign, finished_at__isnull=True).first()
    if attempt is None or place > len(attempt.answers):
        raise Conflict(_("This attempt is over, or another window is further on."))
    if place < len(attempt.answers):
        return attempt
    items = list_items(attempt.items)
    if not 0 <= answer < (len(items[place].choices) or 2):
        raise InvalidInput({"answer": _("must be one of the choices")})
    attempt.answers = [*attempt.answers, answer]
    if len(attempt.answers) == len(items):
        right = sum(Marked(*pair).right for pair in zip(items, attempt.answers, strict=True))
        attempt.finished_at, attempt.score = at, 100 * right // len(items)
        attempt.passed = attempt.score >= attempt.mark
    attempt.save(update_fields=["answers", "finished_at", "score", "passed"])
    return attempt


def _lock_annotator(annotator_id: int) -> Annotator:
    annotator = Annotator.objects.select_for_update(no_key=True).get(pk=annotator_id)
    check_not_barred(annotator)
    return annotator


@transaction.atomic
def grant_attempt(*, name: str, annotator_id: int, by: User, at: datetime) -> None:
    """One attempt more for an annotator. NotFound for one that is not there, Conflict for one who has passed or has attempts left."""
    campaign = find_campaign(name)
    annotator = Annotator.objects.select_for_update(no_key=True).filter(pk=annotator_id).first()
    if annotator is None:
        raise NotFound(_("There is no such annotator."))
    standing = find_standing(annotator, campaign)
    if standing is None or standing.passed or standing.left or standing.open:
        raise Conflict(_("This annotator needs no further attempt."))
    TrainingGrant.objects.create(annotator=annotator, campaign=campaign, granted_at=at, granted_by=by)
    append_entry(
        action=AuditAction.GRANT_ATTEMPT,
        subject=f"annotator:{annotator_id}",
        detail={"campaign": campaign.pk},
        by=by,
    )
