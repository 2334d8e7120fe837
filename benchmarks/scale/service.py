"""The service as `make run` starts it, on a filled database, for as long as something is measured."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded.folders import make_private_folder
from config.embedded.postgres import app_url
from config.embedded.process import POLL_SECONDS, Command, StartError, start_child
from config.embedded.programs import Address, answers, describe_services

READY_SECONDS = 60.0


@dataclass(frozen=True)
class Service:
    """Where it answers, and its processes by name."""

    address: Address
    processes: Mapping[str, int]


@contextmanager
def start_service(
    home: Path, *, web_workers: int, change: Callable[[Command], Command] = lambda command: command
) -> Iterator[Service]:
    """Web, worker and beat on the servers of `home`, which run already, each command as `change` makes it. StartError where the web
    server does not answer."""
    with ExitStack() as stack:
        processes = {}
        address, commands = describe(home, web_workers=web_workers)
        for command in commands:
            child = start_child(command=change(command))
            stack.callback(child.stop)
            processes[command.name] = child.pid
        wait_for_answer(address, home)
        yield Service(address, processes)


def describe(home: Path, *, web_workers: int) -> tuple[Address, Sequence[Command]]:
    """Where web is to answer, a free place, and what to start on the servers of `home`, web first."""
    make_private_folder(home / "log")
    address = Address(host="127.0.0.1", port=_find_port())
    return address, describe_services(folder=home, address=address, variables=_describe(home), web_workers=web_workers)


def wait_for_answer(address: Address, home: Path) -> None:
    """StartError where it does not come in time."""
    deadline = time.monotonic() + READY_SECONDS
    while not answers(address):
        if time.monotonic() > deadline:
            raise StartError(f"the web server does not answer; see {home / 'log' / 'web.log'}")
        time.sleep(POLL_SECONDS)


def _describe(home: Path) -> Mapping[str, str]:
    """That of this process, but with the role of the service."""
    return {**os.environ, "DATABASE_URL": app_url(home=home / "postgres"), "ALLOWED_HOSTS": "127.0.0.1"}


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
