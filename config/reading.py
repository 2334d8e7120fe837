"""Reads environment variables for settings.py; a bad value is an ImproperlyConfigured that names the variable."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
Parsed = TypeVar("Parsed")


def read_whole_number(name: str, *, default: int, minimum: int, maximum: int) -> int:
    try:
        value = env.int(name, default=default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number: {error}") from error
    if not minimum <= value <= maximum:
        raise ImproperlyConfigured(f"{name} must be between {minimum} and {maximum}, not {value}")
    return int(value)


def read_switch(name: str, *, default: bool) -> bool:
    value = str(env.str(name, default=str(default))).strip().lower()
    if value in {"true", "1", "yes", "on"}:
        return True
    if value in {"false", "0", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}")


def read_path(name: str, *, default: str, kind: str) -> str:
    path = env.str(name, default=str(BASE_DIR / "var" / default))
    if not path:
        raise ImproperlyConfigured(f"{name} must name a {kind}, or be left unset")
    return str(environ.Path(path)())


def read_log_level() -> str:
    level = str(env.str("LOG_LEVEL", default="INFO")).upper()
    if level not in logging.getLevelNamesMapping():
        raise ImproperlyConfigured(f"LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not {level!r}")
    return level


def read_log_format() -> str:
    written = str(env.str("LOG_FORMAT", default="json")).lower()
    if written not in {"json", "text"}:
        raise ImproperlyConfigured(f"LOG_FORMAT must be json or text, not {written!r}")
    return written


def parse_url(name: str, url: str, parse: Callable[[str], Parsed]) -> Parsed:
    """What `parse` makes of the URL; its ValueError becomes a complaint about the variable."""
    try:
        urlsplit(url).port  # noqa: B018 (reading it checks it)
        return parse(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is no URL: {error}") from error


def read_email() -> dict[str, Any]:
    url = env.str("EMAIL_URL", default="consolemail://")
    parts = parse_url("EMAIL_URL", url, urlsplit)
    if parts.scheme not in environ.Env.EMAIL_SCHEMES or (parts.scheme.startswith("smtp") and not parts.hostname):
        raise ImproperlyConfigured("EMAIL_URL must be consolemail:// or smtp://user:password@host:port")
    config: dict[str, Any] = environ.Env.email_url_config(url)
    return config


def read_database(name: str, *, seconds: int, default: str) -> dict[str, Any]:
    """What the variable of this name says, with this limit for a statement (0: none)."""
    # Set but empty counts as unset, as it does for the launcher.
    url = env.str(name, default="") or default
    scheme = parse_url(name, url, urlsplit).scheme
    if scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must start with postgres://, not {scheme!r}")
    database: dict[str, Any] = parse_url(name, url, environ.Env.db_url_config)
    if not database["NAME"]:
        raise ImproperlyConfigured(f"{name} must name a database: postgres://user@host/database")
    limits = {
        "statement_timeout": f"{seconds}s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "60s",
        "synchronous_commit": "on",
        # What is planned once is planned for any values: each looks at a few rows of one index.
        "plan_cache_mode": "force_generic_plan",
    }
    # A socket's folder is written with %2F for its slashes, as libpq reads it.
    database["HOST"] = unquote(database["HOST"])
    database["OPTIONS"] = {
        **database.get("OPTIONS", {}),
        "options": " ".join(f"-c {key}={value}" for key, value in limits.items()),
        "connect_timeout": 5,
    }
    return {**database, "ENGINE": "config.postgresql", "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


def read_redis() -> tuple[str, str]:
    """(Celery's broker URL on database 0, Django's cache URL on database 1) from REDIS_URL.

    REDIS_URL is redis://host:port, rediss://host:port or unix:///path/to/socket.
    """
    url = env.str("REDIS_URL", default="redis://localhost:6379").rstrip("/")
    parts = parse_url("REDIS_URL", url, urlsplit)
    if parts.scheme in {"redis", "rediss"} and parts.hostname and parts.path == "":
        return f"{url}/0", f"{url}/1"
    if parts.scheme == "unix" and parts.path and not parts.query:
        return f"redis+socket://{parts.path}?virtual_host=0", f"unix://{parts.path}?db=1"
    raise ImproperlyConfigured(
        "REDIS_URL must be redis://host:port, rediss://host:port or unix:///path, without a database"
    )
