from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from annotation.actions import accounts
from hierarchy.errors import DomainError


class Command(BaseCommand):
    help = "Closes a token at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="PREFIX-OR-KEY", help="the key, or its first eight characters")

    def handle(self, *args: Any, key: str, **options: Any) -> None:
        try:
            token = accounts.revoke_token_by_prefix(prefix=key, at=now())
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{token.prefix}... of {token.user.username} ({token.scope}) is revoked")
