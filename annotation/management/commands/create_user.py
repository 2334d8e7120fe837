import sys
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from annotation.actions import accounts
from hierarchy.errors import DomainError


class Command(BaseCommand):
    help = "Makes an account. Asks for its password twice; a script sends it as one line with --password-stdin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", required=True, choices=accounts.ROLES)
        parser.add_argument("--email", default="", help="where a forgotten password can be reset")
        parser.add_argument("--password-stdin", action="store_true", help="read one line of standard input")

    def handle(self, *args: Any, name: str, role: str, email: str, password_stdin: bool, **options: Any) -> None:
        password = _read_password() if password_stdin else _ask_password()
        try:
            user = accounts.create_user(username=name, password=password, role=role, email=email, by=None, at=now())
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{role} {user.username}")


def _read_password() -> str:
    try:
        password = sys.stdin.readline().rstrip("\r\n")
        password.encode()  # where the locale is C, Python reads any bytes
    except UnicodeError as error:
        raise CommandError("--password-stdin: the password must be text in UTF-8") from error
    return password


def _ask_password() -> str:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for the password: send it with --password-stdin.")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise CommandError("The two passwords differ.")
    return password
