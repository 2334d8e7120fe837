"""Databases for backups and restores: empty ones on the server of the test run, and commands that work on them."""

import hashlib
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from config.backup.database import NOT_KEPT
from tests.functional.service import CHECKOUT, describe_outside

# What a command of the service finds set, but its database and folders.
GIVEN = {"SECRET_KEY": "only for tests", "SECURE": "false", "STATIC_HASHED": "false"}


def name_database(url: str, name: str, *, role: str | None = None) -> str:
    """The URL of another database of the same server."""
    parts = urlsplit(url)
    user, _, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{role or user}@{place}", path=f"/{name}").geturl()


class Place:
    """A database with the folders beside it: `home` holds media, releases and the deletion ledger."""

    def __init__(self, *, server: str, name: str, home: Path) -> None:
        self.name, self.home, self.server = name, home, server
        self.url = name_database(server, name)
        self.app_url = name_database(server, name, role="veriset_app")

    def create(self) -> None:
        self._tell(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"))
        self._tell(sql.SQL("CREATE DATABASE {}"))

    def drop(self) -> None:
        self._tell(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"))

    def _tell(self, statement: sql.SQL) -> None:
        with closing(psycopg2.connect(self.server)) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement.format(sql.Identifier(self.name)))

    def environment(self) -> dict[str, str]:
        return {
            **describe_outside(),
            **GIVEN,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": self.app_url,
            "DATABASE_OWNER_URL": self.url,
            "REDIS_URL": os.environ["REDIS_URL"],
            "MEDIA_ROOT": str(self.home / "media"),
            "RELEASE_ROOT": str(self.home / "releases"),
            "DELETION_LEDGER": str(self.home / "deletions.jsonl"),
        }

    def run(self, *arguments, **changed: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, arguments)]
        environment = self.environment() | changed
        return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)

    def manage(self, *arguments, **changed: str) -> str:
        """Standard output of a command that must succeed."""
        done = self.run("manage.py", *arguments, **changed)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def refuse(self, *arguments, **changed: str) -> str:
        """What a command complains about that must fail."""
        done = self.run("manage.py", *arguments, **changed)
        assert done.returncode == 1, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stderr

    def ask(self, query: str, *parameters, app: bool = False) -> list[tuple]:
        with closing(psycopg2.connect(self.app_url if app else self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall()

    def tell(self, statement: str) -> None:
        """Executes it as the role that owns the tables."""
        with closing(psycopg2.connect(self.url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def may(self, privilege: str, table: str) -> bool:
        """Whether the service's role may do that."""
        return self.ask("SELECT has_table_privilege('veriset_app', %s, %s)", table, privilege)[0][0]

    def digest_tables(self) -> dict[str, str]:
        """By table, of all rows, in whatever order they lie."""
        tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        return {
            name: self.ask(
                f"SELECT count(*) || ' ' || md5(coalesce(string_agg(line, '|' ORDER BY line), '')) FROM (SELECT one::text AS line FROM {name} AS one) AS each"
            )[0][0]
            for (name,) in self.ask(tables)
            if f"public.{name}" != NOT_KEPT
        }

    def digest_files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.home)): hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in ("media", "releases")
            for path in sorted((self.home / folder).rglob("*"))
            if path.is_file()
        }
