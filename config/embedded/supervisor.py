"""Keeps a set of services running, in order, until it is told to stop."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from config.embedded.folders import FolderInUseError, take_lock, write_atomically
from config.embedded.guard import Guard
from config.embedded.process import Child, Command, StartError, describe_log, start_child

POLL_SECONDS = 0.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHORTEST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LEFTOVER_SECONDS = 20.0
STEADY_SECONDS = 10.0  # a service that ran so long starts again at once when it dies


class StopRequestedError(Exception):
    """A signal asked for the end while something was being waited for."""


@dataclass
class Service:
    """One service and its present child; None while it waits for its next start."""

    name: str
    start: Callable[[], Child]
    child: Child | None
    started_at: float
    due_at: float = 0.0
    pause: float = SHORTEST_PAUSE_SECONDS


class Supervisor:
    """A context: services started inside it run until it ends, in whatever way; they stop in the reverse order.

    `folder`/processes.json always holds {service name: process number}. Only for the main thread.
    """

    def __init__(self, *, folder: Path, report: Callable[[str], None]) -> None:
        self._folder = folder
        self._file = folder / "processes.json"
        self._report = report
        self._services: list[Service] = []
        self._stop_requested = False
        self._earlier_handlers: list[tuple[signal.Signals, object]] = []

    def __enter__(self) -> Self:
        """Waits for services that a killed supervisor of this folder left behind. StartError when they stay."""
        try:
            self._lock = take_lock(self._folder / "services.lock", seconds=LEFTOVER_SECONDS)
        except FolderInUseError as error:
            raise StartError(f"Services started earlier from {self._folder} still run; stop them first") from error
        self._guard = Guard(kept_file=self._lock)
        for number in STOP_SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # nohup asked for a life beyond the terminal
            self._earlier_handlers.append((number, signal.signal(number, self._request_stop)))
        self._publish_processes()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for service in reversed(self._services):
            if service.child is not None:
                self._end(service.child)
        self._guard.dismiss()
        os.close(self._lock)
        self._file.unlink(missing_ok=True)
        for number, handler in self._earlier_handlers:
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned

    def start(self, *, name: str, start: Callable[[], Child]) -> None:
        """Start a service and keep it running. StartError when the first start fails; StopRequestedError."""
        self._check_stop()
        child = start()
        self._guard.add(child.pid)
        self._services.append(Service(name=name, start=start, child=child, started_at=time.monotonic()))
        self._publish_processes()

    def run_to_end(self, *, command: Command) -> None:
        """Run one command while the services are kept running. StartError when it fails; StopRequestedError."""
        self._check_stop()
        child = start_child(command=command)
        self._guard.add(child.pid)
        try:
            while not child.wait(seconds=POLL_SECONDS):
                self._tend()
        finally:
            self._end(child)
        if child.exit_code != 0:
            raise StartError(f"{command.name} ended with code {child.exit_code}{describe_log(command)}")

    def wait_until(self, condition: Callable[[], bool], *, seconds: float) -> bool:
        """Whether the condition came true in time, while the services are kept running. StopRequestedError."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self._tend()
            time.sleep(POLL_SECONDS)
        return True

    def watch(self) -> None:
        """Keep the services running until a signal asks for the end: StopRequestedError."""
        while True:
            self._tend()
            time.sleep(POLL_SECONDS)

    def _tend(self) -> None:
        self._check_stop()
        for service in self._services:
            if service.child is not None and service.child.has_ended():
                self._guard.remove(service.child.pid)
                self._note_end(service, f"ended with code {service.child.exit_code}")
            if service.child is None and time.monotonic() >= service.due_at:
                self._restart(service)

    def _note_end(self, service: Service, reason: str) -> None:
        now = time.monotonic()
        steady = now - service.started_at >= STEADY_SECONDS
        service.pause = SHORTEST_PAUSE_SECONDS if steady else min(2 * service.pause, LONGEST_PAUSE_SECONDS)
        service.child, service.due_at = None, now if steady else now + service.pause
        self._publish_processes()
        self._report(f"{service.name} {reason}; starting it again")

    def _restart(self, service: Service) -> None:
        service.started_at = time.monotonic()
        try:
            service.child = service.start()
        except StartError as error:
            self._note_end(service, f"could not start: {error}")
            return
        self._guard.add(service.child.pid)
        self._publish_processes()

    def _end(self, child: Child) -> None:
        child.stop()
        self._guard.remove(child.pid)

    def _publish_processes(self) -> None:
        numbers = {service.name: service.child.pid for service in self._services if service.child is not None}
        write_atomically(self._file, json.dumps(numbers))

    def _check_stop(self) -> None:
        if self._stop_requested:
            raise StopRequestedError

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_requested = True
