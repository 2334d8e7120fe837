"""What is done to every candidate or question of a campaign, a range of ids at a time: there may be millions, and neither whoever asks for
it nor those who vote meanwhile wait for all of them."""

import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.db import Error, connection, transaction
from django.db.models import F, Max, Min

from annotation.actions.due import make_due
from annotation.actions.estimates import decide_questions
from annotation.actions.gold import end_gold, record_retired
from annotation.actions.unseen import ask_unseen_between, find_unseen
from annotation.models import Campaign, CampaignRange, Gold, Question
from annotation.queries.campaigns import find_policy
from annotation.queries.snapshots import find_snapshot
from hierarchy.models import Candidate

Kind = CampaignRange.Kind
IDS_AT_ONCE = 10_000
# No id is as large.
ALL_IDS = 2**62
# Where there is more than a step to do, whoever asks for it waits so long, and a step longer; workers do the rest.
AT_ONCE_SECONDS = 2.0
# Votes that come in this time are estimated before what is only decided by other rules.
PATIENCE = timedelta(days=1)

# PostgreSQL does not know how many synsets or questions a young campaign has, and takes them for few: so all of them are looked for by
# campaign, and those of a range in the range, whatever it thinks.
MINE = "question.campaign_id = %(campaign)s"
MINE_IN_RANGE = "question.campaign_id + 0 = %(campaign)s"
OF_ALL = """SELECT candidate.id, candidate.synset_id FROM hierarchy_candidate AS candidate
    JOIN annotation_campaignsynset AS member ON member.synset_id = candidate.synset_id WHERE member.campaign_id = %(campaign)s"""
OF_RANGE = "SELECT id, synset_id FROM hierarchy_candidate WHERE id > %(after)s AND id <= %(last)s"
ASK = """
WITH near AS MATERIALIZED ({candidates})
INSERT INTO annotation_question (campaign_id, candidate_id, synset_id, state, votes_wanted, priority, asked_at)
SELECT %(campaign)s, near.id, near.synset_id, 'OPEN', %(wanted)s, %(priority)s, %(at)s
FROM near
WHERE EXISTS (SELECT FROM annotation_campaignsynset AS member
              WHERE member.campaign_id = %(campaign)s AND member.synset_id = near.synset_id)
  AND NOT EXISTS (SELECT FROM annotation_question AS known
                  WHERE known.campaign_id + 0 = %(campaign)s AND known.candidate_id = near.id)
ORDER BY near.id
ON CONFLICT DO NOTHING
"""
WITH_A_PRIOR = """{mine} AND question.candidate_id > %(after)s AND question.candidate_id <= %(last)s
    AND EXISTS (SELECT FROM hierarchy_candidate AS candidate
                WHERE candidate.id = question.candidate_id AND candidate.prior IS NOT NULL)"""
ESTIMATED_AND_OPEN = """{mine} AND question.id > %(after)s AND question.id <= %(last)s
    AND question.state = 'OPEN' AND question.closed_at IS NULL
    AND EXISTS (SELECT FROM annotation_estimate AS estimate WHERE estimate.question_id = question.id)"""
# Whether there is more than a step to do: no more rows are looked at than that takes.
CANDIDATES = """
SELECT count(*) FROM (
    SELECT FROM annotation_campaignsynset AS member
    JOIN hierarchy_candidate AS candidate ON candidate.synset_id = member.synset_id
    WHERE member.campaign_id = %(campaign)s LIMIT %(limit)s
) AS found
"""
UNFINISHED_QUESTIONS = """
SELECT count(*) FROM (
    SELECT FROM annotation_question WHERE campaign_id = %(campaign)s AND state IN ('OPEN', 'DISPUTED') LIMIT %(limit)s
) AS found
"""
# In the order of their ids, as pages of votes lock them, so that neither waits for the other in a circle.
LOCK_UNFINISHED = """
SELECT id FROM annotation_question AS question
WHERE {mine} AND id > %(after)s AND id <= %(last)s AND state IN ('OPEN', 'DISPUTED') AND closed_at IS NULL
ORDER BY id FOR NO KEY UPDATE
"""
CLOSE = f"""
UPDATE annotation_question AS closed SET closed_at = %(at)s FROM ({LOCK_UNFINISHED}) AS locked WHERE closed.id = locked.id
"""  # noqa: S608 (constants of this module)
CLOSE_GOLD = """
UPDATE annotation_gold AS gold SET active = false, ended_at = %(at)s, ended_because = 'CLOSED' FROM annotation_question AS question
WHERE gold.active AND question.id = gold.question_id AND {mine} AND question.id > %(after)s AND question.id <= %(last)s
RETURNING question.id
"""
SETTLED_GOLD = """
SELECT question.id FROM annotation_question AS question JOIN annotation_gold AS gold ON gold.question_id = question.id
WHERE gold.active AND gold.source = 'SETTLED' AND {mine} AND question.id > %(after)s AND question.id <= %(last)s
"""


@dataclass(frozen=True)
class Begun:
    """What was done at once: of how many rows something was made or changed, which questions are gold no longer, and whether that was
    all there is to do."""

    rows: int
    retired: list[int]
    finished: bool


@dataclass(frozen=True)
class Step:
    """What a step did: of how many rows something was made or changed, and which questions are gold no longer."""

    rows: int
    retired: list[int] = field(default_factory=list)


class StepFailed(Exception):
    """The database refused a step of a range; nothing of it was done."""

    def __init__(self, part: CampaignRange) -> None:
        super().__init__(f"{part} failed")
        self.pk = part.pk


