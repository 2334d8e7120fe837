"""Which labels and which pictures a person may see."""

from django.db.models import Exists, OuterRef, Q, Subquery

from hierarchy.models import Candidate, Label, Release, Synset
from hierarchy.models.label import LabelQuerySet

# Pictures of synsets marked so are shown to curators only.
CURATORS_ONLY = (Synset.Safety.SENSITIVE, Synset.Safety.OFFENSIVE)

NEWEST_RELEASE = "hierarchy_release WHERE state = 'PUBLISHED' ORDER BY published_at DESC, id DESC LIMIT 1"
FROZEN_AT = f"(SELECT frozen_at FROM {NEWEST_RELEASE})"  # noqa: S608 (constants of this module)
IS_CURRENT = "label.superseded_at IS NULL"
IS_RELEASED = f"label.at <= {FROZEN_AT} AND (label.superseded_at IS NULL OR label.superseded_at > {FROZEN_AT})"


def labels_visible_to(*, everything: bool) -> LabelQuerySet:
    """Labels that a person may see: at most one for each candidate.

    `everything`, for curators and operators, gives the current labels. Everybody else sees labels as they stood
    when the newest published release was frozen, and none before the first release. Costs no query of its own.
    """
    if everything:
        return Label.objects.current()
    frozen_at = find_frozen_at()
    current_then = Q(superseded_at__isnull=True) | Q(superseded_at__gt=frozen_at)
    return Label.objects.filter(current_then, at__lte=frozen_at)


def find_frozen_at() -> Subquery:
    """The moment of the newest published release."""
    published = Release.objects.filter(state=Release.State.PUBLISHED).order_by("-published_at", "-id")
    return Subquery(published.values("frozen_at")[:1])


def choose_visible(*, everything: bool) -> str:
    """The same rule in SQL, on a label that goes by the name `label`."""
    return IS_CURRENT if everything else IS_RELEASED


def image_is_for_curators_only(image_id: str) -> Exists:
    """Whether the image at the column `image_id` of the outer query was proposed for a synset that is not for all."""
    return Exists(Candidate.objects.filter(image_id=OuterRef(image_id), synset__safety__in=CURATORS_ONLY))
