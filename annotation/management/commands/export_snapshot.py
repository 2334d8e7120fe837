import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.consensus.files import STANDARD_OUTPUT, open_output
from annotation.queries.stored import find_stored_snapshot, store_snapshot
from hierarchy.errors import DomainError


class Command(BaseCommand):
    help = (
        "Writes a snapshot as the JSON that python -m annotation.consensus.replay --parameters reads, its annotators and"
        " questions under the names that export_votes --replay with the same --pseudonyms gives them. A file is there whole or not at all."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a file to write; - for standard output")
        parser.add_argument("--pseudonyms", required=True, metavar="KEY", help="the same as for export_votes")
        parser.add_argument("--snapshot", type=int, help="its number; else the one in force")
        parser.add_argument(
            "--campaign",
            help="the name of one campaign, of whose questions to write what is known beforehand; else of all",
        )

    def handle(self, *args: Any, file: Path, snapshot: int | None, campaign: str | None, **options: Any) -> None:
        try:
            if not options["pseudonyms"]:
                raise CommandError("--pseudonyms: must not be empty")
            chosen = find_stored_snapshot(snapshot_id=snapshot)
            stored = store_snapshot(snapshot=chosen, campaign=campaign, pseudonyms=options["pseudonyms"])
            content = json.dumps(stored.to_json())
            if file == STANDARD_OUTPUT:
                self.stdout.write(content)
                return
            with open_output(file) as output:
                output.write(content + "\n")
        except DomainError as error:
            raise CommandError(error.detail) from error
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror or error}") from error
        self.stdout.write(
            f"snapshot {chosen.pk} written to {file}: {len(stored.workers):,} annotators,"
            f" {len(stored.priors):,} questions with a prior"
        )