def begin(*, campaign: Campaign, kind: CampaignRange.Kind, at: datetime) -> Begun:
    """Begins anew, in the caller's transaction, which holds the campaign's row. What is no more than a step is done at once; else it goes on
    for `AT_ONCE_SECONDS`, and what is left is found by `carry_on`."""
    campaign.ranges.filter(kind=kind).delete()
    if not _is_large(campaign, kind):
        whole = STEPS[kind](campaign, 0, ALL_IDS, at)
        return Begun(whole.rows, whole.retired, finished=True)
    first, last = _find_ids(kind)
    part = CampaignRange.objects.create(campaign=campaign, kind=kind, first=first, reached=first - 1, last=last)
    end, steps, left = time.monotonic() + AT_ONCE_SECONDS, [], True
    while left:
        step, left = _take_step(part, at)
        steps.append(step)
        if time.monotonic() >= end:
            break
    retired = [question for step in steps for question in step.retired]
    return Begun(sum(step.rows for step in steps), retired, finished=not left)


@transaction.atomic
def carry_on(*, at: datetime, campaign: Campaign | None = None, besides: Collection[int] = ()) -> bool:
    """A step of what is left to do, of this campaign or of any, where nobody else is at it, of what is soonest done; not of the ranges
    `besides`. False where there is nothing. StepFailed where the database refuses it."""
    waiting = CampaignRange.objects.select_for_update(skip_locked=True, of=("self",)).select_related("campaign")
    if campaign is not None:
        waiting = waiting.filter(campaign=campaign)
    part = waiting.exclude(pk__in=besides).order_by(F("last") - F("reached"), "pk").first()
    if part is None:
        return False
    try:
        with transaction.atomic():
            step, _ = _take_step(part, at)
            record_retired(campaign=part.campaign, question_ids=step.retired, by=None)
    except Error as error:
        raise StepFailed(part) from error
    return True


def _is_large(campaign: Campaign, kind: CampaignRange.Kind) -> bool:
    counted = CANDIDATES if kind == Kind.ASK else UNFINISHED_QUESTIONS
    with connection.cursor() as cursor:
        cursor.execute(counted, {"campaign": campaign.pk, "limit": IDS_AT_ONCE + 1})
        return int(cursor.fetchone()[0]) > IDS_AT_ONCE


def _find_ids(kind: CampaignRange.Kind) -> tuple[int, int]:
    """The first and the last id of all: to find the campaign's own would take as long as to go through the others'."""
    table = Candidate if kind == Kind.ASK else Question
    ids = table.objects.aggregate(first=Min("pk"), last=Max("pk"))
    return ids["first"], ids["last"]


def _take_step(part: CampaignRange, at: datetime) -> tuple[Step, bool]:
    """What it did, and whether anything is left to do."""
    after, last = part.reached, min(part.reached + IDS_AT_ONCE, part.last)
    step = STEPS[Kind(part.kind)](part.campaign, after, last, at)
    if last == part.last:
        part.delete()
        return step, False
    part.reached = last
    part.save(update_fields=["reached"])
    return step, True


def _ask(campaign: Campaign, after: int, last: int, at: datetime) -> Step:
    unseen = find_unseen(find_snapshot(), find_policy(campaign))
    here = {"campaign": campaign.pk, "after": after, "last": last}
    with connection.cursor() as cursor:
        asked_of = OF_ALL if last == ALL_IDS else OF_RANGE
        cursor.execute(ASK.format(candidates=asked_of), {**here, "at": at, **asdict(unseen)})
        asked = int(cursor.rowcount)
    # What an importer said of a candidate is an estimate already.
    make_due(condition=WITH_A_PRIOR.format(mine=_find_mine(last)), values=here, at=at)
    return Step(asked)


def _decide(campaign: Campaign, after: int, last: int, at: datetime) -> Step:
    """Whoever estimates one of them, or leases or lets go of it, meanwhile is waited for: it is due once more, or asked otherwise, after
    that."""
    here = {"campaign": campaign.pk, "after": after, "last": last}
    mine = _find_mine(last)
    with connection.cursor() as cursor:
        cursor.execute(LOCK_UNFINISHED.format(mine=mine), here)
    due = make_due(condition=ESTIMATED_AND_OPEN.format(mine=mine), values=here, at=at + PATIENCE)
    policy = find_policy(campaign)
    return Step(due + ask_unseen_between(snapshot=find_snapshot(), policies=[policy], after=after, last=last))


def _close(campaign: Campaign, after: int, last: int, at: datetime) -> Step:
    """All with the campaign's own moment; gold among them is gold no longer. What votes had settled gets its label first."""
    here = {"campaign": campaign.pk, "after": after, "last": last, "at": campaign.closed_at}
    mine = _find_mine(last)
    with connection.cursor() as cursor:
        cursor.execute(LOCK_UNFINISHED.format(mine=mine), here)
        cursor.execute(SETTLED_GOLD.format(mine=mine), here)
        settled = [row[0] for row in cursor.fetchall()]
        if settled:
            end_gold(question_ids=settled, at=at, because=Gold.End.RELEASED)
            decide_questions(question_ids=settled, at=at)
        cursor.execute(CLOSE.format(mine=mine), here)
        closed = int(cursor.rowcount)
        cursor.execute(CLOSE_GOLD.format(mine=mine), here)
        retired = [row[0] for row in cursor.fetchall()]
    return Step(closed, settled + retired)


def _find_mine(last: int) -> str:
    """The condition on the campaign of a question, for all ids or for a range of them."""
    return MINE if last == ALL_IDS else MINE_IN_RANGE


STEPS: dict[CampaignRange.Kind, Callable[[Campaign, int, int, datetime], Step]] = {
    Kind.ASK: _ask,
    Kind.DECIDE: _decide,
    Kind.CLOSE: _close,
}
