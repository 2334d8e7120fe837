"""Pictures that show what a synset means."""

from django.db.models import OuterRef, Subquery

from hierarchy.models import Closure, Label
from hierarchy.models.label import LabelQuerySet
from hierarchy.queries.visibility import image_is_for_curators_only, labels_visible_to


def list_example_pictures(
    synset_id: int, *, everything: bool, limit: int, labels: LabelQuerySet | None = None
) -> list[Label]:
    """At most `limit` accepted labels at or below the synset, with candidate, image and the candidate's synset.

    Nearest synsets first, then the most certain. Taken from `labels`, by default those that
    `labels_visible_to(everything=...)` gives. Without `everything`, images proposed for a sensitive or offensive
    synset are left out. One query.
    """
    found = (labels_visible_to(everything=everything) if labels is None else labels).filter(
        verdict=Label.Verdict.ACCEPTED,
        candidate__synset_id__in=Closure.objects.filter(ancestor_id=synset_id).values("descendant_id"),
    )
    if not everything:
        found = found.filter(~image_is_for_curators_only("candidate__image_id"))
    pair = Closure.objects.filter(ancestor_id=synset_id, descendant_id=OuterRef("candidate__synset_id"))
    nearest = found.annotate(distance=Subquery(pair.values("distance"))).order_by("distance", "-probability", "id")
    return list(nearest.select_related("candidate__image", "candidate__synset")[:limit])
