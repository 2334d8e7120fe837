"""The whole service, started as `make run` starts it, with its processes and its database within a test's reach."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psycopg2
import redis

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 300
RESTART_SECONDS = 120
STOP_SECONDS = 40
POLL_SECONDS = 0.05
# Of the test run's own servers, which the service under test must not use; and what would have each process compile anew.
OWN_VARIABLES = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "MEDIA_ROOT",
    "RELEASE_ROOT",
    "DELETION_LEDGER",
    "DATABASE_OWNER_URL",
    "STATIC_ROOT",
    "STATIC_HASHED",
    "DEBUG",
    "SECURE",
    "ALLOWED_HOSTS",
    "PYTHONDONTWRITEBYTECODE",
)


def wait_until(condition, *, seconds: float, what: str):
    """The first true value of `condition()`; fails the test when there is none in time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(POLL_SECONDS)
    return found


def restore_signals() -> None:
    """In a child: what the test run was told to ignore (by nohup, by a shell's `&`) stops the child all the same."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def describe_outside() -> dict[str, str]:
    """The environment without what belongs to the test run itself."""
    return {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}


class Service:
    """PostgreSQL, Valkey, web, worker and beat with the durability of production, kept running by their supervisor.

    `variables` are set besides, such as addresses of servers that run already; `checkout` is where its code is.
    """

    def __init__(self, folder: Path, *, checkout: Path = CHECKOUT, variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.checkout = checkout
        self.variables = variables or {}
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.metrics_port = find_free_port()

    def start(self) -> None:
        command = (sys.executable, "-m", "config.embedded", "run", "--with-parent", "--without-demo")
        given = {
            **describe_outside(),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "METRICS_PORT": str(self.metrics_port),
            **self.variables,
        }
        with (self.folder / "run.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--folder", str(self.folder)],
                cwd=self.checkout,
                env=given,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=restore_signals,
            )
        wait_until(self._is_up, seconds=START_SECONDS, what=f"the service starts, see {self.folder / 'run.log'}")
        self.environment: dict[str, str] = json.loads((self.folder / "environment.json").read_text())

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(STOP_SECONDS)

    def _log(self) -> str:
        return (self.folder / "run.log").read_text()

    def _is_up(self) -> bool:
        assert self._process.poll() is None, self._log()
        return self.is_ready() and {"web", "worker", "beat"} <= self.processes().keys()

    def is_ready(self) -> bool:
        """Whether votes can be kept and Redis answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["status"] == "ready")
        except (OSError, urllib.error.URLError, ValueError):
            return False

    def processes(self) -> dict[str, int]:
        """Process number by name of what the supervisor keeps running."""
        try:
            found: dict[str, int] = json.loads((self.folder / "processes.json").read_text())
        except OSError:
            return {}
        return found

    def kill(self, name: str) -> int:
        """kill -9; returns the number of the process that is gone."""
        killed = self.processes()[name]
        os.kill(killed, signal.SIGKILL)
        return killed

    def wait_for_another(self, name: str, *, than: int) -> None:
        wait_until(
            lambda: self.processes().get(name, than) != than and self.is_ready(),
            seconds=RESTART_SECONDS,
            what=f"{name} runs again",
        )

    def manage(self, *arguments) -> str:
        """Runs a management command in the service's environment and returns what it wrote on standard output."""
        return self.run("manage.py", *arguments)

    def prepare(self, name: str, manifest: Path, *options) -> dict[str, str]:
        """Pictures, a campaign over them and accounts (prepare.py); returns the tokens by account."""
        tokens: dict[str, str] = json.loads(self.run("-m", "tests.functional.prepare", name, manifest, *options))
        return tokens

    def run(self, *arguments) -> str:
        """Runs Python with these arguments in the service's environment and returns what it wrote on standard output."""
        given = {**describe_outside(), **self.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, cwd=self.checkout, env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self._log()}"
        return done.stdout

    def open_database(self):
        """A connection of the service's own role, in autocommit."""
        connection = psycopg2.connect(self.environment["DATABASE_URL"])
        connection.autocommit = True
        return connection

    def ask(self, sql: str, *parameters) -> list[tuple]:
        """The rows of a query; asked again while PostgreSQL is away."""
        return wait_until(lambda: self._try(sql, parameters), seconds=RESTART_SECONDS, what="PostgreSQL answers")[0]

    def _try(self, sql: str, parameters) -> tuple[list[tuple]] | None:
        try:
            with closing(self.open_database()) as connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return (cursor.fetchall(),)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            return None

    def open_redis(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=self.environment["REDIS_URL"].removeprefix("unix://"))
