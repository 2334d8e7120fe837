"""Whether the process lives, and whether the service can take votes."""

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from redis.exceptions import RedisError

from config.logs import describe_exception

Found = TypeVar("Found")
logger = logging.getLogger(__name__)
DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")
MEGABYTE = 1_000_000
# Whoever asks more often is told what was found so many seconds ago: anybody may ask, and a write is flushed to disk.
WRITE_SECONDS = 1.0
MIGRATION_SECONDS = 10.0
# As a page of votes does: a row that is not there yet, and the log on disk before the answer. References are looked at on commit.
WRITE = """
INSERT INTO annotation_duequestions (campaign_id, questions, due_at)
SELECT 0, array_agg(number), 'infinity' FROM generate_series(1, 100) AS number
"""
FLUSH = "SELECT pg_logical_emit_message(false, 'veriset', 'readiness', true)"


class Kept(Generic[Found]):
    """What was found is kept in this process for so many seconds. Errors are not kept."""

    def __init__(self, find: Callable[[], Found], *, seconds: float) -> None:
        self._find, self._seconds = find, seconds
        self._kept: tuple[float, Found] | None = None

    def __call__(self) -> Found:
        if self._kept is None or time.monotonic() - self._kept[0] > self._seconds:
            found = self._find()
            self._kept = (time.monotonic(), found)
        return self._kept[1]

    def forget(self) -> None:
        self._kept = None


@cache_control(no_store=True)
def show_livez(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "alive"})


@cache_control(no_store=True)
def show_readyz(request: HttpRequest) -> JsonResponse:
    """Ready when votes can be kept: database written to, durable, migrated; room on the disks. Without Redis labels come later:
    degraded. Problems are named by fixed words; the log says more."""
    problems = [] if _has_room() else ["disk"]
    try:
        problems += find_write_problems()
        problems += find_migration_problems()
    except Error as error:
        logger.warning("The database takes no votes: %s", describe_exception(error))
        problems.append("database")
    redis = _has_redis()
    status = "not ready" if problems else "ready" if redis else "degraded"
    return JsonResponse({"status": status, "problems": problems, "redis": redis}, status=503 if problems else 200)


def _find_write_problems() -> list[str]:
    """Where it is not durable or only read; else a write is tried and taken back, which raises an Error of the database's."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(DURABILITY)])
        problems = [name for name, setting in cursor.fetchall() if setting != "on"]
        cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'")
        if cursor.fetchone()[0]:
            return [*problems, "read-only"]
        cursor.execute(WRITE)
        cursor.execute(FLUSH)
        transaction.set_rollback(True)
    return problems


def _find_migration_problems() -> list[str]:
    executor = MigrationExecutor(connection)
    return ["migrations"] if executor.migration_plan(executor.loader.graph.leaf_nodes()) else []


find_write_problems = Kept(_find_write_problems, seconds=WRITE_SECONDS)
find_migration_problems = Kept(_find_migration_problems, seconds=MIGRATION_SECONDS)


def _has_room() -> bool:
    """For pictures and releases. Of the server's own disk only a write tells."""
    try:
        free = min(shutil.disk_usage(_find_existing(folder)).free for folder in _list_folders())
    except OSError:
        return False
    return free >= settings.LEAST_FREE_MEGABYTES * MEGABYTE


def _list_folders() -> list[Path]:
    return [Path(settings.MEDIA_ROOT), Path(settings.RELEASE_ROOT)]


def _find_existing(folder: Path) -> Path:
    """The folder, or where it is going to be made."""
    return next((path for path in (folder, *folder.parents) if path.exists()), folder)


def _has_redis() -> bool:
    try:
        cache.get("readiness")
    except (RedisError, OSError):
        return False
    return True
