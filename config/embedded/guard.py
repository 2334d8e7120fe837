"""A process that outlives a killed supervisor just long enough to end what the supervisor had started.

The death signal asks each service to end; a service may be unable to (a Celery worker waits for its broker), and its own
children never get the signal. The guard waits a few seconds and kills what is left of the process groups.
"""

import os
import signal
import time
from contextlib import suppress

GRACE_SECONDS = 8.0
POLL_SECONDS = 0.1


class Guard:
    """Knows the process groups of the running services. Fork it before any thread is started."""

    def __init__(self, *, kept_file: int) -> None:
        """Fork the guard; besides its pipe it keeps `kept_file` open (a lock)."""
        reading, self._pipe = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _leave_supervisor(kept_files={reading, kept_file})
                _end_groups(_read_groups(reading))
            finally:
                os._exit(0)
        os.close(reading)

    def add(self, pid: int) -> None:
        """From now on the process group `pid` is to end with the supervisor."""
        self._write(f"+{pid}\n")

    def remove(self, pid: int) -> None:
        """The group is gone and its number may be anybody's."""
        self._write(f"-{pid}\n")

    def dismiss(self) -> None:
        """End the guard, and with it whatever group was not removed."""
        os.close(self._pipe)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _write(self, line: str) -> None:
        with suppress(BrokenPipeError):  # somebody killed the guard; the services still have their death signal
            os.write(self._pipe, line.encode())


def _leave_supervisor(*, kept_files: set[int]) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    empty = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(empty, standard)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 (numbers, not paths)
        if int(name) > 2 and int(name) not in kept_files:
            with suppress(OSError):
                os.close(int(name))


def _read_groups(reading: int) -> set[int]:
    """The groups that were left when the supervisor's end of the pipe closed."""
    groups: set[int] = set()
    with os.fdopen(reading) as lines:
        for line in lines:
            (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    return groups


def _end_groups(groups: set[int]) -> None:
    end = time.monotonic() + GRACE_SECONDS
    while groups and time.monotonic() < end:
        groups = {group for group in groups if _signal_group(group, 0)}
        time.sleep(POLL_SECONDS if groups else 0)
    for group in groups:
        _signal_group(group, signal.SIGKILL)


def _signal_group(group: int, number: int) -> bool:
    """Whether the group exists. Its number cannot be reused before that has been False."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
