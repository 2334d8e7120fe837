"""Private folders, the locks on them, and short places for Unix sockets."""

import fcntl
import hashlib
import os
import re
import stat
import tempfile
import time
from pathlib import Path

PRIVATE = 0o700
LOCK_POLL_SECONDS = 0.05
# Linux allows 107 bytes for a socket's path; the longest name in the folder is PostgreSQL's, of 14 with its slash.
SOCKET_FOLDER_BYTES = 90
# Everything else would need quoting in one of the URLs that name the socket.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


class FolderInUseError(Exception):
    """Another process holds the folder."""


def make_private_folder(path: Path) -> Path:
    """Create the folder (and its parents) for this user only, or check that it is so.

    Raises PermissionError when the last part exists and is a link or belongs to somebody else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=PRIVATE, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{path} must be a folder of the user with number {os.geteuid()}")
    path.chmod(PRIVATE)
    return path


def take_lock(path: Path, *, seconds: float = 0.0) -> int:
    """The open file that holds the lock, waiting up to `seconds` for whoever has it.

    The kernel drops the lock when the last process that has this file open is gone, so a lock handed on to a server
    lasts exactly as long as the server and all it forked. Raises FolderInUseError.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                os.close(lock)
                raise FolderInUseError(f"{path.parent} is in use by another process") from None
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return lock


def place_sockets(home: Path) -> Path:
    """A private folder for the sockets of the server at `home`: inside it, or under /tmp when that path would not do."""
    inside = home / "socket"
    if len(os.fsencode(inside)) <= SOCKET_FOLDER_BYTES and PLAIN_PATH.fullmatch(str(inside)):
        return inside
    return Path("/tmp") / _name_for(home)  # noqa: S108 (checked to be this user's own before use)


def place_counters(home: Path) -> Path:
    """A private folder for what the processes of the service at `home` count: in memory where there is such a place.

    The files are mapped, and the kernel kills whoever writes to a mapped file for which the disk has no room.
    """
    memory = Path("/dev/shm")  # noqa: S108 (checked to be this user's own before use)
    return memory / _name_for(home) if os.access(memory, os.W_OK) else home / "metrics"


def _name_for(home: Path) -> str:
    return f"veriset-{os.geteuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def write_atomically(path: Path, text: str) -> None:
    """Replace the file, readable by this user only; a reader sees the old text or the new one, never a part."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)
