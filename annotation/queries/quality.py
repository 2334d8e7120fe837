"""How good the labels of one campaign are known to be: the newest of what was measured of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from annotation.models import Campaign, Measurement, Snapshot


@dataclass(frozen=True)
class Quality:
    """What `annotation.queries.measurements` says, of the whole campaign and of some of its synsets by wnid."""

    snapshot: Snapshot
    whole: Mapping[str, Any]
    synsets: Mapping[str, Mapping[str, Any]]


def find_quality(campaign: Campaign, *, wnids: Sequence[str]) -> Quality | None:
    """None where nothing has been measured yet. One query."""
    measured = Measurement.objects.filter(campaign=campaign)
    newest = measured.filter(synset=None).order_by("-snapshot").values("snapshot")[:1]
    found = measured.filter(Q(synset=None) | Q(synset__wnid__in=wnids), snapshot=newest)
    rows = list(found.select_related("snapshot", "synset").defer("snapshot__parameters", "snapshot__rules"))
    whole = next((row for row in rows if row.synset is None), None)
    if whole is None:
        return None
    return Quality(whole.snapshot, whole.values, {row.synset.wnid: row.values for row in rows if row.synset})
