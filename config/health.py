"""Whether the process lives, and whether the service can take votes."""

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")


def show_livez(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "alive"})


def show_readyz(request: HttpRequest) -> JsonResponse:
    """Ready when votes can be kept: database writable, durable, migrated. Without Redis labels come later: degraded."""
    try:
        problems = _find_problems()
    except DatabaseError:
        problems = ["database"]
    redis = _has_redis()
    status = "not ready" if problems else "ready" if redis else "degraded"
    return JsonResponse({"status": status, "problems": problems, "redis": redis}, status=503 if problems else 200)


def _find_problems() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(DURABILITY)])
        problems = [name for name, setting in cursor.fetchall() if setting != "on"]
        cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'")
        if cursor.fetchone()[0]:
            problems.append("read-only")
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        problems.append("migrations")
    return problems


def _has_redis() -> bool:
    try:
        cache.get("readiness")
    except (RedisError, OSError):
        return False
    return True
