"""What people see of their own work and of campaigns as a whole."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Count, Q

from annotation.models import Annotator, Batch, Campaign, Policy, Question, Vote
from annotation.queries.campaigns import coarsen_percent
from annotation.queries.kept import keep


@dataclass(frozen=True)
class Activity:
    """Standing votes of one person: in all, and since the moment asked for."""

    votes: int
    recent: int


def count_activity(user: User, *, since: datetime) -> Activity:
    """How many votes of an account stand; nothing for an account that does not annotate. One query."""
    votes = Vote.objects.standing().filter(annotator__user_id=user.pk)
    return Activity(**votes.aggregate(votes=Count("pk"), recent=Count("pk", filter=Q(voted_at__gte=since))))


def count_recent(annotator: Annotator, *, since: datetime) -> int:
    """How many votes of an annotator since then stand. One query."""
    return Vote.objects.standing().filter(annotator=annotator, voted_at__gte=since).count()


def find_campaign_in_hand(annotator: Annotator) -> str | None:
    """The name of the open campaign from which the annotator's newest page came: people stay with what they chose."""
    pages = Batch.objects.filter(annotator=annotator, campaign__state=Campaign.State.OPEN)
    return pages.order_by("-leased_at").values_list("campaign__name", flat=True).first()


@dataclass(frozen=True)
class Share:
    """Questions that are not gold, and how many of them are finished."""

    questions: int
    finished: int

    @property
    def percent(self) -> int:
        """As coarse as annotators may know it."""
        return coarsen_percent(100 * self.finished // self.questions) if self.questions else 0


def count_shares(campaigns: list[Campaign]) -> dict[int, Share]:
    """The share of each campaign by its id; nothing for one without questions. One query; a minute old where that takes seconds."""
    ids = sorted(campaign.pk for campaign in campaigns)
    return keep(f"shares:{'-'.join(map(str, ids))}", lambda: _count_shares(ids))


def _count_shares(campaign_ids: list[int]) -> dict[int, Share]:
    finished = Q(state__in=[Question.State.ACCEPTED, Question.State.REJECTED])
    rows = (
        Question.objects.filter(campaign__in=campaign_ids, is_gold=False)
        .order_by()
        .values_list("campaign")
        .annotate(questions=Count("pk"), finished=Count("pk", filter=finished))
    )
    return {campaign: Share(questions, done) for campaign, questions, done in rows}


def list_open_campaigns() -> list[Campaign]:
    """Campaigns that give out pages, in the order in which they do."""
    return list(Campaign.objects.filter(state=Campaign.State.OPEN).order_by("opened_at", "pk"))


def list_policies(campaign: Campaign) -> list[Policy]:
    """Every version of a campaign's rules with who made it, newest first."""
    return list(Policy.objects.filter(campaign=campaign).select_related("created_by").order_by("-version"))
