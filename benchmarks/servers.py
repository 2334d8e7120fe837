"""Private servers with the durability of production, new for each run and gone after it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import django
from django.core.management import call_command

from config.embedded.environment import describe_environment
from config.embedded.folders import make_private_folder
from config.embedded.postgres import owner_url, start_postgres
from config.embedded.valkey import redis_url, start_valkey


@contextmanager
def start_servers(folder: Path) -> Iterator[None]:
    """PostgreSQL and Valkey under `folder`, Django set up on them, the tables made. StartError where one cannot start.

    Whatever DATABASE_URL and REDIS_URL name is left alone.
    """
    make_private_folder(folder)
    with TemporaryDirectory(prefix="run-", dir=folder) as name, ExitStack() as stack:
        home = Path(name)
        stack.callback(start_postgres(home=home / "postgres").stop)
        stack.callback(start_valkey(home=home / "valkey").stop)
        os.environ.update(describe_service(home))
        django.setup()
        call_command("migrate", verbosity=0)
        yield


def describe_service(home: Path) -> dict[str, str]:
    """The environment of a service under `home`, whose folders are made, with the servers in `postgres` and `valkey` there."""
    for name in ("media", "static", "releases"):
        make_private_folder(home / name)
    described = describe_environment(
        folder=home,
        database_url=owner_url(home=home / "postgres"),
        redis_url=redis_url(home=home / "valkey"),
        given={"ALLOWED_HOSTS": "testserver"},
    )
    # Hashed names of static files would need them collected first.
    return described | {"DJANGO_SETTINGS_MODULE": "config.settings", "STATIC_HASHED": "false", "LOG_LEVEL": "ERROR"}
