"""Servers with a database that is filled once and kept."""

import hashlib
import importlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from benchmarks.servers import describe_service
from config.embedded.folders import make_private_folder, write_atomically
from config.embedded.postgres import APP, DATABASE, PORT, start_postgres
from config.embedded.valkey import start_valkey
from config.fetch import ensure_wordnet

FOLDER = Path(__file__).resolve().parents[2] / "var" / "bench" / "scale"
MARKER = "filled.json"
# For one small machine of 24 GB; durability is that of production.
SETTINGS = {
    "shared_buffers": "6GB",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "1GB",
    "max_parallel_maintenance_workers": "2",
}
# While the tables are filled there is nothing to lose: whatever ends it, it begins anew.
FILLING = {"wal_level": "minimal", "max_wal_senders": "0"}
VALKEY_PORT = 6379
Progress = Callable[[str], None]
Fill = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Filled:
    """A database that is full: the folder of its servers, PostgreSQL's process, and the figures of its filling."""

    home: Path
    postgres: int
    figures: dict[str, Any]


@contextmanager
def start_filled(
    *,
    folder: Path,
    questions: int,
    fill: Fill,
    progress: Progress,
    wnids: Sequence[str] | None = None,
    anew: bool = False,
    listen: IPv4Interface | None = None,
) -> Iterator[Filled]:
    """PostgreSQL and Valkey with Django set up on a database of so many questions.

    It lies in a folder of `folder` and is filled by `fill` (fill.fill_database) the first time, and again when the filling
    was cut off, when migrations or `wnids` are others now, and when it is to be made `anew`. With `listen` the
    servers also answer the hosts of that network (describe_remote). StartError where a server cannot start.
    """
    home = folder.resolve() / str(questions)
    make_private_folder(home)
    os.environ.update(describe_service(home))
    django.setup()
    state = _describe_state(wnids)
    if anew or _read_marker(home).get("state") != state:
        progress(f"filling {home} ...")
        figures = _fill(home, progress, lambda: fill(questions=questions, progress=progress, wnids=wnids))
        write_atomically(home / MARKER, json.dumps({"state": state, "figures": figures}))
    with ExitStack() as stack:
        postgres = start_postgres(home=home / "postgres", settings=SETTINGS | _listen(home, listen))
        stack.callback(postgres.stop)
        doors = None if listen is None else (str(listen.ip), VALKEY_PORT)
        stack.callback(start_valkey(home=home / "valkey", listen=doors).stop)
        stack.callback(connections.close_all)
        yield Filled(home, postgres.pid, _read_marker(home)["figures"])


def describe_remote(listen: IPv4Interface) -> dict[str, str]:
    """Where a host of that network finds the servers, with the role of the service."""
    return {
        "DATABASE_URL": f"postgres://{APP}@{listen.ip}:{PORT}/{DATABASE}",
        "REDIS_URL": f"redis://{listen.ip}:{VALKEY_PORT}",
    }


def _listen(home: Path, listen: IPv4Interface | None) -> dict[str, str]:
    """PostgreSQL's settings: the service's role comes in from that network without a password."""
    if listen is None:
        return {}
    rules = home / "pg_hba.conf"
    write_atomically(rules, f"local all all trust\nhost {DATABASE} {APP} {listen.network} trust\n")
    return {"listen_addresses": str(listen.ip), "hba_file": str(rules)}


def _describe_state(wnids: Sequence[str] | None) -> dict[str, Any]:
    """What the rows hang on."""
    migrations = MigrationLoader(None).disk_migrations
    chosen = None if wnids is None else hashlib.sha256("\n".join(wnids).encode()).hexdigest()
    return {"migrations": sorted(".".join(key) for key in migrations), "wnids": chosen}


def _read_marker(home: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((home / MARKER).read_text())
    except FileNotFoundError:
        return {}
    return found


def _fill(home: Path, progress: Progress, fill: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """In an empty database."""
    (home / MARKER).unlink(missing_ok=True)
    shutil.rmtree(home / "postgres", ignore_errors=True)
    with ExitStack() as stack:
        stack.callback(start_postgres(home=home / "postgres", durable=False, settings=SETTINGS | FILLING).stop)
        stack.callback(connections.close_all)
        call_command("migrate", verbosity=0)
        nouns = importlib.import_module("hierarchy.actions.wordnet")
        nouns.import_nouns(path=ensure_wordnet(), at=datetime.now(UTC), progress=progress)
        figures = fill()
    # The server did not see to it that anything reached the disk.
    os.sync()
    return figures
