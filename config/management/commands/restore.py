from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.actions import deletions
from annotation.actions.ledger import LedgerError
from config.backup.database import use_owner
from config.backup.errors import BackupError
from config.backup.restoring import restore_backup
from hierarchy.management.progress import ProgressLine


class Command(BaseCommand):
    help = (
        "Restores a backup into an empty database, migrates it, deletes again whom the deletion ledger names, and checks it. Broken off, it"
        " is run again with the database emptied. Exit 1 if anything is wrong."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="what `backup` wrote")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        use_owner()
        self._restore(folder.resolve())
        # Before anybody is deleted again: the code that does it knows the tables as they are now.
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        try:
            self.stdout.write(f"{deletions.replay_deletions()} accounts of the deletion ledger deleted again")
        except LedgerError as error:
            raise CommandError(str(error)) from error
        call_command("verify_integrity", stdout=self.stdout, stderr=self.stderr)

    def _restore(self, folder: Path) -> None:
        progress = ProgressLine(self.stderr)
        try:
            manifest = restore_backup(folder=folder, report=progress.show_sometimes)
        except (BackupError, LedgerError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or folder}: {error.strerror or error}") from error
        finally:
            progress.clear()
        self.stdout.write(f"The state of {manifest.taken_at} is back: {sum(manifest.rows.values()):,} rows")
