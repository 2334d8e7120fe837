"""What a new snapshot changes, and whether it has looked at everything."""

from dataclasses import dataclass

from django.db.models import Count, Q

from annotation.models import Dispute, Question, RescoredRange

State = Question.State


@dataclass(frozen=True, kw_only=True)
class Scored:
    """`flips` counts disputes that a turn of the evidence against a label has opened."""

    accepted: int
    rejected: int
    disputed: int
    flips: int


def count_scored(*, campaign_id: int | None) -> Scored:
    """Of a campaign, or of all. Two queries."""
    questions, flips = Question.objects.all(), Dispute.objects.filter(reason=Dispute.Reason.FLIP)
    if campaign_id is not None:
        questions, flips = questions.filter(campaign_id=campaign_id), flips.filter(question__campaign_id=campaign_id)
    states = questions.aggregate(
        accepted=Count("pk", filter=Q(state=State.ACCEPTED)),
        rejected=Count("pk", filter=Q(state=State.REJECTED)),
        disputed=Count("pk", filter=Q(state=State.DISPUTED)),
    )
    return Scored(**states, flips=flips.count())


def is_left() -> bool:
    """Whether open questions wait to be looked at under a new snapshot. One query."""
    return RescoredRange.objects.exists()
