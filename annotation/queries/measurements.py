"""Counts that say how a campaign is doing, by synset; and what was measured with each snapshot.

`Measurement.values` holds (None where a denominator is 0; names as in `annotation.actions.measurements`):
questions, open, accepted, rejected, disputed, gold: numbers of questions; gold is not among the others.
votes: standing votes on all of them; votes_per_question, votes_per_accepted: of those that estimates of finished questions
rest on; curator_load: share of finished and disputed questions that went to a curator; curators_checked and
curators_overruled: finished by votes, sent to a curator later, and labelled otherwise there.
on_gold: how the rule does on gold asked as any other question, with workers learned without its truth; on_known: the same,
with questions that curators settled, which are the hard ones. alpha_nominal, alpha_ordinal: Krippendorff's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import F

from annotation.models import Measurement, Snapshot

# Pairs of different answers to one question, over its votes but one, as in consensus.agreement.sum_coincidences; and answers
# that are in any pair. By barred annotators: none.
AGREEMENT = """
WITH counted AS (
    SELECT question.campaign_id, question.synset_id, count(*) AS votes,
           count(*) FILTER (WHERE vote.answer = 'NO') AS no,
           count(*) FILTER (WHERE vote.answer = 'UNSURE') AS unsure,
           count(*) FILTER (WHERE vote.answer = 'YES') AS yes
    FROM annotation_vote AS vote
    JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id AND annotator.barred_at IS NULL
    JOIN annotation_question AS question ON question.id = vote.question_id
    WHERE vote.withdrawn_at IS NULL AND question.synset_id %% %(shards)s = %(shard)s
    GROUP BY question.id
)
SELECT campaign_id, synset_id, sum(votes)::bigint,
       coalesce(sum(no * unsure / (votes - 1)::float8) FILTER (WHERE votes > 1), 0),
       coalesce(sum(no * yes / (votes - 1)::float8) FILTER (WHERE votes > 1), 0),
       coalesce(sum(unsure * yes / (votes - 1)::float8) FILTER (WHERE votes > 1), 0),
       coalesce(sum(no) FILTER (WHERE votes > 1), 0)::bigint,
       coalesce(sum(unsure) FILTER (WHERE votes > 1), 0)::bigint,
       coalesce(sum(yes) FILTER (WHERE votes > 1), 0)::bigint
FROM counted GROUP BY campaign_id, synset_id ORDER BY campaign_id, synset_id
"""

COUNTS = """
SELECT question.campaign_id, question.synset_id,
       count(*) FILTER (WHERE NOT question.gold) AS questions,
       count(*) FILTER (WHERE question.state = 'OPEN' AND NOT question.gold) AS open,
       count(*) FILTER (WHERE question.state = 'ACCEPTED') AS accepted,
       count(*) FILTER (WHERE question.state = 'REJECTED') AS rejected,
       count(*) FILTER (WHERE question.state = 'DISPUTED') AS disputed,
       count(*) FILTER (WHERE question.gold) AS gold,
       count(*) FILTER (WHERE question.disputed AND NOT question.gold) AS sent,
       count(*) FILTER (WHERE question.checked IS NOT NULL) AS curators_checked,
       count(*) FILTER (WHERE question.checked) AS curators_overruled,
       coalesce(sum(estimate.votes) FILTER (WHERE question.state IN ('ACCEPTED', 'REJECTED')), 0)::bigint AS finished_votes
FROM (
    SELECT question.id, question.campaign_id, question.synset_id, question.state,
           EXISTS (SELECT 1 FROM annotation_gold AS gold WHERE gold.question_id = question.id AND gold.active) AS gold,
           EXISTS (SELECT 1 FROM annotation_dispute AS dispute WHERE dispute.question_id = question.id) AS disputed,
           -- The label that votes gave was the other one.
           (SELECT bool_or(label.verdict <> dispute.verdict)
            FROM annotation_dispute AS dispute JOIN hierarchy_label AS label ON label.candidate_id = question.candidate_id
            WHERE dispute.question_id = question.id AND dispute.reason = 'FLIP' AND dispute.settled_at IS NOT NULL
              AND label.source = 'CONSENSUS' AND label.at <= dispute.opened_at
              AND label.superseded_at >= dispute.settled_at) AS checked
    FROM annotation_question AS question
) AS question
LEFT JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
GROUP BY question.campaign_id, question.synset_id ORDER BY question.campaign_id, question.synset_id
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


def count_agreement(*, shard: int, shards: int) -> list[list[float]]:
    """Rows [campaign, synset, votes, pairs of no and unsure, of no and yes, of unsure and yes, paired no, unsure, yes] of the
    synsets whose ids leave the remainder `shard`."""
    with connection.cursor() as cursor:
        cursor.execute(AGREEMENT, {"shard": shard, "shards": shards})
        return [list(row) for row in cursor.fetchall()]


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
