"""The environment of the embedded service, and the file through which manage.py finds it."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from config.embedded.folders import FolderInUseError, take_lock, write_atomically

LOCK = "launcher.lock"
SECRET_BYTES = 50


def describe_environment(
    *, folder: Path, database_url: str, redis_url: str, given: Mapping[str, str]
) -> dict[str, str]:
    """The variables of settings.py for a service under `folder`; those in `given` hold where both name one."""
    usual = {
        "SECRET_KEY": read_secret_key(folder=folder),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "MEDIA_ROOT": str(folder / "media"),
        "STATIC_ROOT": str(folder / "static"),
        "RELEASE_ROOT": str(folder / "releases"),
        "DELETION_LEDGER": str(folder / "deletions.jsonl"),
        "DEBUG": "false",
        "SECURE": "false",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
    }
    return usual | {name: given[name] for name in usual if given.get(name)}


def read_secret_key(*, folder: Path) -> str:
    """The key kept in `folder`, made the first time, so that sessions outlive a restart."""
    file = folder / "secret_key"
    if not file.exists():
        write_atomically(file, secrets.token_urlsafe(SECRET_BYTES))
    return file.read_text().strip()


def publish_environment(*, folder: Path, environment: Mapping[str, str]) -> None:
    """Let commands in other terminals find the running service."""
    write_atomically(folder / "environment.json", json.dumps(environment, indent=2))


def withdraw_environment(*, folder: Path) -> None:
    (folder / "environment.json").unlink(missing_ok=True)


def read_running_environment(*, folder: Path) -> dict[str, str]:
    """What the service running in `folder` has published; empty when none runs, even if one was killed there."""
    try:
        variables: dict[str, str] = json.loads((folder / "environment.json").read_text())
        os.close(take_lock(folder / LOCK))
    except FolderInUseError:
        return variables
    except OSError:
        pass
    return {}
