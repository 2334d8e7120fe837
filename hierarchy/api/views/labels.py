from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from hierarchy.api.pagination import paginate
from hierarchy.api.parameters import LabelListQuery, SynsetLabelsQuery, read_parameters
from hierarchy.api.reading import ReadView, describe_answers, describe_page
from hierarchy.api.serializers import LabelSerializer
from hierarchy.queries.keyset import WINDOW
from hierarchy.queries.labels import LabelFilter, find_labels, read_rows
from hierarchy.queries.synsets import find_synset
from hierarchy.rules import sees_everything

FILTERS = frozenset(field.name for field in fields(LabelFilter))
VISIBILITY = "Curators see current labels; others the labels of the newest published release."
SHORT_PAGES = (
    f"Where few labels meet the filters, a page looks at {WINDOW:,} of them and may hold fewer than asked for, even none: go on while"
    " there is a next one."
)


class LabelListView(ReadView):
    @extend_schema(
        operation_id="list_labels",
        summary="Labels, the oldest first",
        description=f"{VISIBILITY} A label that changes comes again, as the newest. {SHORT_PAGES}",
        parameters=[LabelListQuery],
        responses=describe_answers(describe_page(LabelSerializer), 400, 401, 403),
    )
    def get(self, request: Request) -> Response:
        return _answer(request, read_parameters(request, LabelListQuery))


class SynsetLabelsView(ReadView):
    @extend_schema(
        operation_id="list_synset_labels",
        summary="Labels of one synset, the oldest first",
        description=f"{VISIBILITY} {SHORT_PAGES}",
        parameters=[SynsetLabelsQuery],
        responses=describe_answers(describe_page(LabelSerializer), 400, 401, 403, 404),
    )
    def get(self, request: Request, wnid: str) -> Response:
        parameters = read_parameters(request, SynsetLabelsQuery)
        return _answer(request, {**parameters, "synset": find_synset(wnid).wnid})


def _answer(request: Request, parameters: Mapping[str, Any]) -> Response:
    filters = LabelFilter(**{name: value for name, value in parameters.items() if name in FILTERS})
    found = find_labels(filters=filters, everything=sees_everything(request.user))
    return paginate(
        request,
        found.labels,
        among=found.among,
        order_by=["at", "id"],
        parameters=parameters,
        write_rows=lambda labels: LabelSerializer(read_rows(labels), many=True).data,
    )
