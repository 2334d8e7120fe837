"""Rows by COPY, the quickest way into PostgreSQL. Constraints and references hold as they do for INSERT."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper


def copy_rows(
    *, cursor: CursorWrapper, table: str, columns: str, rows: Iterable[Sequence[Any]], texts: str = ""
) -> None:
    """Writes the rows, whose cells are those of `columns`, and holds all of them in memory while it does.

    None is NULL. So is an empty string, except in the columns that `texts` names. Bytes go through `as_bytea`.
    """
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    file.seek(0)
    options = f"FORMAT csv, FORCE_NOT_NULL ({texts})" if texts else "FORMAT csv"
    cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN WITH ({options})", file)


def as_bytea(data: bytes) -> str:
    return rf"\x{data.hex()}"
