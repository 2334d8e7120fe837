"""Rows of plain SQL as models, for the few queries that every page of votes makes: Django would take longer to write them than the
server to answer."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)


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
