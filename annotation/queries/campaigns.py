"""Campaigns, their rules and their progress."""

from dataclasses import astuple, dataclass

from django.db import connection

from annotation.models import Campaign, Policy
from annotation.queries.kept import keep
from hierarchy.errors import NotFound


def find_campaign(name: str) -> Campaign:
    campaign = Campaign.objects.filter(name=name).first()
    if campaign is None:
        raise NotFound(f"There is no campaign {name}.")
    return campaign


def find_policy(campaign: Campaign) -> Policy:
    """The version in force."""
    return Policy.objects.filter(campaign=campaign).latest("version")


def find_policies(campaign_ids: list[int]) -> dict[int, Policy]:
    """The version in force of each campaign, by campaign id."""
    newest = Policy.objects.filter(campaign_id__in=campaign_ids).order_by("campaign_id", "-version")
    return {policy.campaign_id: policy for policy in newest.distinct("campaign_id")}


PERCENT_STEP = 5


def coarsen_percent(percent: int) -> int:
    """What annotators see of progress: steps so coarse that no single vote, and no gold, shows in them."""
    return percent - percent % PERCENT_STEP


@dataclass(frozen=True)
class Progress:
    """Questions of a campaign (or of one synset in it) by state; `gold` counts those that are active gold, which are
    left out of the other numbers; `votes` are standing votes in time on the others, without those of barred annotators."""

    questions: int
    open: int
    accepted: int
    rejected: int
    disputed: int
    gold: int
    votes: int

    @property
    def finished(self) -> int:
        return self.accepted + self.rejected

    @property
    def percent(self) -> int:
        return 100 * self.finished // self.questions if self.questions else 0

    @property
    def votes_per_finished(self) -> float | None:
        return self.votes / self.finished if self.finished else None


COUNT_BY_SYNSET = """
SELECT member.synset_id, synset.wnid, synset.words[1],
       coalesce(counted.questions, 0), coalesce(counted.open, 0), coalesce(counted.accepted, 0), coalesce(counted.rejected, 0),
       coalesce(counted.disputed, 0), coalesce(counted.gold, 0), coalesce(counted.votes, 0)
FROM annotation_campaignsynset AS member
JOIN hierarchy_synset AS synset ON synset.id = member.synset_id
LEFT JOIN (
    SELECT question.synset_id,
           count(*) FILTER (WHERE NOT question.is_gold) AS questions,
           count(*) FILTER (WHERE question.state = 'OPEN' AND NOT question.is_gold) AS open,
           count(*) FILTER (WHERE question.state = 'ACCEPTED') AS accepted,
           count(*) FILTER (WHERE question.state = 'REJECTED') AS rejected,
           count(*) FILTER (WHERE question.state = 'DISPUTED') AS disputed,
           count(*) FILTER (WHERE question.is_gold) AS gold,
           sum(question.votes_in_time) FILTER (WHERE NOT question.is_gold) AS votes
    FROM annotation_question AS question WHERE question.campaign_id = %(campaign)s GROUP BY question.synset_id
) AS counted ON counted.synset_id = member.synset_id
WHERE member.campaign_id = %(campaign)s
ORDER BY member.position
"""


@dataclass(frozen=True)
class SynsetProgress:
    wnid: str
    word: str
    progress: Progress


def count_progress_by_synset(campaign: Campaign) -> list[SynsetProgress]:
    """Progress of each synset in the campaign's order, counted from the rows in one query; a minute or two old where that takes seconds."""
    return keep(f"progress:{campaign.pk}", lambda: _count_by_synset(campaign))


def _count_by_synset(campaign: Campaign) -> list[SynsetProgress]:
    with connection.cursor() as cursor:
        cursor.execute(COUNT_BY_SYNSET, {"campaign": campaign.pk})
        rows = cursor.fetchall()
    return [
        SynsetProgress(wnid=wnid, word=word, progress=Progress(*(int(number) for number in numbers)))
        for _, wnid, word, *numbers in rows
    ]


def add_progress(parts: list[SynsetProgress]) -> Progress:
    """Progress of a whole campaign from that of its synsets."""
    return Progress(*(sum(column) for column in zip(*(astuple(part.progress) for part in parts), strict=True)))


def count_progress(campaign: Campaign) -> Progress:
    return add_progress(count_progress_by_synset(campaign))


def list_campaigns(*, drafts: bool) -> list[Campaign]:
    """Campaigns, newest first; drafts for curators only."""
    campaigns = Campaign.objects.order_by("-drafted_at", "-pk")
    return list(campaigns if drafts else campaigns.exclude(state=Campaign.State.DRAFT))
