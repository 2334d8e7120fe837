from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from annotation.actions import accounts
from annotation.management.accounts import find_user
from annotation.models import ApiToken
from hierarchy.errors import DomainError


class Command(BaseCommand):
    help = "Makes a token for the API and prints its key, which is not kept and never shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the account")
        parser.add_argument("--scope", required=True, choices=ApiToken.Scope.values)

    def handle(self, *args: Any, name: str, scope: str, **options: Any) -> None:
        try:
            _, key = accounts.create_token(user=find_user(name), scope=scope, by=None, at=now())
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(key)
