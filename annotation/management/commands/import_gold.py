from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from annotation.actions import imports
from annotation.management.problems import describe_refusal
from hierarchy.errors import DomainError


class Command(BaseCommand):
    help = (
        "Makes questions gold from a CSV file of truths: all of them, or none where a line is wrong. Run again, it adds"
        " what is missing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "path", type=Path, help=".csv or .csv.gz with the columns wnid,image_sha256,answer (YES, NO) in any order"
        )
        parser.add_argument("--campaign", required=True, help="the name of the campaign that asks about the pictures")

    def handle(self, *args: Any, path: Path, campaign: str, **options: Any) -> None:
        try:
            found = imports.import_gold(path=path, campaign=campaign, by=None, at=now(), progress=self.stderr.write)
        except DomainError as error:
            raise describe_refusal(error) from error
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{found.recorded:,} questions made gold, {found.already_there:,} were already")
