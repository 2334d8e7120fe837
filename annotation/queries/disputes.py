"""The curators' desk."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet

from annotation.models import Dispute, Vote
from hierarchy.errors import NotFound


def list_open_disputes(*, campaign: str | None = None) -> QuerySet[Dispute]:
    """Disputes that wait for a curator, with question, candidate, image, synset, campaign and estimate; oldest first."""
    waiting = Dispute.objects.filter(settled_at__isnull=True).order_by("pk")
    if campaign is not None:
        waiting = waiting.filter(question__campaign__name=campaign)
    return waiting.select_related(
        "question__campaign", "question__synset", "question__candidate__image", "question__estimate"
    )


def find_dispute(dispute_id: int) -> Dispute:
    """A dispute, open or settled, with the same relations."""
    dispute = (
        Dispute.objects.select_related(
            "question__campaign", "question__synset", "question__candidate__image", "question__estimate", "settled_by"
        )
        .filter(pk=dispute_id)
        .first()
    )
    if dispute is None:
        raise NotFound("There is no such dispute.")
    return dispute


def find_next_dispute(*, after: int, user: User) -> Dispute | None:
    """The next open dispute that this curator may settle: one on which they did not vote."""
    own = Vote.objects.filter(question=OuterRef("question"), annotator__user_id=user.pk)
    return list_open_disputes().filter(pk__gt=after).exclude(Exists(own)).first()


@dataclass(frozen=True)
class Tally:
    """Standing votes of a question; `voted` says whether the curator who asks is among the voters."""

    yes: int
    unsure: int
    no: int
    voted: bool


def count_answers(dispute: Dispute, *, user: User) -> Tally:
    """How the votes on a disputed question are spread. One query."""
    rows = list(Vote.objects.ever_on(dispute.question_id).values_list("answer", "withdrawn_at", "annotator__user_id"))
    standing = [answer for answer, withdrawn_at, _ in rows if withdrawn_at is None]
    return Tally(
        yes=standing.count(Vote.Answer.YES),
        unsure=standing.count(Vote.Answer.UNSURE),
        no=standing.count(Vote.Answer.NO),
        voted=any(user_id == user.pk for _, _, user_id in rows),
    )
