"""Questions whose estimates fail: set aside, so that others do not wait for them, and tried again."""

import logging
from datetime import datetime

from django.db import connection, transaction

from annotation.actions.due import make_due

logger = logging.getLogger(__name__)
ERROR_LENGTH = 500

# Nobody who is at a set waits for a question of it, so that it can be waited for.
NO_LONGER_DUE = """
WITH alone AS (DELETE FROM annotation_duequestions WHERE questions = ARRAY[%(question)s]::bigint[])
UPDATE annotation_duequestions SET questions = array_remove(questions, %(question)s)
WHERE %(question)s = ANY(questions) AND questions <> ARRAY[%(question)s]::bigint[]
"""
ADD = """
INSERT INTO annotation_setaside AS aside (question_id, failed_at, failures, error)
VALUES (%(question)s, %(at)s, 1, %(error)s)
ON CONFLICT (question_id) DO UPDATE
SET failures = aside.failures + 1, failed_at = excluded.failed_at, error = excluded.error
"""
# Whoever else looks soon does not make them due once more.
RETRY = """
UPDATE annotation_setaside SET failed_at = %(at)s WHERE question_id IN (
    SELECT question_id FROM annotation_setaside
    WHERE %(now)s OR failed_at + least(power(2, least(failures, 11)), 1440) * interval '1 minute' <= %(at)s
    ORDER BY question_id FOR UPDATE SKIP LOCKED)
RETURNING question_id
"""


def set_question_aside(*, question_id: int, error: Exception, at: datetime) -> None:
    """It is due no more until there is new evidence on it, or `retry_questions` finds that it has waited for long enough. Its votes stay, and
    so does what was decided. In the caller's transaction, which has locked it and then seen it fail: no vote has come since."""
    logger.error("Question %s is set aside: its estimate fails", question_id, exc_info=error)
    with connection.cursor() as cursor:
        cursor.execute(NO_LONGER_DUE, {"question": question_id})
        cursor.execute(ADD, {"question": question_id, "at": at, "error": _describe(error)})


@transaction.atomic
def retry_questions(*, at: datetime, now: bool) -> int:
    """Questions that are set aside are due again: all of them `now`, else those that have waited for two minutes after the first failure,
    four after the second, at last a day. Returns how many. Those that fail once more come back; those that succeed leave."""
    with connection.cursor() as cursor:
        cursor.execute(RETRY, {"at": at, "now": now})
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return 0
    make_due(condition="question.id = ANY(%(ids)s::bigint[])", values={"ids": ids}, at=at)
    return len(ids)


def _describe(error: Exception) -> str:
    """Without the values of the row, which PostgreSQL tells after the first line."""
    return f"{type(error).__name__}: {error}".partition("\n")[0][:ERROR_LENGTH]
