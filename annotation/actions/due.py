"""Questions whose estimates are to be made again: the queue that stands in the database."""

import itertools
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from annotation.models import DueQuestions
from annotation.models.question import LARGEST_SET
from annotation.queries.claims import Claimed, claim_questions, iterate_due

# Active gold is never decided, so nothing is due on it.
ADD = """
INSERT INTO annotation_duequestions (campaign_id, questions, due_at)
SELECT campaign_id, array_agg(id ORDER BY id), %(due_at)s::timestamptz
FROM (
    SELECT question.id, question.campaign_id,
           (row_number() OVER (PARTITION BY question.campaign_id ORDER BY question.id) - 1) / {largest} AS part
    FROM annotation_question AS question WHERE NOT question.is_gold AND {condition}
) AS question
GROUP BY campaign_id, part ORDER BY min(id)
"""


def make_due(*, condition: str, values: Mapping[str, Any], at: datetime) -> int:
    """The questions for which `condition`, SQL of the caller's with `values`, holds; returns in how many sets. `at` is their place in the
    queue. In the transaction that changes what their estimates rest on."""
    with connection.cursor() as cursor:
        cursor.execute(ADD.format(largest=LARGEST_SET, condition=condition), {**values, "due_at": at})
        return int(cursor.rowcount)


def take_due(*, limit: int, campaign_id: int | None) -> list[Claimed]:
    """Up to `limit` questions of which the first have waited longest, locked, in the order of their ids; they are due no more.

    In the caller's transaction, at whose end they must have been estimated. Sets that another worker is at are left to it;
    of a set, questions that somebody holds stay due.
    """
    sets: list[DueQuestions] = []
    claimed: list[Claimed] = []
    for portion in iterate_due(campaign_id=campaign_id):
        sets += portion
        known = {question.id for question in claimed}
        waiting = [pk for pk in dict.fromkeys(itertools.chain(*(due.questions for due in portion))) if pk not in known]
        while waiting and len(claimed) < limit:
            room = limit - len(claimed)
            claimed += claim_questions(sorted(waiting[:room]))
            waiting = waiting[room:]
        if len(claimed) >= limit:
            break
    taken = {question.id for question in claimed}
    touched = [due for due in sets if not taken.isdisjoint(due.questions)]
    for due in touched:
        due.questions = [question for question in due.questions if question not in taken]
    DueQuestions.objects.filter(pk__in=[due.pk for due in touched if not due.questions]).delete()
    DueQuestions.objects.bulk_update([due for due in touched if due.questions], ["questions"])
    return sorted(claimed, key=lambda question: question.id)
