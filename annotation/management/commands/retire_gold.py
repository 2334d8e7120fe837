from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from annotation.actions.gold import retire_gold
from annotation.models import Campaign, Gold
from annotation.tasks import ring_doorbell

AT_ONCE = 500


class Command(BaseCommand):
    help = (
        "Makes all gold of a campaign ordinary questions, as when its truths have leaked: votes on them count from then on."
        " May be broken off and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--campaign", required=True, help="the name of the campaign")

    def handle(self, *args: Any, campaign: str, **options: Any) -> None:
        if not Campaign.objects.filter(name=campaign).exists():
            raise CommandError(f"There is no campaign {campaign}.")
        gold = Gold.objects.filter(question__campaign__name=campaign, active=True).order_by("question_id")
        ids = list(gold.values_list("question_id", flat=True))
        retired = 0
        for start in range(0, len(ids), AT_ONCE):
            retired += retire_gold(question_ids=ids[start : start + AT_ONCE], by=None, at=now())
            self.stderr.write(f"{retired:,} of {len(ids):,}")
        if retired:
            ring_doorbell()
        self.stdout.write(f"{retired:,} questions are gold no longer.")
