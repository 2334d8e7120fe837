"""Pages by key: a page begins after the last row of the page before, so rows that come meanwhile move nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.core import signing
from django.db.models import Q, QuerySet
from django.http import QueryDict

from hierarchy.errors import InvalidInput

CURSOR = "cursor"


@dataclass(frozen=True)
class Cursor:
    """A place between two rows: those after (or, to go back, before) the row with these values of the ordering."""

    backwards: bool
    values: Sequence[Any]


@dataclass(frozen=True)
class Page:
    rows: Sequence[Any]
    has_previous: bool
    has_next: bool


def list_page(
    rows: QuerySet[Any, Any],
    *,
    order_by: Sequence[str],
    write_rows: Callable[[Sequence[Any]], Any],
    limit: int,
    address: str,
) -> dict[str, Any]:
    """The envelope {"next", "previous", "results"} of the page at `address`, a whole URL that may name a cursor.

    A cursor is signed and serves the path it was made for: any other is an InvalidInput.
    """
    page = read_page(rows, order_by=order_by, limit=limit, cursor=_read_cursor(address))

    def write_link(row: Any, *, backwards: bool) -> str:
        values = [_write_value(getattr(row, name.removeprefix("-"))) for name in order_by]
        return _write_cursor(address, Cursor(backwards=backwards, values=values))

    return {
        "next": write_link(page.rows[-1], backwards=False) if page.has_next else None,
        "previous": write_link(page.rows[0], backwards=True) if page.has_previous else None,
        "results": write_rows(page.rows),
    }


def read_page(rows: QuerySet[Any, Any], *, order_by: Sequence[str], limit: int, cursor: Cursor | None) -> Page:
    """One page in one query. `order_by` names fields that are unique together, all with "-" for falling or none."""
    backwards = cursor is not None and cursor.backwards
    names, falling = [name.removeprefix("-") for name in order_by], order_by[0].startswith("-")
    sign = "-" if falling != backwards else ""
    if cursor is not None:
        rows = rows.filter(_beyond(names, cursor.values, "lt" if sign else "gt"))
    found = list(rows.order_by(*(f"{sign}{name}" for name in names))[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    if backwards:
        return Page(rows=found[::-1], has_previous=more, has_next=bool(found))
    return Page(rows=found, has_previous=cursor is not None and bool(found), has_next=more)


def _beyond(names: Sequence[str], values: Sequence[Any], comparison: str) -> Q:
    """The rows whose fields, read as one tuple, lie beyond the values; the bound on the first field serves its index."""
    name, value = names[0], values[0]
    if len(names) == 1:
        return Q(**{f"{name}__{comparison}": value})
    tied = Q(**{name: value}) & _beyond(names[1:], values[1:], comparison)
    return Q(**{f"{name}__{comparison}e": value}) & (Q(**{f"{name}__{comparison}": value}) | tied)


def _read_cursor(address: str) -> Cursor | None:
    parts = urlsplit(address)
    text = QueryDict(parts.query).get(CURSOR)
    if text is None:
        return None
    try:
        backwards, values = signing.loads(text, salt=_salt(parts.path))
    except signing.BadSignature:
        raise InvalidInput({CURSOR: "This is no cursor of this address: use next and previous as they come."}) from None
    return Cursor(backwards=backwards, values=values)


def _write_cursor(address: str, cursor: Cursor) -> str:
    parts = urlsplit(address)
    query = QueryDict(parts.query, mutable=True)
    query[CURSOR] = signing.dumps([cursor.backwards, cursor.values], salt=_salt(parts.path))
    return urlunsplit(parts._replace(query=query.urlencode()))


def _salt(path: str) -> str:
    return f"cursor {path}"


def _write_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
