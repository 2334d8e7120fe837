"""What annotators see of their own work. Gold counts in it as every other question does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection

from annotation.models import Accuracy, Annotator

DAYS_A_PAGE = 14
PACE_OF_LAST = 1000

# A page that was taken back in whole counts nothing.
DAYS = """
SELECT (batch.closed_at AT TIME ZONE %(zone)s)::date AS day, campaign.name, campaign.title, count(*), sum(batch.recorded)
FROM annotation_batch AS batch JOIN annotation_campaign AS campaign ON campaign.id = batch.campaign_id
WHERE batch.annotator_id = %(annotator)s AND batch.recorded > 0 AND batch.undone_at IS NULL
GROUP BY day, campaign.name, campaign.title ORDER BY day DESC, campaign.title, campaign.name
"""
PACE = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY milliseconds) FROM (
    SELECT milliseconds FROM annotation_vote WHERE annotator_id = %(annotator)s AND withdrawn_at IS NULL
    ORDER BY id DESC LIMIT %(last)s) AS newest
WHERE milliseconds IS NOT NULL
"""


@dataclass(frozen=True)
class DayOfCampaign:
    """Pages that an annotator sent on a day, and the votes on them that stand."""

    day: date
    name: str
    title: str
    pages: int
    votes: int


def list_days(annotator: Annotator, *, zone: str) -> list[DayOfCampaign]:
    """By day of that time zone and by campaign, the newest first. One query over the annotator's pages."""
    with connection.cursor() as cursor:
        cursor.execute(DAYS, {"annotator": annotator.pk, "zone": zone})
        return [DayOfCampaign(*row) for row in cursor.fetchall()]


def cut_days(days: Sequence[DayOfCampaign], *, before: date | None) -> tuple[list[DayOfCampaign], date | None]:
    """Of the newest days before that one, and the day before which the list goes on, None at its end."""
    earlier = [each for each in days if before is None or each.day < before]
    dates = list(dict.fromkeys(each.day for each in earlier))
    shown = set(dates[:DAYS_A_PAGE])
    following = dates[DAYS_A_PAGE - 1] if len(dates) > DAYS_A_PAGE else None
    return [each for each in earlier if each.day in shown], following


def count_days_in_a_row(days: Sequence[DayOfCampaign], *, today: date) -> int:
    """How many days up to today, or up to yesterday as today is not over, have votes."""
    worked = {each.day for each in days}
    day = today if today in worked else today - timedelta(days=1)
    count = 0
    while day in worked:
        count, day = count + 1, day - timedelta(days=1)
    return count


def measure_pace(annotator: Annotator) -> float | None:
    """Median seconds on a picture, of the last thousand votes; None where none was measured. One query."""
    with connection.cursor() as cursor:
        cursor.execute(PACE, {"annotator": annotator.pk, "last": PACE_OF_LAST})
        milliseconds = cursor.fetchone()[0]
    return None if milliseconds is None else float(milliseconds) / 1000


def find_accuracy(annotator: Annotator) -> Accuracy | None:
    """What the annotator may know of it; None for one who has not answered enough. One query."""
    return Accuracy.objects.filter(annotator=annotator).first()
