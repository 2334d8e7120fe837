"""PostgreSQL's own programs for backups, and what of the database goes into the manifest."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from psycopg2 import sql

from config.backup.errors import BackupError
from config.embedded.postgres import find_programs
from config.embedded.process import Command, StartError, describe_log, start_child

POLL_SECONDS = 0.2
LOCK_MILLISECONDS = 60_000
# A session's key opens an account to whoever has it; after a restore people log in anew.
NOT_KEPT = "public.django_session"
# Variables of libpq that are named like the options of the URL.
LIBPQ_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "channel_binding", "target_session_attrs")

TABLES = """
SELECT space.nspname, class.relname FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
WHERE class.relkind IN ('r', 'p') AND space.nspname NOT LIKE 'pg\\_%%' AND space.nspname <> 'information_schema' ORDER BY 1, 2
"""
GRANTEES = """
SELECT DISTINCT rolname::text FROM (
    SELECT granted.grantee FROM pg_class, aclexplode(relacl) AS granted WHERE granted.grantee <> relowner
    UNION SELECT granted.grantee FROM pg_default_acl, aclexplode(defaclacl) AS granted
    UNION SELECT defaclrole FROM pg_default_acl
) AS named JOIN pg_roles ON pg_roles.oid = named.grantee WHERE rolname NOT LIKE 'pg\\_%%' ORDER BY 1
"""
OWN_DEFAULTS = """
SELECT DISTINCT space.nspname, defaults.defaclobjtype::text, pg_roles.rolname
FROM pg_default_acl AS defaults LEFT JOIN pg_namespace AS space ON space.oid = defaults.defaclnamespace,
     aclexplode(defaults.defaclacl) AS granted JOIN pg_roles ON pg_roles.oid = granted.grantee
WHERE defaults.defaclrole = current_user::regrole AND granted.grantee <> defaults.defaclrole
"""
KINDS = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES", "n": "SCHEMAS"}


@dataclass(frozen=True)
class Described:
    """A database at one moment; `snapshot` is what pg_dump calls it."""

    snapshot: str
    taken_at: str
    postgresql: str
    migrations: list[str]
    roles: list[str]
    rows: dict[str, int]


def use_owner() -> None:
    """From now on this process speaks to the database as the role that owns the tables, and its statements take their time."""
    connection.close()
    connection.settings_dict.update(settings.OWNER_DATABASE)


@contextmanager
def hold_snapshot(report: Callable[[str], None]) -> Iterator[Described]:
    """One state of the database, described, and kept for pg_dump until the end; nobody waits for it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        tables = list_tables()
        if "public.django_migrations" not in tables:
            raise BackupError("The database has no tables of Veriset")
        cursor.execute("SELECT pg_export_snapshot(), now(), current_setting('server_version')")
        snapshot, taken_at, version = cursor.fetchone()
        cursor.execute("SELECT app || '.' || name FROM django_migrations ORDER BY id")
        migrations = [row[0] for row in cursor.fetchall()]
        rows = count_rows(report)
        yield Described(snapshot, taken_at.isoformat(), version, migrations, _list_names(GRANTEES), rows)


def list_tables() -> list[str]:
    """schema.table of each table that is not PostgreSQL's own."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES, [])
        return [f"{schema}.{table}" for schema, table in cursor.fetchall()]


def count_rows(report: Callable[[str], None]) -> dict[str, int]:
    """How many rows each table has, without those whose rows no backup keeps."""
    counts = {}
    with connection.cursor() as cursor:
        for name in list_tables():
            if name != NOT_KEPT:
                report(f"counting {name}")
                cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*name.split(".", 1))))
                counts[name] = int(cursor.fetchone()[0])
    return counts


def find_missing_role(roles: list[str]) -> str | None:
    known = set(_list_names("SELECT rolname::text FROM pg_roles"))
    return next((role for role in roles if role not in known), None)


def drop_default_privileges() -> None:
    """Those that the owner has set in this database. A restore brings those of the backup; kept, they would grant on each restored table what
    was taken from the service's role there."""
    with connection.cursor() as cursor:
        cursor.execute(OWN_DEFAULTS)
        for schema, kind, role in cursor.fetchall():
            place = sql.SQL("IN SCHEMA {} ").format(sql.Identifier(schema)) if schema else sql.SQL("")
            cursor.execute(
                sql.SQL("ALTER DEFAULT PRIVILEGES {}REVOKE ALL ON {} FROM {}").format(
                    place, sql.SQL(KINDS[kind]), sql.Identifier(role)
                )
            )


def dump_database(*, file: Path, snapshot: str, report: Callable[[str], None]) -> None:
    """Writes the whole database as of the snapshot, but the rows of sessions."""
    options = ("--format=custom", f"--snapshot={snapshot}", f"--exclude-table-data={NOT_KEPT}", f"--file={file}")
    patience = f"--lock-wait-timeout={LOCK_MILLISECONDS}"
    _run("pg_dump", *options, patience, report=lambda: report(f"dumping the database: {_measure(file):,} bytes"))


def load_database(*, file: Path, report: Callable[[str], None]) -> None:
    """All of a dump or nothing, in one transaction; tables belong to whoever restores."""
    options = ("--single-transaction", "--exit-on-error", "--no-owner", f"--dbname={settings.OWNER_DATABASE['NAME']}")
    _run("pg_restore", *options, str(file), report=lambda: report("loading the database"))


def _run(program: str, *arguments: str, report: Callable[[], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="veriset-") as folder:
        try:
            command = Command(
                name=program,
                arguments=(str(find_programs() / program), "--no-password", *arguments),
                environment=_describe_environment(settings.OWNER_DATABASE),
                log=Path(folder) / "log",
            )
            child = start_child(command=command)
        except StartError as error:
            raise BackupError(str(error)) from error
        try:
            while not child.wait(seconds=POLL_SECONDS):
                report()
        finally:
            child.stop()
        if child.exit_code != 0:
            raise BackupError(f"{program} ended with code {child.exit_code}{describe_log(command)}")


def _describe_environment(database: Mapping[str, Any]) -> dict[str, str]:
    """The way to the database. A password stands here and not among the arguments, which everybody on the machine can read."""
    given = {
        "PGHOST": database["HOST"],
        "PGPORT": database["PORT"],
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
        "PGDATABASE": database["NAME"],
        **{f"PG{name.upper()}": database["OPTIONS"].get(name) for name in LIBPQ_OPTIONS},
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG") or name == "PGPASSFILE"}
    return {**kept, **{name: str(value) for name, value in given.items() if value}, "PGCLIENTENCODING": "UTF8"}


def _list_names(query: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query, [])
        return [row[0] for row in cursor.fetchall()]


def _measure(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
