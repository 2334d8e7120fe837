"""What annotators may know of their accuracy, kept so that it changes seldom."""

from datetime import datetime, timedelta

from django.db import connection, transaction

LEAST_ANSWERS = 30
# At most once a day, give or take the moment at which beat calls.
OLD = timedelta(hours=20)
# Gold that votes themselves settled was not asked whatever they said.
RECORD = """
INSERT INTO annotation_accuracy (annotator_id, percent, found_at)
SELECT vote.annotator_id, 5 * round(20.0 * count(*) FILTER (WHERE vote.answer = gold.truth) / count(*)), %(at)s
FROM annotation_gold AS gold JOIN annotation_vote AS vote ON vote.question_id = gold.question_id
JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id AND annotator.user_id IS NOT NULL
WHERE gold.active AND gold.source <> 'SETTLED' AND vote.withdrawn_at IS NULL AND vote.answer <> 'UNSURE'
GROUP BY vote.annotator_id HAVING count(*) >= %(least)s
ORDER BY vote.annotator_id
ON CONFLICT (annotator_id) DO UPDATE SET percent = excluded.percent, found_at = excluded.found_at
WHERE annotation_accuracy.found_at <= %(old)s
"""


@transaction.atomic
def record_accuracies(*, at: datetime) -> int:
    """Finds the accuracy of everybody with 30 answers on gold whose last one is a day old; returns of how many. One query."""
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"at": at, "old": at - OLD, "least": LEAST_ANSWERS})
        return int(cursor.rowcount)
