"""Pages by key: a page begins after the last row of the page before, so rows that come meanwhile move nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

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


def paginate(
    request: Request,
    rows: QuerySet[Any, Any],
    *,
    order_by: Sequence[str],
    parameters: Mapping[str, Any],
    write_rows: Callable[[Sequence[Any]], Any],
) -> Response:
    """The envelope {"next", "previous", "results"} of the page that `limit` and `cursor` of `parameters` ask for.

    A cursor is signed and serves the address it was made for: any other is an InvalidInput.
    """
    cursor = _read_cursor(request, parameters.get(CURSOR))
    page = read_page(rows, order_by=order_by, limit=parameters["limit"], cursor=cursor)

    def write_link(row: Any, *, backwards: bool) -> str:
        values = [_write_value(getattr(row, name.removeprefix("-"))) for name in order_by]
        signed = signing.dumps([backwards, values], salt=_salt(request))
        return replace_query_param(request.build_absolute_uri(), CURSOR, signed)

    return Response(
        {
            "next": write_link(page.rows[-1], backwards=False) if page.has_next else None,
            "previous": write_link(page.rows[0], backwards=True) if page.has_previous else None,
            "results": write_rows(page.rows),
        }
    )


def _read_cursor(request: Request, text: str | None) -> Cursor | None:
    if text is None:
        return None
    try:
        backwards, values = signing.loads(text, salt=_salt(request))
    except signing.BadSignature:
        raise InvalidInput({CURSOR: "This is no cursor of this address: use next and previous as they come."}) from None
    return Cursor(backwards=backwards, values=values)


def _salt(request: Request) -> str:
    return f"cursor {request.path}"


def _write_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
