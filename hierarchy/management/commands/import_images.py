import csv
from argparse import ArgumentParser
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from hierarchy.actions import images
from hierarchy.actions.images import ImportedImages, Provenance, RefusedItem
from hierarchy.intake.source import open_source
from hierarchy.intake.values import IntakeError
from hierarchy.management.progress import ProgressLine


class Command(BaseCommand):
    help = "Imports pictures as candidates for synsets. Run again, also after it was killed, it adds what is missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path",
            type=Path,
            help="a folder of folders named by wnid, a manifest (.csv with file,wnid, and prior where known; sha256 instead of file for known images), a tar or a zip",
        )
        parser.add_argument("--root", type=Path, help="the folder that a manifest's file names start from")
        for name in ("source", "author", "licence", "consent-basis"):
            parser.add_argument(f"--{name}", default="", help="of every picture whose manifest does not say it")
        parser.add_argument("--report", type=Path, help="CSV of what was refused and why; else under var/reports/")

    def handle(self, *args: Any, path: Path, root: Path | None, report: Path | None, **options: Any) -> None:
        at = timezone.now()
        defaults = Provenance(**{name: options[name] for name in ("source", "author", "licence", "consent_basis")})
        try:
            report = report or _name_report(at)
            with ExitStack() as opened:
                items = open_source(path, root=root)
                file = opened.enter_context(report.open("w", encoding="utf-8", errors="backslashreplace", newline=""))
                rows = csv.writer(file)
                rows.writerow(RefusedItem._fields)
                progress = ProgressLine(self.stderr)
                opened.callback(progress.clear)
                found = images.import_images(
                    items=items,
                    defaults=defaults,
                    by=None,
                    at=at,
                    on_refusal=rows.writerow,
                    progress=lambda counts: progress.show_sometimes(_describe(counts)),
                )
        except (IntakeError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{_describe(found)}\nRefusals: {report}")
        if not found.taken:
            raise CommandError("nothing was imported")


def _name_report(at: datetime) -> Path:
    folder: Path = settings.BASE_DIR / "var" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"import-{at:%Y%m%dT%H%M%S%f}.csv"


def _describe(counts: ImportedImages) -> str:
    refused = ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.refused.items()))
    return (
        f"{counts.images:,} images imported, {counts.candidates:,} candidates added to known images,"
        f" {counts.already_there:,} already there, {counts.refused.total():,} refused"
        + (f" ({refused})" if refused else "")
    )
