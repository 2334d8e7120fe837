"""Counts that say how a campaign is doing, by synset; and what was measured with each snapshot.

`Measurement.values` holds (None where a denominator is 0; names as in `annotation.actions.measurements`):
questions, open, accepted, rejected, disputed, gold: numbers of questions; gold is not among the others.
votes: standing votes on all of them; votes_per_question, votes_per_accepted: of those in time on finished ones; curator_load: share
of finished and disputed questions that went to a curator; curators_checked and curators_overruled: finished by votes, sent to a
curator later, and labelled otherwise there.
on_gold: how the rule does on gold asked as any other question, with workers learned without its truth; on_known: the same,
with questions that curators settled, which are the hard ones. alpha_nominal, alpha_ordinal: Krippendorff's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import F

from annotation.models import Measurement, Snapshot

# Of all questions, by state; then what few of them are: gold, which is open, and those that curators have seen.
COUNTS = """
WITH stated AS (
    SELECT question.campaign_id, question.synset_id, count(*) AS questions,
           count(*) FILTER (WHERE question.state = 'OPEN') AS open,
           count(*) FILTER (WHERE question.state = 'ACCEPTED') AS accepted,
           count(*) FILTER (WHERE question.state = 'REJECTED') AS rejected,
           count(*) FILTER (WHERE question.state = 'DISPUTED') AS disputed,
           coalesce(sum(question.votes_in_time) FILTER (WHERE question.state IN ('ACCEPTED', 'REJECTED')), 0)::bigint
               AS finished_votes
    FROM annotation_question AS question
    GROUP BY question.campaign_id, question.synset_id
), golden AS (
    SELECT question.campaign_id, question.synset_id, count(*) AS gold
    FROM annotation_gold AS gold JOIN annotation_question AS question ON question.id = gold.question_id
    WHERE gold.active GROUP BY question.campaign_id, question.synset_id
), sent AS (
    SELECT campaign_id, synset_id, count(*) FILTER (WHERE NOT is_gold) AS sent, count(checked) AS curators_checked,
           count(*) FILTER (WHERE checked) AS curators_overruled
    FROM (
        -- Whether the label that votes gave was the other one.
        SELECT question.campaign_id, question.synset_id, question.is_gold,
               bool_or(label.verdict <> dispute.verdict) AS checked
        FROM annotation_dispute AS dispute JOIN annotation_question AS question ON question.id = dispute.question_id
        LEFT JOIN hierarchy_label AS label ON label.candidate_id = question.candidate_id
            AND dispute.reason = 'FLIP' AND dispute.settled_at IS NOT NULL AND label.source = 'CONSENSUS'
            AND label.at <= dispute.opened_at AND label.superseded_at >= dispute.settled_at
        GROUP BY question.id
    ) AS dispute
    GROUP BY campaign_id, synset_id
)
SELECT campaign_id, synset_id, questions - coalesce(gold, 0) AS questions, open - coalesce(gold, 0) AS open,
       accepted, rejected, disputed, coalesce(gold, 0) AS gold, coalesce(sent, 0) AS sent,
       coalesce(curators_checked, 0) AS curators_checked, coalesce(curators_overruled, 0) AS curators_overruled,
       finished_votes
FROM stated LEFT JOIN golden USING (campaign_id, synset_id) LEFT JOIN sent USING (campaign_id, synset_id)
ORDER BY campaign_id, synset_id
"""


@dataclass(frozen=True)
class QuestionCounts:
    """Of one synset in one campaign; the names are those of `Measurement.values`. `sent` went to a curator."""

    questions: int
    open: int
    accepted: int
    rejected: int
    disputed: int
    gold: int
    sent: int
    curators_checked: int
    curators_overruled: int
    finished_votes: int


def count_questions() -> dict[tuple[int, int], QuestionCounts]:
    """By campaign and synset. One query over all questions."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        names = [column.name for column in cursor.description][2:]
        return {(row[0], row[1]): QuestionCounts(**dict(zip(names, row[2:], strict=True))) for row in cursor.fetchall()}


def list_measurements(*, snapshot: Snapshot, campaign_id: int | None = None) -> Iterator[Measurement]:
    """Each campaign's as a whole, then its synsets', with campaign and synset."""
    found = Measurement.objects.filter(snapshot=snapshot).select_related("campaign", "synset")
    if campaign_id is not None:
        found = found.filter(campaign_id=campaign_id)
    return found.order_by("campaign_id", F("synset_id").asc(nulls_first=True)).iterator()
