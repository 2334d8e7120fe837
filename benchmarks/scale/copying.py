"""Rows for COPY's binary format, from columns of numpy: as fast as the server takes them."""

import io
import struct
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray

# One value for all rows: None, the bytes of a text, a bytea or an array, a number of numpy. Or one for each row: numbers,
# texts (S), raw bytes (V); masked where NULL.
Column: TypeAlias = bytes | np.generic | NDArray[Any] | None

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
READ_BYTES = 2**20
# An array of timestamptz, which is type 1184, without elements: no dimensions, no NULL.
NO_TIMES = struct.pack(">iii", 0, 0, 1184)


def copy_rows(cursor: CursorWrapper, table: str, columns: Mapping[str, Column]) -> int:
    """Appends rows to the table; returns how many. One column at least has a value for each row.

    FREEZE: the table must have been truncated in the running transaction.
    """
    count = next(len(column) for column in columns.values() if isinstance(column, np.ndarray))
    content = io.BytesIO(b"".join((HEADER, build_rows(columns, count), TRAILER)))
    names = ", ".join(f'"{name}"' for name in columns)
    cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN (FORMAT binary, FREEZE)", content, size=READ_BYTES)
    return count


def build_rows(columns: Mapping[str, Column], count: int) -> bytes:
    """Each row: the number of its fields, then every field with its length before it, -1 for NULL, which has no bytes."""
    rows = np.zeros(count, dtype=_describe_row(columns))
    rows["fields"] = len(columns)
    kept = None
    for name, column in columns.items():
        if column is None:
            rows[f"{name} length"] = -1
            continue
        rows[name] = np.void(column) if isinstance(column, bytes) else np.ma.getdata(column)
        rows[f"{name} length"] = width = rows.dtype[name].itemsize
        lengths = _find_lengths(column, width)
        if lengths is not None:
            rows[f"{name} length"] = lengths
            kept = np.ones((count, rows.dtype.itemsize), dtype=bool) if kept is None else kept
            first = _find_offset(rows.dtype, name)
            kept[:, first : first + width] = np.arange(width) < lengths[:, np.newaxis]
    content = rows.view(np.uint8).reshape(count, -1)
    return (content if kept is None else content[kept]).tobytes()


def _describe_row(columns: Mapping[str, Column]) -> np.dtype[Any]:
    fields: list[tuple[str, Any]] = [("fields", ">i2")]
    for name, column in columns.items():
        fields.append((f"{name} length", ">i4"))
        if isinstance(column, bytes):
            fields.append((name, f"V{len(column)}"))
        elif column is not None:
            fields.append((name, column.dtype.newbyteorder(">")))
    return np.dtype(fields)


def _find_offset(row: np.dtype[Any], name: str) -> int:
    assert row.fields is not None, "a row has fields"
    return row.fields[name][1]


def _find_lengths(column: Column, width: int) -> NDArray[np.int64] | None:
    """The bytes of each row's value, -1 for NULL; None where all are as wide as the column."""
    if not isinstance(column, np.ndarray) or (column.dtype.kind != "S" and not np.ma.isMaskedArray(column)):
        return None
    lengths = np.char.str_len(np.ma.getdata(column)) if column.dtype.kind == "S" else np.full(len(column), width)
    return np.where(np.ma.getmaskarray(column), -1, lengths)
