"""What triggers wrote about candidates and labels, kept short."""

from django.db import connection

# Rows that another fold holds are left to it; whoever counts meanwhile sees all of this or nothing. However many rows have come, a fold
# takes a second or less; of two rows or more, some are always one synset's.
ROWS_AT_ONCE = 100_000
FOLD = """
WITH folded AS (
    DELETE FROM hierarchy_countchange WHERE id IN (
        SELECT id FROM hierarchy_countchange WHERE synset_id IN (
            SELECT synset_id FROM hierarchy_countchange GROUP BY synset_id HAVING count(*) > 1)
        ORDER BY synset_id LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
    RETURNING synset_id, images, accepted, rejected
)
INSERT INTO hierarchy_countchange (synset_id, images, accepted, rejected)
SELECT synset_id, sum(images), sum(accepted), sum(rejected) FROM folded GROUP BY synset_id
"""


def fold_counts() -> int:
    """Puts one row in the place of the several of a synset, ROWS_AT_ONCE at most; returns how many synsets' were folded, 0 where nothing is left to
    fold. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(FOLD, {"rows": ROWS_AT_ONCE})
        return int(cursor.rowcount)
