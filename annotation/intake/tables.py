"""CSV files with named columns, read line by line: what is wrong is noted with its line and column."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

from annotation.intake.problems import Problems
from hierarchy.errors import InvalidInput

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

MAX_LINE_LENGTH = 100_000

# The value of a cell; ValueError says what the cell must be.
ReadCell = Callable[[str], Any]


class _CannotGoOn(Exception):
    """The rest of the file cannot be read."""


def read_table(
    *, path: Path, readers: Mapping[str, ReadCell], checks: Mapping[str, ReadCell], problems: Problems
) -> Iterator[tuple[int, list[Any]]]:
    """(number of the row's first line, values in the order of `readers`) of each row without a problem.

    The first line names the columns: those of `readers` in any order. Those of `checks` may be missing and are only
    looked at; others are ignored. White space around a cell does not count, nor does a blank line. A path that ends
    in .gz is unpacked. Raises InvalidInput for a header that does not do, and OSError for a file that cannot be opened.
    """
    with _open_text(path) as file:
        lines = csv.reader(_bounded_lines(file), strict=True)
        header = _read_header(lines, readers, path.name)
        looked_at = {column: read for column, read in {**readers, **checks}.items() if column in header}
        columns = [(header.index(column), column, read) for column, read in looked_at.items()]
        for line, row in _numbered_rows(lines, problems):
            if len(row) != len(header):
                problems.add(line=line, text=f"{len(row)} cells, the header has {len(header)}")
                continue
            values = list(_read_cells(row, columns, line, problems))
            if len(values) == len(columns):
                yield line, values[: len(readers)]


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    """Bytes that are not UTF-8 are kept as surrogates, so that their own cell is refused."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield io.TextIOWrapper(cast("BinaryIO", file), encoding="utf-8-sig", errors="surrogateescape", newline="")


def _bounded_lines(file: TextIO) -> Iterator[str]:
    try:
        for line in iter(partial(file.readline, MAX_LINE_LENGTH + 1), ""):
            if len(line) > MAX_LINE_LENGTH:
                raise _CannotGoOn(f"more than {MAX_LINE_LENGTH:,} characters")
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _CannotGoOn(f"the packed file is damaged: {error}") from error


def _read_header(lines: "CsvReader", readers: Mapping[str, ReadCell], name: str) -> list[str]:
    place = f"{name} line 1"
    try:
        header = [cell.strip() for cell in next(lines, [])]
    except (csv.Error, _CannotGoOn) as error:
        raise InvalidInput({place: str(error)}) from error
    missing = [column for column in readers if column not in header]
    if missing:
        raise InvalidInput({place: f"the header lacks {', '.join(missing)}; it must name {', '.join(readers)}"})
    if len(set(header)) < len(header):
        raise InvalidInput({place: "the header names a column twice"})
    return header


def _numbered_rows(lines: "CsvReader", problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank with the number of its first line."""
    while True:
        line = lines.line_num + 1
        try:
            row = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            problems.add(line=line, text=f"is not CSV: {error}")
            continue
        except _CannotGoOn as error:
            problems.add(line=line, text=f"{error}; what follows was not read")
            return
        if row:
            yield line, row


def _read_cells(
    row: list[str], columns: list[tuple[int, str, ReadCell]], line: int, problems: Problems
) -> Iterator[Any]:
    """The values of the cells that can be read."""
    for place, column, read in columns:
        try:
            yield read(row[place].strip())
        except ValueError as error:
            problems.add(line=line, column=column, text=str(error))
