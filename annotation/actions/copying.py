"""Many rows of a model at once, by COPY: bulk_create takes ten times as long."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from django.db import connection, models

from hierarchy.actions.copying import copy_rows

ROWS_AT_ONCE = 10_000


def copy_models(*, model: type[models.Model], rows: Iterable[Mapping[str, Any]]) -> int:
    """Appends rows, which all have the same columns in the same order, and returns how many. None and "" are NULL; lists of
    numbers are arrays; a JSON value comes as text."""
    iterator, count = iter(rows), 0
    with connection.cursor() as cursor:
        while chunk := list(islice(iterator, ROWS_AT_ONCE)):
            columns = ", ".join(f'"{name}"' for name in chunk[0])
            written = ([_write(value) for value in row.values()] for row in chunk)
            copy_rows(cursor=cursor, table=model._meta.db_table, columns=columns, rows=written)
            count += len(chunk)
    return count


def _write(value: Any) -> Any:
    # The shortest text of a float that reads back as the same float.
    return "{" + ",".join(map(repr, value)) + "}" if isinstance(value, list) else value
