"""Pictures that show what a synset means."""

from collections.abc import Iterator

from django.db import connection
from django.db.models import Q

from hierarchy.models import Label
from hierarchy.queries.counts import CURRENT, RELEASED
from hierarchy.queries.visibility import choose_visible, image_is_for_curators_only

# However much lies below, so many synsets and labels are looked at, of each synset's no more than so many that nobody may see any more
# or yet; and so many of the labels at once.
SYNSETS = 48
LOOKED_AT = 1000
PASSED_OVER = 10_000
AT_ONCE = 100

# Each of the nearest synsets that have accepted labels gives its most certain ones, as they stand in the index `label_best`.
FIND = """
SELECT label.id FROM (
    SELECT pair.descendant_id, pair.distance
    FROM hierarchy_closure AS pair JOIN {counts} AS counted ON counted.synset_id = pair.descendant_id
    WHERE pair.ancestor_id = %(synset)s GROUP BY pair.descendant_id, pair.distance HAVING sum(counted.accepted) > 0
    ORDER BY pair.distance, pair.descendant_id LIMIT %(synsets)s
) AS nearest
CROSS JOIN LATERAL (
    SELECT label.id, label.probability FROM (
        SELECT * FROM hierarchy_label WHERE synset_id = nearest.descendant_id AND verdict = 'ACCEPTED'
        ORDER BY probability DESC, id LIMIT %(passed_over)s
    ) AS label
    WHERE {visible} ORDER BY label.probability DESC, label.id LIMIT %(labels)s
) AS label
ORDER BY nearest.distance, label.probability DESC, label.id LIMIT %(labels)s
"""


def list_example_pictures(
    synset_id: int, *, everything: bool, limit: int, current: bool = False, hidden: Q | None = None
) -> list[Label]:
    """At most `limit` accepted labels at or below the synset, with candidate, image and synset.

    Nearest synsets first, then the most certain, of those that `labels_visible_to(everything=...)` gives; `current` gives the
    current ones to everybody. Without `everything`, images proposed for a sensitive or offensive synset are left out; so are the
    labels for which `hidden` holds. Where LOOKED_AT labels of the nearest SYNSETS synsets are all left out, nobody looks further.
    Two queries, more where many are left out.
    """
    labels = Label.objects.select_related("candidate__image", "synset")
    if not everything:
        labels = labels.filter(~image_is_for_curators_only("candidate__image_id"))
    if hidden is not None:
        labels = labels.exclude(hidden)
    found: list[Label] = []
    for ids in _cut(_find(synset_id, current=everything or current)):
        shown = labels.in_bulk(ids)
        found += [shown[pk] for pk in ids if pk in shown]
        if len(found) >= limit:
            break
    return found[:limit]


def _find(synset_id: int, *, current: bool) -> list[int]:
    """The keys of the labels to look at, in their order."""
    sql = FIND.format(counts=CURRENT if current else RELEASED, visible=choose_visible(everything=current))
    with connection.cursor() as cursor:
        cursor.execute(sql, {"synset": synset_id, "synsets": SYNSETS, "labels": LOOKED_AT, "passed_over": PASSED_OVER})
        return [row[0] for row in cursor.fetchall()]


def _cut(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
