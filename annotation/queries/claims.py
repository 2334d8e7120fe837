"""Which questions are to be estimated next, locked for whoever asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from annotation.models import DueQuestions, Question
from hierarchy.queries.plain import write_array

# More pages of two dozen than a chunk of fresh votes has.
SETS_AT_ONCE = 24


@dataclass(slots=True)
class Claimed:
    """A locked question as it stands. `closed`: its campaign was closed before it was finished; `due`: there is new evidence,
    not only another snapshot."""

    id: int
    campaign_id: int
    candidate_id: int
    state: str
    closed: bool
    votes_wanted: int
    priority: int
    due: bool
    gold: bool

    @property
    def open(self) -> bool:
        return self.state == Question.State.OPEN and not self.closed


COLUMNS = """question.id, question.campaign_id, question.candidate_id, question.state,
       question.closed_at IS NOT NULL OR question.campaign_id IN (SELECT id FROM annotation_campaign WHERE state = 'CLOSED'),
       question.votes_wanted, question.priority, {due}, question.is_gold"""
# What failed once would fail again.
NOT_ASIDE = "NOT EXISTS (SELECT FROM annotation_setaside AS aside WHERE aside.question_id = question.id)"
OF_CAMPAIGN = "(%(campaign)s::bigint IS NULL OR question.campaign_id = %(campaign)s)"
LOCKED = "LIMIT %(limit)s FOR NO KEY UPDATE OF question SKIP LOCKED"

# Built of constants of this module only.
DUE = f"""
SELECT {COLUMNS.format(due=True)} FROM annotation_question AS question
WHERE question.id = ANY(%(questions)s::bigint[]) ORDER BY question.id FOR NO KEY UPDATE OF question SKIP LOCKED
"""  # noqa: S608
# The range is said twice: PostgreSQL would merge all estimates before it.
OPEN_AND_OUTDATED = f"""
SELECT {COLUMNS.format(due=False)}
FROM annotation_question AS question JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
WHERE question.id > %(after)s AND question.id <= %(last)s AND question.state = 'OPEN' AND question.closed_at IS NULL
  AND estimate.question_id > %(after)s AND estimate.question_id <= %(last)s
  AND estimate.snapshot_id < %(snapshot)s AND NOT question.is_gold AND {NOT_ASIDE}
ORDER BY question.id {LOCKED}
"""  # noqa: S608
OUTDATED = f"""
SELECT {COLUMNS.format(due=False)}
FROM annotation_question AS question JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
WHERE estimate.snapshot_id < %(snapshot)s AND {OF_CAMPAIGN} AND NOT question.is_gold AND {NOT_ASIDE}
ORDER BY estimate.snapshot_id, estimate.question_id {LOCKED}
"""  # noqa: S608


def iterate_due(*, campaign_id: int | None) -> Iterator[list[DueQuestions]]:
    """Sets that are due and that nobody else is at, some at a time, whichever waited longest first; locked as they come."""
    waiting = DueQuestions.objects.select_for_update(skip_locked=True, of=("self",)).order_by("due_at", "pk")
    if campaign_id is not None:
        waiting = waiting.filter(campaign=campaign_id)
    some = list(waiting[:SETS_AT_ONCE])
    while some:
        yield some
        if len(some) < SETS_AT_ONCE:
            return
        last = some[-1]
        behind = Q(due_at__gt=last.due_at) | Q(due_at=last.due_at, pk__gt=last.pk)
        some = list(waiting.filter(behind)[:SETS_AT_ONCE])


def is_any_due() -> bool:
    return DueQuestions.objects.exists()


def claim_questions(questions: Sequence[int]) -> list[Claimed]:
    """Those of them that nobody holds, in the order of their ids."""
    return _claim(DUE, {"questions": write_array(questions)}) if questions else []


def claim_open_outdated(*, snapshot_id: int, after: int, last: int, limit: int) -> list[Claimed]:
    """Open ones with ids above `after` up to `last` whose estimate is older than the snapshot, in their order."""
    return _claim(OPEN_AND_OUTDATED, {"snapshot": snapshot_id, "after": after, "last": last, "limit": limit})


def claim_outdated(*, snapshot_id: int, limit: int, campaign_id: int | None) -> list[Claimed]:
    """Finished ones as well, the oldest estimates first."""
    return _claim(OUTDATED, {"snapshot": snapshot_id, "limit": limit, "campaign": campaign_id})


def _claim(sql: str, values: dict[str, Any]) -> list[Claimed]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [Claimed(*row) for row in cursor.fetchall()]


FIND_DISPUTED = "SELECT question_id FROM annotation_dispute WHERE question_id = ANY(%s::bigint[])"


def find_ever_disputed(question_ids: list[int]) -> set[int]:
    """Those that were sent to a curator at any time."""
    if not question_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(FIND_DISPUTED, [write_array(question_ids)])
        return {row[0] for row in cursor.fetchall()}
