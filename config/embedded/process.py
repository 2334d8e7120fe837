"""Child processes that end with their parent and leave nothing of their process group behind (Linux)."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.02
LOG_BYTES = 10_000_000
LOG_TAIL_LINES = 12


class StartError(Exception):
    """A program could not be started, or ended where it should have gone on. The message names its log."""


@dataclass(frozen=True)
class Command:
    """What to start. `death_signal` reaches the program when this process dies, however that happens."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path | None = None  # None: this process's own output
    folder: Path = Path("/")
    standard_input: Path = Path(os.devnull)
    death_signal: signal.Signals = signal.SIGTERM
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)  # tried in this order; SIGKILL follows
    grace_seconds: float = 10.0  # for each stop signal
    held_files: tuple[int, ...] = ()  # open files the program, and all it starts, keeps (locks)


class Child:
    """A started command, leader of its own session. Only the thread that started it may use it."""

    def __init__(self, *, command: Command, process: subprocess.Popen[bytes]) -> None:
        self.command = command
        self.pid = process.pid
        self._process = process

    @property
    def exit_code(self) -> int | None:
        """None until `has_ended` has been True; negative for a signal."""
        return self._process.returncode

    def has_ended(self) -> bool:
        """Whether the program is gone. What is left of its process group is killed then."""
        if self._process.returncode is not None:
            return True
        if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        # Before the program is reaped its number cannot belong to anybody else.
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        return True

    def wait(self, *, seconds: float) -> bool:
        """Whether the program has ended within that time."""
        end = time.monotonic() + seconds
        while not self.has_ended():
            if time.monotonic() > end:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def stop(self) -> None:
        """Ask by each stop signal in turn, then kill the group. Returns when the program is gone."""
        for number in self.command.stop_signals:
            if self.has_ended():
                return
            os.kill(self.pid, number)
            if self.wait(seconds=self.command.grace_seconds):
                return
        self._signal_group(signal.SIGKILL)
        self._process.wait()

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def start_child(*, command: Command) -> Child:
    """Start the command in a session of its own.

    Must be called from the main thread: Linux sends the death signal when the starting thread ends.
    Raises StartError when the program cannot be executed.
    """
    check_platform()
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def die_with_parent() -> None:
        prctl(PR_SET_PDEATHSIG, int(command.death_signal))
        if os.getppid() != parent:  # it died before the call above could take effect
            os.kill(os.getpid(), signal.SIGKILL)

    output = _open_log(command.log) if command.log is not None else None
    try:
        with command.standard_input.open("rb") as standard_input:
            process = subprocess.Popen(
                command.arguments,
                env=dict(command.environment),
                cwd=command.folder,
                stdin=standard_input,
                stdout=output,
                stderr=subprocess.STDOUT if output is not None else None,
                start_new_session=True,
                pass_fds=command.held_files,
                preexec_fn=die_with_parent,  # only makes system calls
            )
    except OSError as error:
        raise StartError(f"{command.name} cannot be started: {error}") from error
    finally:
        if output is not None:
            os.close(output)
    return Child(command=command, process=process)


def run_to_end(*, command: Command, seconds: float) -> None:
    """Run the command; StartError when it fails or takes longer than `seconds`."""
    child = start_child(command=command)
    if not child.wait(seconds=seconds):
        child.stop()
        raise StartError(f"{command.name} took longer than {seconds:.0f} s{describe_log(command)}")
    if child.exit_code != 0:
        raise StartError(f"{command.name} ended with code {child.exit_code}{describe_log(command)}")


def check_platform() -> None:
    """StartError unless this is Linux."""
    if sys.platform != "linux":
        raise StartError("The embedded servers need Linux; elsewhere set DATABASE_URL and REDIS_URL.")


def stop_with_parent(*, number: signal.Signals) -> None:
    """Have the kernel send this process the signal when its parent ends."""
    check_platform()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number))


def runs_with_argument(*, pid: int, argument: str) -> bool:
    """Whether process `pid` is alive and was started with that argument: neither a zombie nor a reused number."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return state not in {"Z", "X"} and os.fsencode(argument) in arguments


def describe_log(command: Command) -> str:
    """The last lines of the command's log and where it is, to end an error message with."""
    if command.log is None:
        return ""
    try:
        lines = command.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    except OSError:
        lines = []
    return "".join(f"\n    {line}" for line in [f"; the end of {command.log}:", *lines])


def _open_log(path: Path) -> int:
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".1.log"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
