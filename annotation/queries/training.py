"""Trainings: where an annotator stands, and what there is to train with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.models import Annotator, Campaign, Gold, Training, TrainingAttempt, TrainingGrant, TrainingItem
from annotation.queries.examples import is_asked

ATTEMPTS_SHOWN = 50

# Whether the campaign of the row asks the annotator of the row for a training that they have not passed, and has items for an attempt.
ASKED_FIRST = """(annotation_campaign.id IS NOT NULL AND EXISTS (
        SELECT 1 FROM annotation_training AS training WHERE training.campaign_id = annotation_campaign.id AND training.active)
    AND NOT EXISTS (
        SELECT 1 FROM annotation_trainingattempt AS attempt
        WHERE attempt.annotator_id = annotation_annotator.id AND attempt.campaign_id = annotation_campaign.id AND attempt.passed)
    AND EXISTS (
        SELECT 1 FROM annotation_trainingitem AS item JOIN annotation_training AS training ON training.campaign_id = item.campaign_id
        WHERE item.campaign_id = annotation_campaign.id AND item.dropped_at IS NULL
          AND CASE WHEN item.image_id IS NULL THEN training.quiz_items > 0
                   ELSE training.practice_items > 0 AND NOT EXISTS (
                       SELECT 1 FROM hierarchy_candidate AS candidate
                       JOIN annotation_question AS question ON question.candidate_id = candidate.id
                       WHERE candidate.image_id = item.image_id AND (
                           question.state IN ('OPEN', 'DISPUTED') AND question.closed_at IS NULL
                           OR EXISTS (SELECT 1 FROM annotation_gold AS gold WHERE gold.question_id = question.id))) END))"""


def was_gold(image_id: str) -> Exists:
    """Whether a question on the image at the column `image_id` of the outer query is gold or ever was, in any campaign."""
    return Exists(Gold.objects.filter(question__candidate__image_id=OuterRef(image_id)))


def list_usable(campaign: Campaign) -> QuerySet[TrainingItem]:
    """Items that are not dropped, and whose picture is neither asked about anywhere nor was ever gold."""
    live = TrainingItem.objects.filter(campaign=campaign, dropped_at__isnull=True)
    return live.filter(Q(image=None) | (~is_asked("image_id") & ~was_gold("image_id")))


def list_drawable(training: Training) -> QuerySet[TrainingItem]:
    """Those of them that an attempt asks, as ASKED_FIRST has it."""
    asked = Q(image=None) if training.quiz_items else Q()
    if training.practice_items:
        asked = asked | Q(image__isnull=False) if asked else Q(image__isnull=False)
    return list_usable(training.campaign).filter(asked)


@dataclass(frozen=True)
class Standing:
    """Of one annotator at one training: `left` attempts besides the open one, `last` the newest finished one."""

    training: Training
    passed: bool
    left: int
    open: TrainingAttempt | None
    last: TrainingAttempt | None


def find_training(campaign: Campaign) -> Training | None:
    return Training.objects.filter(campaign=campaign).first()


def find_standing(annotator: Annotator, campaign: Campaign) -> Standing | None:
    """None where the campaign has no training that is on. Three queries."""
    training = find_training(campaign)
    if training is None or not training.active:
        return None
    attempts = list(TrainingAttempt.objects.filter(annotator=annotator, campaign=campaign).order_by("-number"))
    granted = TrainingGrant.objects.filter(annotator=annotator, campaign=campaign).count()
    return Standing(
        training=training,
        passed=any(attempt.passed for attempt in attempts),
        left=max(training.attempts + granted - len(attempts), 0),
        open=next((attempt for attempt in attempts if attempt.finished_at is None), None),
        last=next((attempt for attempt in attempts if attempt.finished_at is not None), None),
    )


def list_items(item_ids: Sequence[int]) -> list[TrainingItem]:
    """With image and synsets, in this order."""
    found = TrainingItem.objects.select_related("image", "synset", "shows").in_bulk(list(item_ids))
    return [found[pk] for pk in item_ids]


def list_all_items(campaign: Campaign) -> list[TrainingItem]:
    """For curators: all, dropped ones as well, quizzes first."""
    rows = TrainingItem.objects.filter(campaign=campaign).select_related("image", "synset", "shows")
    return list(rows.order_by("dropped_at", "kind", "pk"))


def list_attempts(campaign: Campaign) -> list[dict[str, Any]]:
    """The newest finished attempts, for curators: by annotator's number."""
    rows = TrainingAttempt.objects.filter(campaign=campaign, finished_at__isnull=False).order_by("-pk")[:ATTEMPTS_SHOWN]
    return [dict(row) for row in rows.values("annotator_id", "number", "score", "passed", "finished_at")]
