"""A web server as it was before there was a gate, to set the gate beside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.scale.service import Service, describe, wait_for_answer
from config.embedded.process import Command, start_child


def strip(command: Command) -> Command:
    """Web with four threads that run what they let in; any other command as it is."""
    if command.name != "web":
        return command
    arguments = [
        "benchmarks.overload.ungated:application" if each == "config.wsgi:application" else each
        for each in command.arguments
    ]
    # Granian's own defaults for what it is told of connections.
    for option in ("--backpressure", "--backlog"):
        place = arguments.index(option)
        del arguments[place : place + 2]
    return replace(command, arguments=(*arguments, "--blocking-threads", "4"))


@contextmanager
def start_bare(home: Path, *, web_workers: int) -> Iterator[Service]:
    """Web alone, beside a service that runs on the servers of `home` already."""
    address, (web, *_) = describe(home, web_workers=web_workers)
    child = start_child(command=replace(strip(web), log=home / "log" / "bare.log"))
    try:
        wait_for_answer(address, home)
        yield Service(address, {"web": child.pid})
    finally:
        child.stop()
