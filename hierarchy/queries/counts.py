"""How many images and labels lie at and below synsets."""

from dataclasses import dataclass

from django.db.models import Count, Exists, FilteredRelation, OuterRef, Q

from hierarchy.models import Closure, Label, ParentLink
from hierarchy.models.synset import Synset
from hierarchy.queries.visibility import label_is_visible

CHILDREN_PER_PAGE = 100


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


def _count_each(synset_ids: list[int], *, everything: bool, instances: bool) -> dict[int, LabelCounts]:
    """Counts by synset, without those that have no images; one query.

    A candidate meets each synset above it once, and its visible label at most once, so nothing is counted twice.
    """
    labels = "descendant__candidates__labels"
    visible = FilteredRelation(labels, condition=label_is_visible(everything=everything, path=f"{labels}__"))
    pairs = Closure.objects.filter(ancestor_id__in=synset_ids, descendant__candidates__isnull=False)
    if not instances:
        pairs = pairs.filter(instance=False)
    rows = (
        pairs.annotate(visible=visible)
        .values("ancestor_id")
        .annotate(
            images=Count("descendant__candidates"),
            accepted=Count("visible", filter=Q(visible__verdict=Label.Verdict.ACCEPTED)),
            rejected=Count("visible", filter=Q(visible__verdict=Label.Verdict.REJECTED)),
        )
    )
    return {
        row["ancestor_id"]: LabelCounts(images=row["images"], accepted=row["accepted"], rejected=row["rejected"])
        for row in rows
    }
