"""A zip, read through its directory; every member is held against its own header."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from hierarchy.intake.gate import Gate
from hierarchy.intake.values import (
    ItemRefused,
    Refusal,
    RefusalReason,
    SourceItem,
    SourceStopped,
    check_picture_name,
    clean_text,
    find_wnid,
    is_hidden,
)

MAX_DIRECTORY_BYTES = 64_000_000  # of some 600,000 members: zipfile holds it all in memory, several times over

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_FLAG_ENCRYPTED = 0x1
_DAMAGE = (zipfile.BadZipFile, OSError, EOFError, ValueError, IndexError, NotImplementedError, struct.error, zlib.error)


class _BoundedFile(io.BufferedReader):
    """Refuses the one read of zipfile whose size is the archive's to choose, that of the directory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"a directory of more than {MAX_DIRECTORY_BYTES} bytes: split the archive")
        return super().read(size)


def read_zip(*, path: Path, gate: Gate) -> Iterator[SourceItem | Refusal]:
    """The pictures in the order in which they lie in the file. A zip without a readable directory gives one Refusal."""
    try:
        with _BoundedFile(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            for member, end in _members(archive):
                place = clean_text(f"{path.name}: {member.filename}")
                read = partial(_read, gate, archive, file, member, end, path, place)
                yield from gate.take(place=place, key=member.filename, read=read, hidden=is_hidden(member.filename))
    except _DAMAGE as error:
        raise SourceStopped(RefusalReason.DAMAGED, clean_text(str(error))) from error


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, int]]:
    """Each file with the offset at which the next member, or the directory, begins."""
    members = sorted(archive.infolist(), key=lambda member: member.header_offset)
    ends = [member.header_offset for member in members[1:]] + [archive.start_dir]
    for member, end in zip(members, ends, strict=True):
        if not member.is_dir():
            yield member, end


def _read(
    gate: Gate,
    archive: zipfile.ZipFile,
    file: _BoundedFile,
    member: zipfile.ZipInfo,
    end: int,
    path: Path,
    place: str,
) -> SourceItem:
    _check_kind(member)
    name = member.filename.replace("\\", "/")
    check_picture_name(name)
    wnid = find_wnid(name=name, archive_stem=path.stem)
    gate.check_size(member.file_size)
    if member.file_size > gate.limits.max_ratio * member.compress_size:
        detail = f"unpacks to more than {gate.limits.max_ratio} times its size"
        raise ItemRefused(RefusalReason.SUSPICIOUS_RATIO, detail)
    try:
        if _end_of_data(file, member) > end:
            raise ItemRefused(RefusalReason.OVERLAPPING, "its data overlap the next member")
        with archive.open(member) as opened:  # compares the name with the local header's
            # With a size, or zipfile would unpack all there is before it looks at the size declared. Checks the checksum.
            data = opened.read(member.file_size + 1)
    except _DAMAGE as error:
        raise ItemRefused(RefusalReason.DAMAGED, clean_text(str(error))) from error
    return SourceItem(place=place, name=clean_text(PurePosixPath(name).name), wnid=wnid, data=data)


def _check_kind(member: zipfile.ZipInfo) -> None:
    if member.flag_bits & _FLAG_ENCRYPTED:
        raise ItemRefused(RefusalReason.ENCRYPTED, "encrypted")
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        raise ItemRefused(RefusalReason.NOT_A_REGULAR_FILE, "a link or a device")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # bzip2 and lzma give zipfile no bound on what one block unpacks to.
        raise ItemRefused(RefusalReason.UNSUPPORTED_COMPRESSION, "only stored and deflated members are taken")


def _end_of_data(file: _BoundedFile, member: zipfile.ZipInfo) -> int:
    """The offset after the member's data, by the lengths in its local header, which the directory does not tell."""
    file.seek(member.header_offset)
    header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return member.header_offset + _LOCAL_HEADER.size + int(header[-2]) + int(header[-1]) + member.compress_size
