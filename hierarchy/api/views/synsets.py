from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from hierarchy.api.pagination import paginate
from hierarchy.api.parameters import (
    DescendantsQuery,
    InstancesQuery,
    NoQuery,
    PageQuery,
    SynsetListQuery,
    read_parameters,
)
from hierarchy.api.reading import ReadView, describe_answers, describe_page
from hierarchy.api.serializers import (
    RelativeSerializer,
    SynsetDetailSerializer,
    SynsetSerializer,
    SynsetStatsSerializer,
)
from hierarchy.models import Closure, ParentLink, Synset
from hierarchy.queries import counts, synsets
from hierarchy.queries.synsets import Relative
from hierarchy.rules import sees_everything


class SynsetListView(ReadView):
    @extend_schema(
        operation_id="list_synsets",
        summary="All synsets by wnid, or those that a search finds",
        parameters=[SynsetListQuery],
        responses=describe_answers(describe_page(SynsetSerializer), 400, 401),
    )
    def get(self, request: Request) -> Response:
        parameters = read_parameters(request, SynsetListQuery)
        if "q" in parameters:
            found = synsets.search_synsets(parameters["q"], limit=parameters["limit"])
            return Response({"next": None, "previous": None, "results": _write_synsets(found)})
        return paginate(
            request, Synset.objects.all(), order_by=["id"], parameters=parameters, write_rows=_write_synsets
        )


class SynsetDetailView(ReadView):
    @extend_schema(
        operation_id="read_synset",
        summary="One synset, its parents and its path from the root",
        responses=describe_answers(SynsetDetailSerializer, 400, 401, 404),
    )
    def get(self, request: Request, wnid: str) -> Response:
        read_parameters(request, NoQuery)
        synset = synsets.find_synset(wnid)
        return Response(
            {
                **SynsetSerializer(synset).data,
                "parents": _write_relatives(synsets.list_parents(synset.pk)),
                "children": Synset.objects.children_of(synset.pk).count(),
                "path": [{"wnid": step.wnid, "words": step.words} for step in synsets.find_path(synset)],
            }
        )


class SynsetAncestorsView(ReadView):
    @extend_schema(
        operation_id="list_ancestors",
        summary="Synsets above, the nearest first",
        parameters=[PageQuery],
        responses=describe_answers(describe_page(RelativeSerializer), 400, 401, 404),
    )
    def get(self, request: Request, wnid: str) -> Response:
        parameters = read_parameters(request, PageQuery)
        synset = synsets.find_synset(wnid)
        pairs = Closure.objects.filter(descendant_id=synset.pk, distance__gt=0).select_related("ancestor")
        return paginate(
            request,
            pairs,
            order_by=["distance", "ancestor_id"],
            parameters=parameters,
            write_rows=lambda found: _write_relatives(
                [Relative(synset=pair.ancestor, distance=pair.distance, instance=pair.instance) for pair in found]
            ),
        )


class SynsetDescendantsView(ReadView):
    @extend_schema(
        operation_id="list_descendants",
        summary="Synsets below, the nearest first",
        parameters=[DescendantsQuery],
        responses=describe_answers(describe_page(RelativeSerializer), 400, 401, 404),
    )
    def get(self, request: Request, wnid: str) -> Response:
        parameters = read_parameters(request, DescendantsQuery)
        synset = synsets.find_synset(wnid)
        pairs = Closure.objects.filter(ancestor_id=synset.pk, distance__gt=0).select_related("descendant")
        if not parameters["instances"]:
            pairs = pairs.filter(instance=False)
        return paginate(
            request,
            pairs,
            order_by=["distance", "descendant_id"],
            parameters=parameters,
            write_rows=lambda found: _write_relatives(
                [Relative(synset=pair.descendant, distance=pair.distance, instance=pair.instance) for pair in found]
            ),
        )


class SynsetChildrenView(ReadView):
    @extend_schema(
        operation_id="list_children",
        summary="Synsets directly below, instances among them",
        parameters=[PageQuery],
        responses=describe_answers(describe_page(RelativeSerializer), 400, 401, 404),
    )
    def get(self, request: Request, wnid: str) -> Response:
        parameters = read_parameters(request, PageQuery)
        synset = synsets.find_synset(wnid)
        return paginate(
            request,
            ParentLink.objects.filter(parent_id=synset.pk).select_related("child"),
            order_by=["child_id"],
            parameters=parameters,
            write_rows=lambda found: _write_relatives(
                [Relative(synset=link.child, distance=1, instance=link.instance) for link in found]
            ),
        )


class SynsetStatsView(ReadView):
    @extend_schema(
        operation_id="read_synset_stats",
        summary="How many synsets, images and labels lie at and below a synset",
        parameters=[InstancesQuery],
        responses=describe_answers(SynsetStatsSerializer, 400, 401, 404),
    )
    def get(self, request: Request, wnid: str) -> Response:
        parameters = read_parameters(request, InstancesQuery)
        synset = synsets.find_synset(wnid)
        everything = sees_everything(request.user)
        found = counts.count_below(synset.pk, everything=everything, instances=parameters["instances"])
        return Response(SynsetStatsSerializer(found).data)


def _write_synsets(found: Sequence[Synset]) -> Any:
    return SynsetSerializer(found, many=True).data


def _write_relatives(found: Sequence[Relative]) -> Any:
    return RelativeSerializer(found, many=True).data
