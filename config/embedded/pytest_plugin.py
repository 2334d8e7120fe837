"""Starts private servers for a test run before Django reads its settings (`addopts = -p config.embedded.pytest_plugin`).

Each run takes the first folder under var/test/ that no other run holds. DATABASE_URL or REDIS_URL from outside replace
the server; xdist's workers find those of the run that started them.
"""

import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from config.embedded import postgres, valkey
from config.embedded.folders import FolderInUseError, make_private_folder, take_lock
from config.embedded.process import Child, StartError

TEST_FOLDER = Path(__file__).resolve().parents[2] / "var" / "test"
MOST_RUNS = 20
_children: list[Child] = []
_locks: list[int] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """A wrapper comes before pytest-django, which reads the settings in the same hook."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        _start_servers()
    else:
        _separate_files(worker)
    return (yield)


def pytest_unconfigure() -> None:
    while _children:
        _children.pop().stop()
    while _locks:
        os.close(_locks.pop())


def _separate_files(worker: str) -> None:
    """Each of xdist's workers has a database of its own; so it has its files, whose names the databases give."""
    for variable in ("MEDIA_ROOT", "RELEASE_ROOT"):
        os.environ[variable] = str(make_private_folder(Path(os.environ[variable]) / worker))
    os.environ["DELETION_LEDGER"] += f".{worker}"


def _start_servers() -> None:
    folder = _claim_folder()
    for variable, name in (("MEDIA_ROOT", "media"), ("RELEASE_ROOT", "releases"), ("STATIC_ROOT", "static")):
        shutil.rmtree(folder / name, ignore_errors=True)
        os.environ[variable] = str(make_private_folder(folder / name))
    os.environ["DELETION_LEDGER"] = str(folder / "deletions.jsonl")
    for ledger in folder.glob("deletions.jsonl*"):
        ledger.unlink()
    os.environ.update({"SECRET_KEY": "only for tests", "DEBUG": "false", "SECURE": "false", "STATIC_HASHED": "false"})
    if not os.environ.get("DATABASE_URL"):
        home = folder / "postgres"
        _start(lambda: postgres.start_postgres(home=home, durable=False), home=home)
        os.environ["DATABASE_URL"] = postgres.owner_url(home=home)
    if not os.environ.get("REDIS_URL"):
        home = folder / "valkey"
        shutil.rmtree(home / valkey.APPENDED, ignore_errors=True)
        _start(lambda: valkey.start_valkey(home=home), home=home)
        os.environ["REDIS_URL"] = valkey.redis_url(home=home)


def _start(start: Callable[[], Child], *, home: Path) -> None:
    """Start a server; data that a power cut has damaged is made anew, for nobody misses it."""
    try:
        _children.append(start())
    except StartError:
        shutil.rmtree(home / "data", ignore_errors=True)
        try:
            _children.append(start())
        except StartError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)


def _claim_folder() -> Path:
    for number in range(1, MOST_RUNS + 1):
        folder = make_private_folder(TEST_FOLDER / str(number))
        try:
            _locks.append(take_lock(folder / "run.lock"))
        except FolderInUseError:
            continue
        return folder
    return pytest.exit(f"{MOST_RUNS} test runs hold every folder under {TEST_FOLDER}", returncode=1)
