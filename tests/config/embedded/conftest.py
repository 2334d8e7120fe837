import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from config.embedded.postgres import start_postgres

CHECKOUT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 20


def wait_until(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.02)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def restore_signals():
    """In a child: what the test run was told to ignore (by nohup, by a shell's `&`) stops the child all the same."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def own_environment():
    """Without the servers of the test run, which would keep the launcher from starting its own."""
    replaced = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "PORT", "HOST"}
    return {key: value for key, value in os.environ.items() if key not in replaced}


@pytest.fixture
def tmp_path():
    """Shorter than pytest's own, so that sockets fit into it."""
    with tempfile.TemporaryDirectory(prefix="embedded-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def new_home():
    """A folder whose PostgreSQL data has been created, with no server running: to be copied."""
    with tempfile.TemporaryDirectory(prefix="embedded-") as folder:
        start_postgres(home=Path(folder), durable=False).stop()
        yield Path(folder)


@pytest.fixture
def run_script():
    """Runs Python source in a process of its own; killed at the end if it still runs."""
    started: list[Any] = []

    def run(source, *arguments, prefix=()):
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", source, *map(str, arguments)],
            cwd=CHECKOUT,
            env=own_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=restore_signals,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def children():
    """A list; the children put into it are stopped at the end."""
    started: list[Any] = []
    yield started
    for child in reversed(started):
        child.stop()
