"""Columns of many rows as arrays, by COPY's binary format: as they come, never there as bytes all at once."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
# After the signature: flags, and the length of an extension that the server does not send.
HEADER_BYTES = len(SIGNATURE) + 8
TRAILER = b"\xff\xff"
CHUNK_BYTES = 2**20


class _CopiedRows(io.RawIOBase):
    """Takes COPY's bytes as they come and turns whole rows into arrays."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        # Numbers are big-endian: that of the fields, then each field with its length before it.
        sent = ((f"{name} length", ">i4", name, f">{kind}") for name, kind in columns.items())
        fields = [("fields", ">i2"), *((name, kind) for row in sent for name, kind in (row[:2], row[2:]))]
        self.row, self.columns = np.dtype(fields), columns
        self.rest = bytearray()
        self.skip = HEADER_BYTES
        self.chunks: dict[str, list[NDArray[Any]]] = {name: [np.zeros(0, kind)] for name, kind in columns.items()}

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        self.rest += view
        if len(self.rest) >= self.skip + self.row.itemsize:
            self._take_rows()
        return len(view)

    def _take_rows(self) -> None:
        count = (len(self.rest) - self.skip) // self.row.itemsize
        rows = np.frombuffer(self.rest, dtype=self.row, count=count, offset=self.skip)
        for name, kind in self.columns.items():
            self.chunks[name].append(rows[name].astype(kind))
        taken = self.skip + rows.nbytes
        del rows  # a bytearray that is looked at cannot shrink
        del self.rest[:taken]
        self.skip = 0

    def join(self) -> dict[str, NDArray[Any]]:
        assert self.rest[self.skip :] == TRAILER, "the server ends its rows so"
        return {name: np.concatenate(self.chunks.pop(name)) for name in self.columns}


def copy_columns(*, sql: str, values: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """What the query selects, column by column: `columns` names them in order, each with its type of numpy, which is that of
    PostgreSQL in width and kind. None may be NULL. At its peak it takes twice the memory of one column more than it gives."""
    copied = _CopiedRows(columns)
    with connection.cursor() as cursor, io.BufferedWriter(copied, CHUNK_BYTES) as buffer:
        asked = cursor.mogrify(sql, values).decode()
        cursor.copy_expert(f"COPY ({asked}) TO STDOUT (FORMAT binary)", buffer)
    return copied.join()
