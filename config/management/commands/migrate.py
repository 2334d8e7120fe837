import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg2.errors import DeadlockDetected, LockNotAvailable

LOCK_SECONDS = 3
PAUSE_SECONDS = 5.0
TRIES = 24
IN_USE = (
    "A table was in use all the time; what was migrated before it stays. Find who holds it in pg_stat_activity and pg_locks, and run"
    " this again (docs/operations.md, Runbooks)."
)


class Command(migrate.Command):
    help = (
        f"{migrate.Command.help} While the service runs, it waits for a table at most {LOCK_SECONDS} s, for whoever comes after it waits"
        " as well; then it makes room and tries again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--tries", type=int, default=TRIES, help=f"{PAUSE_SECONDS:.0f} s apart (default: {TRIES})")

    def handle(self, *args: Any, tries: int = TRIES, **options: Any) -> None:
        for left in reversed(range(max(tries, 1))):
            self._limit_waiting(options["database"])
            try:
                super().handle(*args, **options)
            except OperationalError as error:
                if not isinstance(error.__cause__, (LockNotAvailable, DeadlockDetected)):
                    raise
                self._leave_transaction(options["database"])
                if not left:
                    raise CommandError(IN_USE) from error
                self.stderr.write(f"A table is in use; {left} tries are left.")
                time.sleep(PAUSE_SECONDS)
            else:
                return

    def _leave_transaction(self, database: str) -> None:
        """Django leaves it open where a constraint, which it adds last, was what waited."""
        connections[database].close()
        del connections[database]

    def _limit_waiting(self, database: str) -> None:
        """For the session: each migration is a transaction of its own."""
        with connections[database].cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
