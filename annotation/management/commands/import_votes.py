import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from annotation.actions import imports
from annotation.management.problems import describe_refusal
from annotation.tasks import ring_doorbell
from hierarchy.errors import DomainError


class Command(BaseCommand):
    help = (
        "Imports votes from a CSV file: all of them, or none where a line is wrong. Run again, it adds what is missing."
        " Each name in the column annotator becomes an account of its own that nobody can log in to, named import: and"
        " the first 32 hexadecimal digits of the SHA-256 of that name."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "path",
            type=Path,
            help=".csv or .csv.gz with the columns wnid,image_sha256,annotator,answer,at in any order",
        )
        parser.add_argument("--campaign", required=True, help="the name of the campaign that asks about the pictures")

    def handle(self, *args: Any, path: Path, campaign: str, **options: Any) -> None:
        started = time.monotonic()
        try:
            found = imports.import_votes(path=path, campaign=campaign, at=now(), progress=self.stderr.write)
        except DomainError as error:
            raise describe_refusal(error) from error
        except OSError as error:
            raise CommandError(str(error)) from error
        ring_doorbell()
        self.stdout.write(
            f"{found.recorded:,} votes recorded on {found.questions:,} questions, {found.already_there:,} already there,"
            f" {found.new_annotators:,} new annotators, in {time.monotonic() - started:.1f} s"
        )
