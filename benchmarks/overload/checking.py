"""What is in the tables: needs Django set up."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Count

from annotation.models import Question, Vote

PAGES = 8


def choose_pages() -> list[str]:
    """Of browsers: half are of labels, half of the tree."""
    found = Question.objects.order_by("pk").values_list("candidate__synset__wnid", flat=True)
    chosen = list(dict.fromkeys(found[: PAGES * 1000].iterator()))[: PAGES - 1]
    tree = ["/hierarchy/", *(f"/hierarchy/{wnid}/" for wnid in chosen)]
    labels = ["/api/v1/labels/?limit=100", *(f"/api/v1/synsets/{wnid}/labels/?limit=100" for wnid in chosen)]
    return [*tree, *labels]


def compare_with_table(pages: Sequence[tuple[str, float, float, int]]) -> dict[str, Any]:
    """How many of the acknowledged votes are not there, and how many are there more often than once."""
    acknowledged = {batch: recorded for batch, _, _, recorded in pages}
    rows = Vote.objects.filter(batch__in=list(acknowledged)).values_list("batch").annotate(Count("pk"))
    kept = {str(batch): count for batch, count in rows}
    doubled = (
        Vote.objects.filter(batch__in=list(acknowledged), withdrawn_at=None)
        .values("question", "annotator")
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
    )
    return {
        "acknowledged": sum(acknowledged.values()),
        "lost": sum(max(count - kept.get(batch, 0), 0) for batch, count in acknowledged.items()),
        "doubled": sum(max(kept.get(batch, 0) - count, 0) for batch, count in acknowledged.items()) + doubled.count(),
    }
