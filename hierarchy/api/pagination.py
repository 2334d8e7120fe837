from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from hierarchy.queries.keyset import list_page


def paginate(
    request: Request,
    rows: QuerySet[Any, Any],
    *,
    order_by: Sequence[str],
    parameters: Mapping[str, Any],
    write_rows: Callable[[Sequence[Any]], Any],
    among: QuerySet[Any, Any] | None = None,
) -> Response:
    """The page that the request's `limit` and `cursor` ask for; `order_by` and `among` as in keyset.read_page."""
    page = list_page(
        rows,
        order_by=order_by,
        write_rows=write_rows,
        limit=parameters["limit"],
        address=request.build_absolute_uri(),
        among=among,
    )
    return Response(page)
