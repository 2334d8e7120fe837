"""How often each annotator is checked with gold, by what is known of them when a snapshot is published."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from django.db import transaction

from annotation.consensus.circles import find_circles
from annotation.consensus.signals import Habits, is_hurried, is_known, is_monotonous, is_proven
from annotation.models import Conduct, Snapshot
from annotation.queries.habits import count_on_gold, list_gold_answers, list_skilled, read_habits

AT_ONCE = 1000
FOUND = ("gold", "right", "hurried", "monotonous", "circle", "checked", "found_at")
Checked = Conduct.Checked


def record_conduct(*, snapshot: Snapshot, at: datetime) -> None:
    """Of each annotator of whom the snapshot has learned something, some in a transaction at a time. Where it is cut off, the others
    wait for the next snapshot."""
    on_gold, ids, circles = count_on_gold(), list_skilled(snapshot), find_circles(list_gold_answers())
    habits: dict[int, Habits] = {}
    for first in range(0, len(ids), AT_ONCE):
        habits |= read_habits(ids[first : first + AT_ONCE])
    medians = [each.median_milliseconds for each in habits.values() if each.median_milliseconds is not None]
    crowd = median(medians) if medians else None
    rows = [
        _judge(annotator, on_gold.get(annotator, (0, 0)), habits.get(annotator), crowd, circles.get(annotator), at)
        for annotator in ids
    ]
    for first in range(0, len(rows), AT_ONCE):
        _write(rows[first : first + AT_ONCE])


def _judge(
    annotator_id: int,
    on_gold: tuple[int, int],
    habits: Habits | None,
    crowd: float | None,
    circle: int | None,
    at: datetime,
) -> Conduct:
    gold, right = on_gold
    conduct = Conduct(
        annotator_id=annotator_id,
        gold=gold,
        right=right,
        hurried=habits is not None and is_hurried(habits, crowd_milliseconds=crowd),
        monotonous=habits is not None and is_monotonous(habits),
        circle=circle,
        found_at=at,
    )
    conduct.checked = _choose_checks(conduct)
    return conduct


def _choose_checks(conduct: Conduct) -> Conduct.Checked:
    if conduct.hurried or conduct.monotonous or conduct.circle is not None or not is_known(gold=conduct.gold):
        return Checked.MORE
    return Checked.LESS if is_proven(gold=conduct.gold, right=conduct.right) else Checked.USUAL


@transaction.atomic
def _write(rows: Sequence[Conduct]) -> None:
    Conduct.objects.bulk_create(rows, update_conflicts=True, unique_fields=["annotator"], update_fields=FOUND)
