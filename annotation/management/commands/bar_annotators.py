from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from annotation.actions.bars import bar_annotator
from annotation.management.accounts import find_user
from annotation.models import Annotator, Bar
from annotation.tasks import ring_doorbell
from hierarchy.errors import DomainError
from hierarchy.rules import CURATORS, find_role


class Command(BaseCommand):
    help = (
        "Bars annotators by the names of their accounts, one after the other: their votes count nothing from then on, and what"
        " rested on them is asked again. May be broken off and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME", help="names, or @FILE with one a line")
        parser.add_argument("--as", dest="username", required=True, help="the curator who bars them")
        parser.add_argument("--reason", required=True, help="they are told")
        parser.add_argument("--code", choices=Bar.Code.values, default=Bar.Code.OTHER, help="what kind of reason it is")

    def handle(self, *args: Any, names: list[str], username: str, reason: str, code: str, **options: Any) -> None:
        by = find_user(username)
        if find_role(by) not in CURATORS:
            raise CommandError(f"{username} is no curator.")
        listed = list(dict.fromkeys(name for given in names for name in _read(given)))
        annotators = Annotator.objects.filter(user__username__in=listed)
        found = dict(annotators.values_list("user__username", "pk"))
        before = annotators.filter(barred_at__isnull=False).count()
        missing = [name for name in listed if name not in found]
        if missing:
            raise CommandError(f"Nobody was barred: there is no annotator {', '.join(missing[:10])}.")
        for number, name in enumerate(listed, 1):
            try:
                bar_annotator(annotator_id=found[name], code=code, reason=reason, by=by, at=now())
            except DomainError as error:
                raise CommandError(f"{name}: {error.detail}") from error
            self.stderr.write(f"{number:,} of {len(listed):,}")
        ring_doorbell()
        self.stdout.write(f"{len(listed):,} annotators are barred, {before:,} of them were before.")


def _read(given: str) -> list[str]:
    if not given.startswith("@"):
        return [given]
    try:
        lines = Path(given[1:]).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{given[1:]} cannot be read: {error}") from error
    return [line.strip() for line in lines if line.strip()]
