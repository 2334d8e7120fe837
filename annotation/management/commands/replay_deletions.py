from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.actions import deletions
from annotation.actions.ledger import LedgerError


class Command(BaseCommand):
    help = (
        "Deletes the accounts that the deletion ledger names and that are there all the same: brought back by a restore, or left when the"
        " machine stopped in the middle of a deletion. Harmless when repeated."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = deletions.replay_deletions()
        except LedgerError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} accounts deleted again")
