"""How many images and labels lie at and below synsets."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef

from hierarchy.models import Closure, ParentLink
from hierarchy.models.synset import Synset
from hierarchy.queries.visibility import NEWEST_RELEASE

CHILDREN_PER_PAGE = 100

# Rows of (synset_id, images, accepted, rejected) whose sums are the counts of a synset alone, with the current labels.
CURRENT = "hierarchy_countchange"
# Of the labels of the newest published release, which have no images.
RELEASED = f"""(
    SELECT synset_id, 0 AS images, accepted, rejected FROM hierarchy_releasecount
    WHERE release_id = (SELECT id FROM {NEWEST_RELEASE})
)"""  # noqa: S608 (constants of these modules)
RELEASED_WITH_IMAGES = f"(SELECT synset_id, images, 0 AS accepted, 0 AS rejected FROM {CURRENT} UNION ALL {RELEASED})"  # noqa: S608
# Built of constants of this module only.
COUNT = """
SELECT pair.ancestor_id, sum(counted.images), sum(counted.accepted), sum(counted.rejected)
FROM hierarchy_closure AS pair JOIN {counts} AS counted ON counted.synset_id = pair.descendant_id
WHERE pair.ancestor_id = ANY(%(synsets)s) AND (%(instances)s OR NOT pair.instance)
GROUP BY pair.ancestor_id
"""


@dataclass(frozen=True)
class LabelCounts:
    """What lies at and below a synset. `images` counts candidates: an image proposed for two synsets counts twice."""

    images: int
    accepted: int
    rejected: int


@dataclass(frozen=True)
class SynsetCounts(LabelCounts):
    """The same, with the number of synsets below, itself not counted."""

    descendants: int


@dataclass(frozen=True)
class ChildRow:
    """A direct hyponym as the tree shows it; the counts take in its instances."""

    synset: Synset
    instance: bool
    has_children: bool
    counts: LabelCounts


NOTHING = LabelCounts(images=0, accepted=0, rejected=0)


def count_below(synset_id: int, *, everything: bool, instances: bool = True) -> SynsetCounts:
    """Counts for one synset, of the labels that `labels_visible_to(everything=...)` gives. Two queries."""
    counts = _count_each([synset_id], everything=everything, instances=instances).get(synset_id, NOTHING)
    below = Closure.objects.filter(ancestor_id=synset_id, distance__gt=0)
    descendants = (below if instances else below.filter(instance=False)).count()
    return SynsetCounts(
        descendants=descendants, images=counts.images, accepted=counts.accepted, rejected=counts.rejected
    )


def list_children(
    synset_id: int, *, everything: bool, offset: int = 0, limit: int | None = CHILDREN_PER_PAGE
) -> list[ChildRow]:
    """At most `limit` direct hyponyms (None: all), by first word without case, then id, from number `offset` on.

    Two queries whatever the size. Labels count if `labels_visible_to(everything=...)` gives them.
    """
    end = None if limit is None else offset + limit
    links = (
        ParentLink.objects.filter(parent_id=synset_id, child__search_words__position=0)
        .annotate(has_children=Exists(ParentLink.objects.filter(parent_id=OuterRef("child_id"))))
        .select_related("child")
        .order_by("child__search_words__word", "child_id")[offset:end]
    )
    counts = _count_each([link.child_id for link in links], everything=everything, instances=True)
    return [
        ChildRow(
            synset=link.child,
            instance=link.instance,
            has_children=link.has_children,
            counts=counts.get(link.child_id, NOTHING),
        )
        for link in links
    ]


def _count_each(synset_ids: Sequence[int], *, everything: bool, instances: bool) -> dict[int, LabelCounts]:
    """Counts by synset, without those below which nothing was ever counted; one query.

    The closure has each pair once, so nothing is counted twice.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            COUNT.format(counts=CURRENT if everything else RELEASED_WITH_IMAGES),
            {"synsets": list(synset_ids), "instances": instances},
        )
        return {row[0]: LabelCounts(*row[1:]) for row in cursor.fetchall()}
