"""Plain SQL for the few queries that every page of votes makes: Django would take longer to write them than the server to answer,
and the server longer to plan them than to look."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.db import connection, models
from django.db.backends.utils import CursorWrapper

Row = TypeVar("Row", bound=models.Model)
PARAMETER = re.compile(r"%\((\w+)\)s")


class _Statement(NamedTuple):
    name: str
    prepare: str
    execute: str


def execute_planned(cursor: CursorWrapper, sql: str, values: Mapping[str, Any]) -> None:
    """Executes one statement with named parameters, which the server plans once for each connection.

    Where the kind of a parameter does not follow from its place, `sql` casts it. With PREPARED_STATEMENTS off, as a pooler between
    transactions needs it, it is planned each time.
    """
    if not settings.PREPARED_STATEMENTS:
        cursor.execute(sql, values)
        return
    statement = _describe(sql)
    known = _find_known()
    if statement.name not in known:
        cursor.execute(statement.prepare)
        known.add(statement.name)
    cursor.execute(statement.execute, values)


@cache
def _describe(sql: str) -> _Statement:
    name = f"veriset_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
    places = {parameter: number for number, parameter in enumerate(dict.fromkeys(PARAMETER.findall(sql)), start=1)}
    numbered = PARAMETER.sub(lambda found: f"${places[found[1]]}", sql).replace("%%", "%")
    given = ", ".join(f"%({parameter})s" for parameter in places)
    return _Statement(name, f"PREPARE {name} AS {numbered}", f"EXECUTE {name} ({given})")


def _find_known() -> set[str]:
    """Names that the present connection knows: kept beside it, and forgotten with it."""
    held: tuple[Any, set[str]] | None = getattr(connection, "_prepared", None)
    if held is None or held[0] is not connection.connection:
        held = (connection.connection, set())
        connection._prepared = held  # type: ignore[attr-defined]  # a place of ours on the connection of a thread
    return held[1]


def write_array(values: Iterable[int | float | str]) -> str:
    """Numbers, or words of letters (not NULL), as the text of an array. PostgreSQL reads that many times faster than an expression for each,
    which is what a list becomes."""
    return "{" + ",".join(map(str, values)) + "}"


def name_columns(*kinds: type[models.Model]) -> str:
    """The columns of these tables, as a SELECT lists them; tables go by their own names."""
    return ", ".join(f"{kind._meta.db_table}.{field.column}" for kind in kinds for field in kind._meta.concrete_fields)


def build_models(row: Sequence[Any], *kinds: type[models.Model]) -> list[Any]:
    """One row with the columns of `name_columns` as an instance of each kind; None where an outer join found none."""
    values = iter(row)
    return [_build(kind, [next(values) for _ in kind._meta.concrete_fields]) for kind in kinds]


def _build(kind: type[Row], values: list[Any]) -> Row | None:
    fields = kind._meta.concrete_fields
    found = kind.from_db(connection.alias, [field.attname for field in fields], values)
    return None if found.pk is None else found
