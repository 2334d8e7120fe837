"""Labels as the world reads them: the same fields and the same text in the API, in JSON lines and in CSV."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Protocol

PROBABILITY_PLACES = 6


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label: `image` is the SHA-256 in hexadecimal, `at` the moment of the verdict in UTC.

    `probability`, that the image shows the synset, has six places and is written as Python's repr writes it.
    """

    image: str
    wnid: str
    verdict: str
    probability: float
    votes: int
    source: str
    at: str


COLUMNS = tuple(column.name for column in fields(LabelRow))
_write_json = json.JSONEncoder(separators=(",", ":")).encode


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True)
class LabelFormat:
    header: bytes
    encode: Callable[[LabelRow], bytes]


@dataclass(frozen=True)
class WrittenFile:
    """A finished file; `rows` counts labels, `size` bytes, `sha256` is hexadecimal."""

    name: str
    size: int
    rows: int
    sha256: str


@dataclass
class LabelCounts:
    """How many labels passed, by verdict and by source, and of how many synsets.

    `withheld` counts those left out because their synset is marked sensitive or offensive; `by_synset` has those, too, by
    wnid and verdict.
    """

    rows: int = 0
    synsets: int = 0
    by_verdict: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    withheld: int = 0
    by_synset: Counter[tuple[str, str]] = field(default_factory=Counter)


def write_probability(probability: float) -> float:
    return round(probability, PROBABILITY_PLACES)


def write_time(at: datetime) -> str:
    """UTC with microseconds, always of the same length, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode_json(row: LabelRow) -> bytes:
    return _write_json({name: getattr(row, name) for name in COLUMNS}).encode() + b"\n"


def encode_csv(row: LabelRow) -> bytes:
    """No field can hold a comma, a quote or a line end: digests, wnids, numbers, times and names of verdicts."""
    return ",".join([str(getattr(row, name)) for name in COLUMNS]).encode() + b"\n"


FORMATS: Mapping[str, LabelFormat] = {
    "labels.csv": LabelFormat(header=",".join(COLUMNS).encode() + b"\n", encode=encode_csv),
    "labels.jsonl": LabelFormat(header=b"", encode=encode_json),
}


class MeasuredFile:
    """Writes to a sink and knows size and SHA-256 of what it wrote."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self._sink.write(data)
        self._digest.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def count_labels(rows: Iterable[LabelRow], *, counts: LabelCounts) -> Iterator[LabelRow]:
    """Pass the rows on and add them to `counts`; rows of one synset must follow each other."""
    wnid = None
    for row in rows:
        counts.rows += 1
        counts.synsets += row.wnid != wnid
        counts.by_verdict[row.verdict] += 1
        counts.by_source[row.source] += 1
        wnid = row.wnid
        yield row


def write_labels(rows: Iterable[LabelRow], *, sinks: Mapping[str, Sink]) -> list[WrittenFile]:
    """Write every row to all files in one pass, one row in memory at a time.

    `sinks` are the open binary files by name, each name one of FORMATS. The same rows give the same bytes.
    """
    files = {name: MeasuredFile(sink) for name, sink in sinks.items()}
    for name, file in files.items():
        file.write(FORMATS[name].header)
    written = 0
    for row in rows:
        for name, file in files.items():
            file.write(FORMATS[name].encode(row))
        written += 1
    return [WrittenFile(name, file.size, written, file.sha256) for name, file in files.items()]
