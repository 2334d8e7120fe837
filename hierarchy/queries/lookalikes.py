"""Pictures that show what a synset does not mean: of its siblings, and those that were proposed for it and rejected. Current labels only."""

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from hierarchy.models import Closure, Label
from hierarchy.queries.visibility import image_is_for_curators_only

# However many there are, so many siblings, synsets below them, and labels are looked at; of one synset no more than so many.
SIBLINGS = 200
SYNSETS = 48
LOOKED_AT = 200
OF_ONE = 8

# Children of the same parents that are neither above nor below the synset, as a synset with two parents may be.
SIBLINGS_OF = """
SELECT DISTINCT other.child_id AS id
FROM hierarchy_parentlink AS own JOIN hierarchy_parentlink AS other ON other.parent_id = own.parent_id AND NOT other.instance
WHERE own.child_id = %(synset)s AND NOT own.instance AND other.child_id <> %(synset)s AND NOT EXISTS (
    SELECT 1 FROM hierarchy_closure AS related
    WHERE (related.ancestor_id, related.descendant_id) IN ((%(synset)s, other.child_id), (other.child_id, %(synset)s)))
ORDER BY id LIMIT %(siblings)s
"""

# The best picture of each synset first, then each one's second: what is told apart is of many kinds. What lies below the synset as well is
# no lookalike.
FIND = f"""
SELECT label.id FROM (
    SELECT pair.descendant_id, min(pair.distance) AS distance
    FROM ({SIBLINGS_OF}) AS sibling
    JOIN hierarchy_closure AS pair ON pair.ancestor_id = sibling.id AND pair.distance <= 2 AND NOT pair.instance
    JOIN hierarchy_countchange AS counted ON counted.synset_id = pair.descendant_id
    WHERE NOT EXISTS (SELECT 1 FROM hierarchy_closure AS below
                      WHERE below.ancestor_id = %(synset)s AND below.descendant_id = pair.descendant_id)
    GROUP BY pair.descendant_id, sibling.id HAVING sum(counted.accepted) > 0
    ORDER BY distance, pair.descendant_id LIMIT %(synsets)s
) AS nearest
CROSS JOIN LATERAL (
    SELECT label.id, row_number() OVER (ORDER BY label.probability DESC, label.id) AS place FROM hierarchy_label AS label
    WHERE label.synset_id = nearest.descendant_id AND label.verdict = 'ACCEPTED' AND label.superseded_at IS NULL
    ORDER BY label.probability DESC, label.id LIMIT %(of_one)s
) AS label
ORDER BY place, nearest.distance, label.id LIMIT %(looked_at)s
"""  # noqa: S608 (constants of this module)


def list_siblings(synset_id: int, *, limit: int = SIBLINGS) -> list[int]:
    """Ids of synsets with a parent in common that are neither above nor below; ascending. One query."""
    with connection.cursor() as cursor:
        cursor.execute(SIBLINGS_OF, {"synset": synset_id, "siblings": limit})
        return [row[0] for row in cursor.fetchall()]


def list_near_misses(synset_id: int, *, limit: int, hidden: Q) -> list[Label]:
    """Accepted labels of siblings, or just below them, with image and synset; none of an image that is accepted for the synset itself
    or below, that is for curators only, or for which `hidden` holds. Two queries."""
    with connection.cursor() as cursor:
        values = {"siblings": SIBLINGS, "synsets": SYNSETS, "of_one": OF_ONE, "looked_at": LOOKED_AT}
        cursor.execute(FIND, {"synset": synset_id, **values})
        ids = [row[0] for row in cursor.fetchall()]
    shown = _leave_out(synset_id, hidden).in_bulk(ids)
    return [shown[pk] for pk in ids if pk in shown][:limit]


def list_rejected(synset_id: int, *, limit: int, hidden: Q) -> list[Label]:
    """The newest rejected labels of the synset, with image and synset; left out as in `list_near_misses`. One query, which looks at
    LOOKED_AT labels."""
    newest = Label.objects.current().filter(synset_id=synset_id, verdict=Label.Verdict.REJECTED)
    ids = newest.order_by("-at", "-pk").values("pk")[:LOOKED_AT]
    return list(_leave_out(synset_id, hidden).filter(pk__in=ids).order_by("-at", "-pk")[:limit])


def _leave_out(synset_id: int, hidden: Q) -> QuerySet[Label]:
    below = Closure.objects.filter(ancestor_id=synset_id).values("descendant_id")
    shows_it = Label.objects.current().filter(
        verdict=Label.Verdict.ACCEPTED,
        candidate__image_id=OuterRef("candidate__image_id"),
        synset_id__in=below,
    )
    labels = Label.objects.current().select_related("candidate__image", "synset")
    labels = labels.filter(~image_is_for_curators_only("candidate__image_id"), ~Exists(shows_it))
    return labels.exclude(hidden)
