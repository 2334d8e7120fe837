"""Questions whose estimates fail: set aside, so that others do not wait for them, and tried again."""

import logging
from datetime import datetime

from django.db import connection, transaction

from annotation.actions.due import make_due
from annotation.models import SetAside

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


@transaction.atomic
def set_question_aside(*, question_id: int, error: Exception, at: datetime) -> None:
    """It is due no more until there is new evidence on it. Its votes stay, and so does what was decided."""
    logger.error("Question %s is set aside: its estimate fails", question_id, exc_info=error)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM annotation_question WHERE id = %s FOR NO KEY UPDATE", [question_id])
        cursor.execute(NO_LONGER_DUE, {"question": question_id})
        cursor.execute(ADD, {"question": question_id, "at": at, "error": _describe(error)})


@transaction.atomic
def retry_questions(*, at: datetime) -> int:
    """All that are set aside are due again; returns how many. Those that fail once more come back."""
    ids = list(SetAside.objects.order_by("pk").select_for_update().values_list("pk", flat=True))
    make_due(condition="question.id = ANY(%(ids)s::bigint[])", values={"ids": ids}, at=at)
    return len(ids)


def _describe(error: Exception) -> str:
    """Without the values of the row, which PostgreSQL tells after the first line."""
    return f"{type(error).__name__}: {error}".partition("\n")[0][:ERROR_LENGTH]
