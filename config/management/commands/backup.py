from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.backup.database import use_owner
from config.backup.errors import BackupError
from config.backup.saving import make_backup
from hierarchy.management.progress import ProgressLine


class Command(BaseCommand):
    help = (
        "Writes a new folder with the database at one moment, pictures, releases, the deletion ledger and checksums of all, while the service"
        " runs. The folder is there whole or not at all. SECRET_KEY and passwords are not in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder that is not there yet, or empty")
        parser.add_argument(
            "--previous",
            type=Path,
            metavar="FOLDER",
            help="an earlier backup on the same disk: files it has are not copied again",
        )

    def handle(self, *args: Any, folder: Path, previous: Path | None, **options: Any) -> None:
        progress = ProgressLine(self.stderr)
        use_owner()
        try:
            manifest, listed = make_backup(
                folder=folder.resolve(), previous=previous and previous.resolve(), report=progress.show_sometimes
            )
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or folder}: {error.strerror or error}") from error
        finally:
            progress.clear()
        self.stdout.write(
            f"{folder}: the state of {manifest.taken_at}, {sum(manifest.rows.values()):,} rows, {listed.files:,} files of"
            f" {listed.bytes:,} bytes, {listed.linked:,} of them shared with the earlier backup"
        )
