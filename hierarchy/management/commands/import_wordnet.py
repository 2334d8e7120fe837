import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from hierarchy.actions import wordnet
from hierarchy.errors import DomainError
from hierarchy.management.progress import ProgressLine
from hierarchy.wordnet import WordNetError


class Command(BaseCommand):
    help = (
        "Imports the nouns of WordNet 3.0: all of them or, when anything is wrong, none. Run again, it changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path",
            type=Path,
            help="a WordNet dict folder, a data.noun or data.noun.gz, or a tar that holds a data.noun",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        progress = ProgressLine(self.stderr)
        try:
            found = wordnet.import_nouns(path=options["path"], at=timezone.now(), progress=progress.show)
        except (WordNetError, DomainError) as error:
            raise CommandError(str(error)) from error
        finally:
            progress.clear()
        outcome = f"in {time.monotonic() - started:.1f} s" if found.changed else "were there already: nothing changed"
        self.stdout.write(
            f"{found.synsets:,} synsets, {found.parent_links:,} parent links ({found.instance_links:,} of them instance"
            f" links), {found.closure_pairs:,} closure pairs {outcome}"
        )
