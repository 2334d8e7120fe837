from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from annotation.queries.integrity import CHECKS, SHOWN, Finding, find_broken, find_wrong_estimates
from hierarchy.actions.releases import verify_release
from hierarchy.errors import Conflict
from hierarchy.queries.releases import list_published


class Command(BaseCommand):
    help = (
        "Checks what must hold of the tables and the published files, while the service runs. Exit 1 if anything fails."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            _begin_snapshot()
            findings = [self._report(finding) for finding in _find_all()]
        failed = [finding.name for finding in findings if finding.count and not finding.warning]
        if failed:
            raise CommandError(f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}")

    def _report(self, finding: Finding) -> Finding:
        outcome = "ok" if not finding.count else "WARNING" if finding.warning else "FAILED"
        shown = ", ".join(finding.shown) + (", ..." if finding.count > len(finding.shown) else "")
        self.stdout.write(f"{outcome:8}{finding.name:36}{finding.count:>8}  {shown}".rstrip())
        return finding


def _begin_snapshot() -> None:
    """All checks see one state of the database, take no locks that votes wait for, and may take their time."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def _find_all() -> Iterator[Finding]:
    for check in CHECKS:
        yield find_broken(check)
    yield find_wrong_estimates()
    yield _find_damaged_releases()


def _find_damaged_releases() -> Finding:
    """Published releases whose files are missing, or differ from the tables in size, SHA-256 or rows."""
    damaged = []
    for release in list_published():
        try:
            verify_release(release=release)
        except Conflict as error:
            damaged.append(f"{release.name} ({error.detail})")
    return Finding("release_files_are_as_published", len(damaged), damaged[:SHOWN])
