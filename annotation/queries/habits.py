"""How annotators have answered of late, and how they did on gold."""

from collections.abc import Sequence

from django.db import connection

from annotation.consensus.signals import Habits
from annotation.models import Snapshot

NEWEST = 200

HABITS = f"""
SELECT listed.id, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY newest.milliseconds),
       avg((newest.answer = 'YES')::int), avg((newest.answer = 'NO')::int), avg(coalesce(estimate.probability, 0.5))
FROM unnest(%(annotators)s::bigint[]) AS listed (id)
CROSS JOIN LATERAL (
    SELECT vote.question_id, vote.milliseconds, vote.answer FROM annotation_vote AS vote
    WHERE vote.annotator_id = listed.id AND vote.withdrawn_at IS NULL ORDER BY vote.id DESC LIMIT {NEWEST}
) AS newest
LEFT JOIN annotation_estimate AS estimate ON estimate.question_id = newest.question_id
GROUP BY listed.id
"""  # noqa: S608 (a constant)

# From the side of gold, of which there is little. Of gold that votes settled, those count that came after it was.
ON_GOLD = """
SELECT vote.annotator_id, count(*), count(*) FILTER (WHERE vote.answer = gold.truth)
FROM annotation_gold AS gold
JOIN annotation_vote AS vote ON vote.question_id = gold.question_id AND vote.withdrawn_at IS NULL AND vote.answer <> 'UNSURE'
WHERE (gold.active OR gold.ended_because IN ('CLOSED', 'RELEASED')) AND (gold.source <> 'SETTLED' OR vote.voted_at > gold.created_at)
GROUP BY vote.annotator_id
"""

GOLD_ANSWERS = """
SELECT vote.annotator_id, vote.question_id, vote.answer = gold.truth
FROM annotation_gold AS gold
JOIN annotation_vote AS vote ON vote.question_id = gold.question_id AND vote.withdrawn_at IS NULL AND vote.answer <> 'UNSURE'
JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id AND annotator.barred_at IS NULL
WHERE gold.active
"""


def read_habits(annotator_ids: Sequence[int]) -> dict[int, Habits]:
    """Of each who has voted. One query, which reads the newest votes of each."""
    with connection.cursor() as cursor:
        cursor.execute(HABITS, {"annotators": list(annotator_ids)})
        return {
            annotator: Habits(
                answers=answers, median_milliseconds=median, yes=float(yes), no=float(no), believed_yes=believed
            )
            for annotator, answers, median, yes, no, believed in cursor.fetchall()
        }


def count_on_gold() -> dict[int, tuple[int, int]]:
    """By annotator: answers yes or no on gold whose truth came first, and how many were right. One query."""
    with connection.cursor() as cursor:
        cursor.execute(ON_GOLD)
        return {annotator: (answered, right) for annotator, answered, right in cursor.fetchall()}


def list_skilled(snapshot: Snapshot) -> list[int]:
    """The annotators of whom the snapshot has learned something, by number."""
    return list(snapshot.skills.order_by("annotator").values_list("annotator", flat=True))


def list_gold_answers() -> list[tuple[int, int, bool]]:
    """Of annotators who are not barred, yes or no on active gold: annotator, question, whether right. One query, over the votes on gold."""
    with connection.cursor() as cursor:
        cursor.execute(GOLD_ANSWERS)
        return list(cursor.fetchall())
