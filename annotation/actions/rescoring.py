"""A new snapshot looks at open questions again, in ranges of their ids that as many workers share as are there."""

from django.db import connection

from annotation.models import RescoredRange
from annotation.queries.claims import Claimed, claim_open_outdated

QUESTIONS_OF_A_RANGE = 100_000

DIVIDE = """
INSERT INTO annotation_rescoredrange (snapshot_id, reached, last)
SELECT %(snapshot)s, part - 1, part + %(size)s - 1
FROM (SELECT min(id) AS first, max(id) AS last FROM annotation_question) AS question,
     generate_series(question.first, question.last, %(size)s) AS part
"""


def divide_questions(*, snapshot_id: int) -> None:
    """Makes all ranges of questions wait for this snapshot; what is left of earlier ones' is dropped."""
    RescoredRange.objects.exclude(snapshot=snapshot_id).delete()
    with connection.cursor() as cursor:
        cursor.execute(DIVIDE, {"snapshot": snapshot_id, "size": QUESTIONS_OF_A_RANGE})


def claim_next(*, snapshot_id: int, limit: int) -> list[Claimed]:
    """The next open questions of a range that nobody else is at, locked with it; empty where there are none.

    The caller scores them in the same transaction. Those that somebody holds are passed over: they are found later by the
    age of their estimates.
    """
    waiting = RescoredRange.objects.select_for_update(skip_locked=True, of=("self",)).filter(snapshot=snapshot_id)
    while (part := waiting.order_by("pk").first()) is not None:
        claimed = claim_open_outdated(snapshot_id=snapshot_id, after=part.reached, last=part.last, limit=limit)
        if len(claimed) < limit:
            part.delete()
        else:
            part.reached = claimed[-1].id
            part.save(update_fields=["reached"])
        if claimed:
            return claimed
    return []
