"""Labels as rows of the API and of releases."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from hierarchy.errors import InvalidInput
from hierarchy.exports.labels import LabelRow, write_probability, write_time
from hierarchy.models import Label, Synset
from hierarchy.queries.visibility import CURATORS_ONLY, find_frozen_at, labels_visible_to

# Rows of a server-side cursor fetched at once: about half a megabyte.
ROWS_AT_ONCE = 2000
ROW_VALUES = {
    "image_sha256": F("candidate__image__sha256"),
    "wnid": F("synset__wnid"),
    "safety": F("synset__safety"),
}
ROW_FIELDS = ("id", *ROW_VALUES, "verdict", "probability", "votes", "source", "at")


@dataclass(frozen=True)
class LabelFilter:
    """What a reader of labels asks for; None asks for nothing. Bounds include their value.

    `subtree` takes the synset and its descendants over ordinary hypernyms, `instances` those over instance links too.
    """

    synset: str | None = None
    subtree: str | None = None
    instances: bool = False
    verdict: str | None = None
    source: str | None = None
    probability_min: float | None = None
    probability_max: float | None = None
    changed_since: datetime | None = None


@dataclass(frozen=True)
class FrozenLabel:
    """A label of a release's moment; `withheld` where its synset is marked sensitive or offensive."""

    row: LabelRow
    withheld: bool


@dataclass(frozen=True)
class FoundLabels:
    """`labels` have their moments only and are in no order; `among` are those that have to be looked at to find them: they read quickly
    by moment."""

    labels: QuerySet[Label]
    among: QuerySet[Label]


def find_labels(*, filters: LabelFilter, everything: bool) -> FoundLabels:
    """The labels that a person may see and that meet every filter.

    `everything` is for curators and operators; others see what a release would hold. InvalidInput names a filter
    whose synset does not exist.
    """
    labels: QuerySet[Label] = labels_visible_to(everything=everything).only("at")
    among: QuerySet[Label] = Label.objects.all()
    if not everything:
        labels = labels.exclude(synset__safety__in=CURATORS_ONLY)
        among = among.filter(at__lte=find_frozen_at())
    if filters.synset is not None:
        synset_id = _find_synset("synset", filters.synset)
        labels, among = labels.filter(synset=synset_id), among.filter(synset=synset_id)
    if filters.changed_since is not None:
        among = among.filter(at__gte=filters.changed_since)
    return FoundLabels(labels=_filter_labels(labels, filters), among=among)


def _filter_labels(labels: QuerySet[Label], filters: LabelFilter) -> QuerySet[Label]:
    if filters.subtree is not None:
        below = Synset.objects.below(_find_synset("subtree", filters.subtree), instances=filters.instances)
        labels = labels.filter(synset__in=below)
    bounds = {
        "verdict": filters.verdict,
        "source": filters.source,
        "probability__gte": filters.probability_min,
        "probability__lte": filters.probability_max,
        "at__gte": filters.changed_since,
    }
    return labels.filter(**{lookup: value for lookup, value in bounds.items() if value is not None})


def _select_rows(labels: QuerySet[Label]) -> QuerySet[Label, Any]:
    return labels.annotate(**ROW_VALUES).values_list(*ROW_FIELDS, named=True)


def read_rows(labels: Sequence[Label]) -> list[LabelRow]:
    """The labels as rows, in their order. One query: whoever pages through labels looks for few columns, and reads the others for a page."""
    found = {row.id: make_row(row) for row in _select_rows(Label.objects.filter(pk__in=[label.pk for label in labels]))}
    return [found[label.pk] for label in labels]


def make_row(found: Any) -> LabelRow:
    """The one place where a label of the database becomes a row for readers."""
    return LabelRow(
        image=bytes(found.image_sha256).hex(),
        wnid=found.wnid,
        verdict=found.verdict,
        probability=write_probability(found.probability),
        votes=found.votes,
        source=found.source,
        at=write_time(found.at),
    )


def stream_labels_at(*, frozen_at: datetime) -> Iterator[FrozenLabel]:
    """Every label that was current at `frozen_at`, by synset and image, with bounded memory.

    It is one query: what it sees is one state of the database, whatever is written while it is read.
    """
    frozen = Label.objects.filter(Q(superseded_at=None) | Q(superseded_at__gt=frozen_at), at__lte=frozen_at)
    ordered = _select_rows(frozen.order_by("synset_id", "candidate__image__sha256"))
    for found in ordered.iterator(chunk_size=ROWS_AT_ONCE):
        yield FrozenLabel(row=make_row(found), withheld=found.safety in CURATORS_ONLY)


def _find_synset(field: str, wnid: str) -> int:
    key = Synset.objects.filter(wnid=wnid).values_list("pk", flat=True).first()
    if key is None:
        raise InvalidInput({field: f"There is no synset {wnid}."})
    return key
