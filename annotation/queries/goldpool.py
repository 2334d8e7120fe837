"""How much gold there is, which of it is over, and which settled questions could be more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from annotation.models import Campaign, Gold
from hierarchy.models import Synset

# Gold of each truth that a synset should have: one of so many questions, and no more than the last.
QUESTIONS_PER_GOLD, LARGEST_SHARE = 20, 50
# Gold that votes settled gets its label when it was shown to so many, or when its synset has nothing else to ask.
RELEASED_AFTER = 20
# Gold is suspended when so many good annotators answered it, and most of them otherwise.
WITNESSES = 5
GOOD_GOLD, GOOD_RIGHT = 20, 0.8

# Of settled questions those that are needed, the first by their ids. What was gold once is not so again: it was shown already.
# Nor is what is in a training, where its truth is told, or has a label of an earlier campaign, where it can be looked up.
NEEDED = f"""
WITH given AS MATERIALIZED (
    SELECT question.id, question.campaign_id, question.synset_id, settled.truth
    FROM unnest(%(questions)s::bigint[], %(truths)s::text[]) AS settled (id, truth)
    JOIN annotation_question AS question ON question.id = settled.id
    WHERE NOT EXISTS (SELECT FROM annotation_gold AS gold WHERE gold.question_id = question.id)
      AND NOT EXISTS (SELECT FROM hierarchy_candidate AS candidate
                      JOIN annotation_trainingitem AS item ON item.image_id = candidate.image_id
                      WHERE candidate.id = question.candidate_id)
      AND NOT EXISTS (SELECT FROM hierarchy_label AS label WHERE label.candidate_id = question.candidate_id)
), missing AS MATERIALIZED (
    SELECT wanted.campaign_id, wanted.synset_id, wanted.truth, wanted.gold - (
        SELECT count(*) FROM annotation_question AS other
        JOIN annotation_gold AS gold ON gold.question_id = other.id AND gold.active AND gold.exposures < %(exposures)s
        WHERE other.campaign_id = wanted.campaign_id AND other.synset_id = wanted.synset_id AND other.is_gold
          AND gold.truth = wanted.truth) AS gold
    FROM (
        SELECT DISTINCT given.campaign_id, given.synset_id, given.truth, (
            SELECT count(*) FROM (
                SELECT FROM annotation_question AS each
                WHERE each.campaign_id = given.campaign_id AND each.synset_id = given.synset_id
                LIMIT {QUESTIONS_PER_GOLD * LARGEST_SHARE}) AS counted) / {QUESTIONS_PER_GOLD} AS gold
        FROM given
    ) AS wanted
)
SELECT id FROM (
    SELECT given.id, missing.gold,
           row_number() OVER (PARTITION BY given.campaign_id, given.synset_id, given.truth ORDER BY given.id) AS number
    FROM given JOIN missing USING (campaign_id, synset_id, truth)
) AS listed WHERE number <= gold
"""  # noqa: S608 (constants of this module)

OVER = f"""
SELECT gold.question_id FROM annotation_gold AS gold JOIN annotation_question AS asked ON asked.id = gold.question_id
WHERE gold.active AND gold.source = 'SETTLED' AND (gold.exposures >= {RELEASED_AFTER} OR NOT EXISTS (
    SELECT FROM annotation_question AS question
    WHERE question.campaign_id = asked.campaign_id AND question.synset_id = asked.synset_id
      AND question.state = 'OPEN' AND question.closed_at IS NULL AND NOT question.is_gold))
ORDER BY gold.id LIMIT %(limit)s
"""  # noqa: S608 (constants of this module)

# What was said before a curator had gold asked again is known to them.
OF_GOOD = f"""
SELECT gold.question_id, count(*) FILTER (WHERE vote.answer = gold.truth), count(*) FILTER (WHERE vote.answer <> gold.truth)
FROM annotation_gold AS gold
JOIN annotation_vote AS vote ON vote.question_id = gold.question_id AND vote.withdrawn_at IS NULL AND vote.answer <> 'UNSURE'
JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id AND annotator.barred_at IS NULL
JOIN annotation_conduct AS conduct ON conduct.annotator_id = vote.annotator_id
     AND conduct.gold >= {GOOD_GOLD} AND conduct."right" >= {GOOD_RIGHT} * conduct.gold
WHERE {{which}} AND NOT EXISTS (
    SELECT FROM annotation_gold AS ended
    WHERE ended.question_id = gold.question_id AND ended.id < gold.id AND ended.ended_at >= vote.voted_at)
