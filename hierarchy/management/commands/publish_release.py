from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from hierarchy.actions import releases
from hierarchy.errors import DomainError
from hierarchy.models import Release


class Command(BaseCommand):
    help = "Drafts, builds, verifies and publishes a release of all labels as they stand now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="letters, digits, hyphens, underscores; not used before")
        parser.add_argument("--as", dest="username", help="the account that publishes")

    def handle(self, *args: Any, name: str, username: str | None, **options: Any) -> None:
        by = None if username is None else User.objects.filter(username=username).first()
        if username is not None and by is None:
            raise CommandError(f"There is no account {username}.")
        try:
            release = releases.publish_release(name=name, by=by, at=now())
        except DomainError as error:
            raise CommandError(error.detail) from error
        self._report(release)

    def _report(self, release: Release) -> None:
        manifest = release.manifest or {}
        self.stdout.write(f"Release {release.name} of {manifest['frozen_at']}")
        counts = {**manifest["by_verdict"], **manifest["by_source"]}
        self.stdout.write(
            f"{manifest['labels']} labels of {manifest['synsets']} synsets; {manifest['withheld']} withheld"
        )
        self.stdout.write(", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())))
        for file in release.files.order_by("name"):
            self.stdout.write(f"{bytes(file.sha256).hex()}  {file.name}  {file.size} bytes  {file.rows} rows")
