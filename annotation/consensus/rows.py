"""Files that may be packed with gzip, and their CSV rows, with the place of every mistake."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, cast

GZIP_MAGIC = b"\x1f\x8b"
DAMAGED_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)
SHOWN_LENGTH = 60


class FileError(ValueError):
    """A file that cannot be used; the message names the file and, where there is one, the line."""

    def __init__(self, *, path: Path, problem: str, line: int | None = None) -> None:
        super().__init__(f"{path}: {problem}" if line is None else f"{path} line {line}: {problem}")


class Names(dict[str, int]):
    """Numbers the values of one column by first appearance: `self[value]` is the number, `names` are the values.

    A value is checked when it is met first: ValueError for an empty one and for one that holds a line break, NUL or bytes
    that are not UTF-8. A spelling with blanks around it is remembered too, as the same name.
    """

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column
        self.names: list[str] = []

    def __missing__(self, spelling: str) -> int:
        name = spelling.strip()
        if not name:
            raise ValueError(f"empty {self.column}")
        if any(character in name for character in "\n\r\0"):
            raise ValueError(f"a line break or NUL in the {self.column} {show(name)}")
        if not name.isascii() and any("\udc80" <= character <= "\udcff" for character in name):
            raise ValueError(f"the {self.column} {show(name)} is not UTF-8")
        if name not in self:
            self[name] = len(self.names)
            self.names.append(name)
        self[spelling] = self[name]
        return self[name]


def show(value: str) -> str:
    """A value for a message: quoted, on one line, and shortened."""
    return repr(value if len(value) <= SHOWN_LENGTH else value[:SHOWN_LENGTH] + "...")


@contextmanager
def open_unpacked(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if it begins like gzip. Raises FileError when it cannot be read or is damaged."""
    try:
        with path.open("rb") as stored:
            if stored.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC):
                with gzip.GzipFile(fileobj=stored) as file:
                    yield cast("BinaryIO", file)
            else:
                yield stored
    except DAMAGED_GZIP as error:
        raise FileError(path=path, problem=f"damaged gzip: {error}") from error
    except OSError as error:
        raise FileError(path=path, problem=f"cannot be read: {error.strerror or error}") from error


def read_rows(*, path: Path, columns: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each row of a CSV file below its header: the line on which it begins, and its values of `columns`, as they stand.

    `columns` are two or more; the header may name them in any order, and others. Bytes that are not UTF-8 come as
    surrogates. Raises FileError for a file that cannot be read, a header that does not name each column once, a row of
    another length and quotes that do not match.
    """
    records = _read_records(path)
    line, header = next(records, (1, []))
    header = [name.strip() for name in header]
    if any(header.count(column) != 1 for column in columns):
        described = f"is {show(','.join(header))}" if header else "but the file is empty"
        problem = f"the header must name each of {', '.join(columns)} once, {described}"
        raise FileError(path=path, line=line, problem=problem)
    pick = itemgetter(*map(header.index, columns))
    for line, record in records:
        if len(record) != len(header):
            problem = f"has {len(record)} fields, the header has {len(header)}"
            raise FileError(path=path, line=line, problem=problem)
        yield line, pick(record)


def _read_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not a blank line, and the line on which it begins."""
    line = 1
    with open_unpacked(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        records = csv.reader(text, strict=True, skipinitialspace=True)
        try:
            for record in records:
                # Where there are two columns, one empty field is a line of blanks.
                if len(record) > 1 or (record and record[0].strip()):
                    yield line, record
                line = records.line_num + 1
        except csv.Error as error:
            raise FileError(path=path, line=line, problem=f"not CSV, perhaps an unbalanced quote: {error}") from error
        except DAMAGED_GZIP as error:
            raise FileError(path=path, line=line, problem=f"damaged gzip: {error}") from error
