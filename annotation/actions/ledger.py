"""The deletion ledger: a file outside the database that says which accounts were deleted, and nothing of whose they were.

One JSON object on a line, only added. A restore of an older backup deletes again what it names.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from hierarchy.actions.renditions import sync_folder

FORMAT = 1
LOCK_SECONDS, LOCK_POLL_SECONDS = 2.0, 0.02


class LedgerError(Exception):
    """The ledger cannot be written, or holds what nobody has written; the message names the file and the line."""


@dataclass(frozen=True)
class Deletion:
    """An account's mark, and when its deletion was asked for."""

    mark: UUID
    at: datetime


def add_deletions(path: Path, deletions: Iterable[Deletion]) -> None:
    """Adds lines; when this returns, they survive a power cut. What a killed process left of a line is cut off.

    LedgerError, and the file is as it was.
    """
    lines = "".join(f"{_encode(deletion)}\n" for deletion in deletions).encode()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            # Before there is a line, so that none is there which may not last.
            sync_folder(path.parent)
            _append(descriptor, lines)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror or error}") from error


def read_deletions(path: Path) -> list[Deletion]:
    """In the order in which they were asked for; none where there is no file. The part of a last line that a killed process left is nothing:
    its deletion did not happen. LedgerError for any other line that cannot be read."""
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror or error}") from error
    return [_decode(path, number, line) for number, line in enumerate(whole.splitlines(), start=1)]


def _lock(descriptor: int) -> None:
    """Others may wait for what the caller holds in the database, so it is not waited for long."""
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return


def _append(descriptor: int, lines: bytes) -> None:
    end = os.lseek(descriptor, 0, os.SEEK_END)
    whole = os.pread(descriptor, end, 0).rfind(b"\n") + 1
    try:
        os.ftruncate(descriptor, whole)
        _write_whole(descriptor, lines)
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, whole)
        raise


def _write_whole(descriptor: int, lines: bytes) -> None:
    if os.write(descriptor, lines) != len(lines):
        raise OSError("the disk is full")


def _encode(deletion: Deletion) -> str:
    return json.dumps({"format": FORMAT, "deleted": str(deletion.mark), "at": deletion.at.isoformat()})


def _decode(path: Path, number: int, line: bytes) -> Deletion:
    try:
        values = json.loads(line)
        if values["format"] != FORMAT:
            raise LedgerError(f"{path}, line {number}: format {values['format']} is not known here")
        return Deletion(UUID(values["deleted"]), datetime.fromisoformat(values["at"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerError(f"{path}, line {number}: no deletion") from error
