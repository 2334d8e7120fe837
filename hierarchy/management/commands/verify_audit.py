from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hierarchy.queries.audit import ChainBroken, Head, list_writers, verify_chain


class Command(BaseCommand):
    help = (
        "Calculates every hash of the audit log again and prints its head, which is worth keeping elsewhere. Exit 1 with the"
        " first entry that does not fit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--head",
            type=_read_head,
            metavar="NUMBER:HASH",
            help="an earlier head, which must still be part of the log",
        )

    def handle(self, *args: Any, head: Head | None, **options: Any) -> None:
        try:
            found = verify_chain(kept=head)
        except ChainBroken as error:
            raise CommandError(f"The audit log is broken: {error}") from error
        writers = list_writers()
        if writers:
            raise CommandError(
                f"The audit log may be written to by {', '.join(writers)}: see docs/operations.md. Head: {found}"
            )
        self.stdout.write(str(found))


def _read_head(text: str) -> Head:
    number, _, digest = text.strip().partition(":")
    try:
        head = Head(int(number), bytes.fromhex(digest))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no NUMBER:HASH") from None
    if head.number < 0 or len(head.hash) != 32:
        raise ArgumentTypeError(f"{text!r} is no NUMBER:HASH: the hash has 64 hexadecimal digits")
    return head
