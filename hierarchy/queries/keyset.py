"""Pages by key: a page begins after the last row of the page before, so rows that come meanwhile move nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.core import signing
from django.db.models import Q, QuerySet
from django.http import QueryDict

from hierarchy.errors import InvalidInput

CURSOR = "cursor"
# Rows that a page looks at where rare ones are asked for.
WINDOW = 10_000


@dataclass(frozen=True)
class Cursor:
    """A place between two rows: those after (or, to go back, before) the row with these values of the ordering; `inclusive` takes in that
    row itself."""

    backwards: bool
    values: Sequence[Any]
    inclusive: bool = False


@dataclass(frozen=True)
class Page:
    """`before` and `after` lead back and on; None where nothing lies there."""

    rows: Sequence[Any]
    before: Cursor | None
    after: Cursor | None


def list_page(
    rows: QuerySet[Any, Any],
    *,
    order_by: Sequence[str],
    write_rows: Callable[[Sequence[Any]], Any],
    limit: int,
    address: str,
    among: QuerySet[Any, Any] | None = None,
) -> dict[str, Any]:
    """The envelope {"next", "previous", "results"} of the page at `address`, a whole URL that may name a cursor.

    A cursor is signed and serves the path it was made for: any other is an InvalidInput. `among` as in `read_page`.
    """
    page = read_page(rows, order_by=order_by, limit=limit, cursor=_read_cursor(address), among=among)

    return {
        "next": _write_cursor(address, page.after),
        "previous": _write_cursor(address, page.before),
        "results": write_rows(page.rows),
    }


def read_page(
    rows: QuerySet[Any, Any],
    *,
    order_by: Sequence[str],
    limit: int,
    cursor: Cursor | None,
    among: QuerySet[Any, Any] | None = None,
) -> Page:
    """One page in one query. `order_by` names fields that are unique together, all with "-" for falling or none.

    `among`, a queryset that holds all of `rows` and reads quickly in that order, bounds how far one page looks for rare rows: with
    WINDOW of its rows looked at, the page ends, short or even empty, and the next one goes on there. One query more.
    """
    backwards = cursor is not None and cursor.backwards
    names, falling = [name.removeprefix("-") for name in order_by], order_by[0].startswith("-")
    down = falling != backwards
    rows = _follow(rows, names, cursor, down=down)
    edge = None
    if among is not None:
        edge = _follow(among, names, cursor, down=down).values_list(*names)[WINDOW : WINDOW + 1].first()
    if edge is not None:
        rows = rows.filter(_beyond(names, edge, down=not down, inclusive=True))
    found = list(rows[: limit + 1])
    more, found = len(found) > limit, found[:limit]
    last = _read_values(found[-1], names) if more else edge
    ahead = None if last is None else Cursor(backwards, last)
    behind = None if cursor is None else _turn_back(cursor, found, names)
    if backwards:
        return Page(rows=found[::-1], before=ahead, after=behind)
    return Page(rows=found, before=behind, after=ahead)


def _follow(rows: QuerySet[Any, Any], names: Sequence[str], cursor: Cursor | None, *, down: bool) -> QuerySet[Any, Any]:
    """The rows from the cursor on, in the order in which they are read."""
    if cursor is not None:
        rows = rows.filter(_beyond(names, cursor.values, down=down, inclusive=cursor.inclusive))
    return rows.order_by(*(f"-{name}" if down else name for name in names))


def _turn_back(cursor: Cursor, found: Sequence[Any], names: Sequence[str]) -> Cursor:
    """From the first row found; from where an empty page began, with the row there unless the page had begun with it."""
    if found:
        return Cursor(not cursor.backwards, _read_values(found[0], names))
    return replace(cursor, backwards=not cursor.backwards, inclusive=not cursor.inclusive)


def _read_values(row: Any, names: Sequence[str]) -> list[Any]:
    return [getattr(row, name) for name in names]


def _beyond(names: Sequence[str], values: Sequence[Any], *, down: bool, inclusive: bool) -> Q:
    """The rows whose fields, read as one tuple, lie beyond the values, or there; the bound on the first field serves its index."""
    comparison, name, value = "lt" if down else "gt", names[0], values[0]
    if len(names) == 1:
        return Q(**{f"{name}__{comparison}{'e' * inclusive}": value})
    tied = Q(**{name: value}) & _beyond(names[1:], values[1:], down=down, inclusive=inclusive)
    return Q(**{f"{name}__{comparison}e": value}) & (Q(**{f"{name}__{comparison}": value}) | tied)


def _read_cursor(address: str) -> Cursor | None:
    parts = urlsplit(address)
    text = QueryDict(parts.query).get(CURSOR)
    if text is None:
        return None
    try:
        backwards, values, inclusive = signing.loads(text, salt=_salt(parts.path))
    except (signing.BadSignature, ValueError):
        raise InvalidInput({CURSOR: "This is no cursor of this address: use next and previous as they come."}) from None
    return Cursor(backwards=backwards, values=values, inclusive=inclusive)


def _write_cursor(address: str, cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    parts = urlsplit(address)
    query = QueryDict(parts.query, mutable=True)
    values = [cursor.backwards, [_write_value(value) for value in cursor.values], cursor.inclusive]
    query[CURSOR] = signing.dumps(values, salt=_salt(parts.path))
    return urlunsplit(parts._replace(query=query.urlencode()))


def _salt(path: str) -> str:
    return f"cursor {path}"


def _write_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
