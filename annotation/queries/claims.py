"""Which questions are to be estimated next, locked for whoever asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from annotation.models import Question


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
    decided_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.state == Question.State.OPEN and not self.closed


COLUMNS = """question.id, question.campaign_id, question.candidate_id, question.state, question.closed_at IS NOT NULL,
       question.votes_wanted, question.priority, question.due_at IS NOT NULL, question.decided_at"""
OF_CAMPAIGN = "(%(campaign)s::bigint IS NULL OR question.campaign_id = %(campaign)s)"
# Not as NOT EXISTS: where PostgreSQL takes outdated estimates for rare, it would read all gold for each of them.
NO_GOLD = "(SELECT count(*) FROM annotation_gold AS gold WHERE gold.question_id = question.id AND gold.active) = 0"
LOCKED = "LIMIT %(limit)s FOR NO KEY UPDATE OF question SKIP LOCKED"

# Built of constants of this module only.
DUE = f"""
SELECT {COLUMNS} FROM annotation_question AS question
WHERE question.due_at IS NOT NULL AND {OF_CAMPAIGN}
ORDER BY question.due_at {LOCKED}
"""  # noqa: S608
# The range is said twice: PostgreSQL would merge all estimates before it.
OPEN_AND_OUTDATED = f"""
SELECT {COLUMNS}
FROM annotation_question AS question JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
WHERE question.id > %(after)s AND question.id <= %(last)s AND question.state = 'OPEN' AND question.closed_at IS NULL
  AND estimate.question_id > %(after)s AND estimate.question_id <= %(last)s
  AND question.due_at IS NULL AND estimate.snapshot_id < %(snapshot)s
ORDER BY question.id {LOCKED}
"""  # noqa: S608
OUTDATED = f"""
SELECT {COLUMNS}
FROM annotation_question AS question JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
WHERE question.due_at IS NULL AND estimate.snapshot_id < %(snapshot)s AND {OF_CAMPAIGN} AND {NO_GOLD}
ORDER BY estimate.snapshot_id, estimate.question_id {LOCKED}
"""  # noqa: S608


def claim_due(*, limit: int, campaign_id: int | None) -> list[Claimed]:
    """Those that are due, whoever waited longest first."""
    return _claim(DUE, {"limit": limit, "campaign": campaign_id})


def claim_open_outdated(*, snapshot_id: int, after: int, last: int, limit: int) -> list[Claimed]:
    """Open ones with ids above `after` up to `last` whose estimate is older than the snapshot, in their order; gold
    among them."""
    return _claim(OPEN_AND_OUTDATED, {"snapshot": snapshot_id, "after": after, "last": last, "limit": limit})


def claim_outdated(*, snapshot_id: int, limit: int, campaign_id: int | None) -> list[Claimed]:
    """Finished ones as well, the oldest estimates first."""
    return _claim(OUTDATED, {"snapshot": snapshot_id, "limit": limit, "campaign": campaign_id})


def _claim(sql: str, values: dict[str, Any]) -> list[Claimed]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [Claimed(*row) for row in cursor.fetchall()]


FIND_GOLD = "SELECT question_id FROM annotation_gold WHERE active AND question_id = ANY(%s)"
FIND_DISPUTED = "SELECT question_id FROM annotation_dispute WHERE question_id = ANY(%s)"


def find_gold(question_ids: list[int]) -> set[int]:
    """Those that are active gold."""
    return _find(FIND_GOLD, question_ids)


def find_ever_disputed(question_ids: list[int]) -> set[int]:
    """Those that were sent to a curator at any time."""
    return _find(FIND_DISPUTED, question_ids) if question_ids else set()


def _find(sql: str, question_ids: list[int]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [question_ids])
        return {row[0] for row in cursor.fetchall()}
