"""The files of a backup and their list, in the form of `sha256sum`: checksum, two spaces, name."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from config.backup.errors import BackupError
from hierarchy.actions.renditions import PART_SUFFIX

LIST = "files.sha256"
CHUNK_BYTES = 1 << 20
SHA256_DIGITS = 64

Report = Callable[[str], None]
Parts = tuple[str, ...]


@dataclass
class Listed:
    """How much stands in a list so far."""

    files: int = 0
    bytes: int = 0
    linked: int = 0


class FileList:
    """Writes the list of a new backup, in the order of the names' parts."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._digest = hashlib.sha256()
        self.listed = Listed()

    def add(self, name: str, sha256: str, size: int) -> None:
        if not name.isprintable() or "\\" in name:
            raise BackupError(f"{name!r} cannot be listed: a name must be printable and without backslashes")
        line = f"{sha256}  {name}\n".encode()
        self._output.write(line)
        self._digest.update(line)
        self.listed.files += 1
        self.listed.bytes += size

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def walk_files(folder: Path) -> Iterator[Parts]:
    """All files below, in the order of their names' parts; none where there is no folder. What is not whole yet is left out.
    BackupError for what is neither file nor folder: it would be missing afterwards."""
    if not folder.exists():
        return
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from ((entry.name, *parts) for parts in walk_files(Path(entry.path)))
        elif not entry.is_file(follow_symlinks=False):
            raise BackupError(f"{entry.path} is neither a file nor a folder")
        elif not entry.name.endswith(PART_SUFFIX):
            yield (entry.name,)


def read_list(folder: Path) -> Iterator[tuple[Parts, str]]:
    """The parts of each name and its checksum. BackupError for a line that is none."""
    path = folder / LIST
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                sha256, name = line[:SHA256_DIGITS], line[SHA256_DIGITS + 2 : -1]
                parts = tuple(name.split("/"))
                if line[SHA256_DIGITS : SHA256_DIGITS + 2] != "  " or {"", ".", ".."} & {*parts}:
                    raise BackupError(f"{path}, line {number} is damaged")
                yield parts, sha256
    except (OSError, UnicodeError) as error:
        raise BackupError(f"{path} cannot be read: {error}") from error


class EarlierFiles:
    """Files of an earlier backup, asked for in the order of the list."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._listed = read_list(folder) if folder else iter(())
        self._next = next(self._listed, None)

    def link(self, parts: Parts, source: Path, target: Path) -> str | None:
        """Makes the target the same file on the disk as the earlier one, where source has kept its size and time of change since; returns
        its checksum. None where it is to be copied."""
        while self._next is not None and self._next[0] < parts:
            self._next = next(self._listed, None)
        if self._folder is None or self._next is None or self._next[0] != parts:
            return None
        earlier = self._folder.joinpath(*parts)
        # Missing, or on another disk.
        with suppress(OSError):
            found, wanted = earlier.stat(), source.stat()
            if (found.st_size, found.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns):
                os.link(earlier, target)
                return self._next[1]
        return None


def copy_file(source: Path, target: Path) -> str:
    """Its checksum, of the bytes that were copied; the time of change is the source's."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(CHUNK_BYTES):
            digest.update(chunk)
            writing.write(chunk)
        found = os.fstat(reading.fileno())
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
    return digest.hexdigest()


def digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
