"""A tar, plain or packed with gzip, bzip2 or xz, read once from front to end."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, Self, cast

from hierarchy.intake.gate import Gate
from hierarchy.intake.values import (
    IntakeLimits,
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

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MAX_HEADER_BYTES = 1_000_000
MAX_XZ_MEMORY_BYTES = 256_000_000
RATIO_GRACE_BYTES = 10_000_000

# What tarfile and the unpackers are known to raise for damaged archives; RecursionError: one extended header after another.
_DAMAGE = (
    tarfile.TarError,
    OSError,
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    zlib.error,
    lzma.LZMAError,
)


class _Unpacked(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_tar(*, path: Path, gate: Gate) -> Iterator[SourceItem | Refusal]:
    """The pictures in the order of the archive. Damage ends the reading: the last Refusal says after which member."""
    last = "the start"
    try:
        with ExitStack() as opened:
            packed = opened.enter_context(path.open("rb"))
            stream = _MeteredStream(_unpacked(packed, path.name), packed=packed, limits=gate.limits)
            archive = opened.enter_context(
                tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", tarinfo=_StrictHeader)
            )
            for member in _members(archive, stream):
                last = clean_text(member.name)
                place = clean_text(f"{path.name}: {member.name}")
                read = partial(_read, gate, archive, member, path, place)
                yield from gate.take(place=place, key=member.name, read=read, hidden=is_hidden(member.name))
    except _DAMAGE as error:
        raise SourceStopped(RefusalReason.DAMAGED, f"unreadable after {last}: {clean_text(str(error))}") from error


def _members(archive: tarfile.TarFile, stream: "_MeteredStream") -> Iterator[tarfile.TarInfo]:
    while True:
        stream.ceiling = archive.offset + MAX_HEADER_BYTES
        member = archive.next()
        if member is None:
            return
        archive.members.clear()  # type: ignore[attr-defined] # tarfile keeps them all, and there may be millions
        stream.ceiling = archive.offset + MAX_HEADER_BYTES
        if not member.isdir():
            yield member


def _read(gate: Gate, archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, place: str) -> SourceItem:
    if not member.isreg() or member.issparse():
        raise ItemRefused(RefusalReason.NOT_A_REGULAR_FILE, "a link, a device or a sparse file")
    name = member.name.replace("\\", "/")
    check_picture_name(name)
    wnid = find_wnid(name=name, archive_stem=path.name.partition(".")[0])
    gate.check_size(member.size)
    file = archive.extractfile(member)
    assert file is not None  # it is a regular file
    return SourceItem(place=place, name=clean_text(PurePosixPath(name).name), wnid=wnid, data=file.read())


class _StrictHeader(tarfile.TarInfo):
    """tarfile takes a damaged or a missing header for the end of the archive; here only the end mark, zeros, is that."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise
            raise tarfile.ReadError(str(error)) from error
        if header.size < 0:
            raise tarfile.ReadError("a negative size")
        return header


class _MeteredStream:
    """The unpacked bytes, counted as they are read: in all, against the packed ones, and between one member and the next."""

    def __init__(self, unpacked: _Unpacked, *, packed: IO[bytes], limits: IntakeLimits) -> None:
        self.unpacked = unpacked
        self.packed = packed
        self.limits = limits
        self.total = 0
        self.ceiling = MAX_HEADER_BYTES

    def read(self, size: int) -> bytes:
        block = self.unpacked.read(size)
        self.total += len(block)
        if self.total > self.limits.max_total_bytes:
            raise SourceStopped(RefusalReason.TOO_MANY_BYTES, f"more than {self.limits.max_total_bytes} bytes")
        if self.total > RATIO_GRACE_BYTES + self.packed.tell() * self.limits.max_ratio:
            detail = f"unpacks to more than {self.limits.max_ratio} times its size"
            raise SourceStopped(RefusalReason.SUSPICIOUS_RATIO, detail)
        if self.total > self.ceiling:  # tarfile would read an extended header of any size into memory
            raise SourceStopped(RefusalReason.DAMAGED, f"a header of more than {MAX_HEADER_BYTES} bytes")
        return block


class _XzStream:
    """lzma.open, but with a bound on the memory that the file's own header asks for."""

    def __init__(self, packed: IO[bytes]) -> None:
        self.packed = packed
        self.unpacker = lzma.LZMADecompressor(memlimit=MAX_XZ_MEMORY_BYTES)

    def read(self, size: int) -> bytes:
        block = b""
        while not block and not self.unpacker.eof:
            more = self.packed.read(64 * 1024) if self.unpacker.needs_input else b""
            if self.unpacker.needs_input and not more:
                raise EOFError("the xz file ends too early")
            block = self.unpacker.decompress(more, max_length=size)
        return block


def _unpacked(packed: IO[bytes], name: str) -> _Unpacked:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in (".gz", ".tgz"):
        return gzip.GzipFile(fileobj=packed)
    if suffix in (".bz2", ".tbz2"):
        return bz2.BZ2File(packed)
    return _XzStream(packed) if suffix in (".xz", ".txz") else packed