GROUP BY gold.question_id
"""  # noqa: S608 (constants of this module)


@dataclass(frozen=True)
class Answers:
    """Of good annotators on a gold question, yes or no."""

    right: int
    wrong: int

    @property
    def all(self) -> int:
        return self.right + self.wrong


def find_needed(truths: Mapping[int, str], *, exposures: int) -> list[int]:
    """Which of these settled questions (by id, YES or NO) their synsets lack as gold, where gold shown to `exposures` annotators is spent.
    One query."""
    if not truths:
        return []
    values: dict[str, Any] = {"questions": list(truths), "truths": list(truths.values()), "exposures": exposures}
    with connection.cursor() as cursor:
        cursor.execute(NEEDED, values)
        return [row[0] for row in cursor.fetchall()]


def list_released(*, limit: int) -> list[int]:
    """Gold that votes settled and that is to get its label."""
    with connection.cursor() as cursor:
        cursor.execute(OVER, {"limit": limit})
        return [row[0] for row in cursor.fetchall()]


def list_missed() -> list[int]:
    """Active gold that most good annotators answered otherwise. One query, over the votes on gold."""
    with connection.cursor() as cursor:
        cursor.execute(OF_GOOD.format(which="gold.active"))
        found = {question: Answers(right, wrong) for question, right, wrong in cursor.fetchall()}
    return sorted(pk for pk, answers in found.items() if is_missed(answers))


def is_missed(answers: Answers) -> bool:
    return answers.all >= WITNESSES and answers.wrong > answers.right


@dataclass(frozen=True)
class SynsetGold:
    """Of one synset of a campaign: active gold that may still be shown, true and not; what was shown to as many as the policy allows; how
    often all of it was shown; and whether there is less than half of what its questions would need."""

    synset: Synset
    position: int
    true: int
    false: int
    spent: int
    exposures: int
    wanted: int

    @property
    def is_short(self) -> bool:
        return 2 * min(self.true, self.false) < max(self.wanted, 2)


BY_SYNSET = f"""
SELECT member.synset_id, member.position, counted.yes, counted.no, counted.spent, counted.exposures, (
    SELECT count(*) FROM (
        SELECT FROM annotation_question AS each WHERE each.campaign_id = member.campaign_id AND each.synset_id = member.synset_id
        LIMIT {QUESTIONS_PER_GOLD * LARGEST_SHARE}) AS some_of_them) / {QUESTIONS_PER_GOLD}
FROM (
    SELECT * FROM annotation_campaignsynset WHERE campaign_id = %(campaign)s AND position > %(after)s ORDER BY position LIMIT %(limit)s
) AS member
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE gold.truth = 'YES' AND gold.exposures < %(exposures)s),
           count(*) FILTER (WHERE gold.truth = 'NO' AND gold.exposures < %(exposures)s),
           count(*) FILTER (WHERE gold.exposures >= %(exposures)s), coalesce(sum(gold.exposures), 0)
    FROM annotation_question AS asked JOIN annotation_gold AS gold ON gold.question_id = asked.id AND gold.active
    WHERE asked.campaign_id = member.campaign_id AND asked.synset_id = member.synset_id AND asked.is_gold
) AS counted (yes, no, spent, exposures)
ORDER BY member.position
"""  # noqa: S608 (constants of this module)


def list_by_synset(campaign: Campaign, *, exposures: int, after: int, limit: int) -> list[SynsetGold]:
    """Synsets of the campaign behind position `after`, in its order. Two queries."""
    values = {"campaign": campaign.pk, "exposures": exposures, "after": after, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(BY_SYNSET, values)
        rows = cursor.fetchall()
    synsets = Synset.objects.in_bulk([row[0] for row in rows])
    return [SynsetGold(synsets[synset], *numbers) for synset, *numbers in rows]


@dataclass(frozen=True)
class Suspended:
    """Gold that waits for a curator, with what good annotators said of it."""

    gold: Gold
    answers: Answers


def list_suspended(*, behind: int | None, limit: int) -> list[Suspended]:
    """The newest first, `behind` a row of gold; each with question, candidate's image, campaign and synset. Two queries."""
    waiting = Gold.objects.filter(ended_because=Gold.End.MISSED).select_related(
        "question__candidate__image", "question__campaign", "question__synset"
    )
    if behind is not None:
        waiting = waiting.filter(pk__lt=behind)
    rows = list(waiting.order_by("-pk")[:limit])
    with connection.cursor() as cursor:
        cursor.execute(OF_GOOD.format(which="gold.id = ANY(%(gold)s)"), {"gold": [row.pk for row in rows]})
        found = {question: Answers(right, wrong) for question, right, wrong in cursor.fetchall()}
    return [Suspended(row, found.get(row.question_id, Answers(0, 0))) for row in rows]
