import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from annotation.actions import accounts
from annotation.management.accounts import find_user
from hierarchy.errors import DomainError


class Command(BaseCommand):
    help = (
        "Deletes an account for good, with its sessions and tokens; votes stay under a number that nothing ties to the person."
        " Restores of older backups delete it again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, name: str, yes: bool, **options: Any) -> None:
        user = find_user(name)
        if not yes:
            _ask(name)
        try:
            accounts.delete_account(user=user, by=None, at=now())
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{name} is deleted")


def _ask(name: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask whether that is meant: say --yes.")
    if input(f"This cannot be undone. Type the name to delete it ({name}): ") != name:
        raise CommandError("Nothing was deleted.")
