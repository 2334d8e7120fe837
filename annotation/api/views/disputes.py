from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.actions import disputes
from annotation.api.answers import (
    BODY_PROBLEMS,
    DisputePageAnswer,
    DisputeWithTallyAnswer,
    describe_problems,
)
from annotation.api.bodies import DecisionBody, DisputesQuery, read_body, read_query
from annotation.api.parsers import ShallowJSONParser
from annotation.api.reading import ReadView
from annotation.api.rows import write_dispute
from annotation.api.visitors import get_user
from annotation.queries.disputes import count_answers, find_dispute, list_open_disputes
from hierarchy.queries.keyset import list_page


class DisputesView(ReadView):
    @extend_schema(
        operation_id="disputes_list",
        summary="Disputes that wait for a curator, oldest first",
        parameters=[DisputesQuery],
        responses={200: DisputePageAnswer, **describe_problems(400)},
    )
    def get(self, request: Request) -> Response:
        query = read_query(request, DisputesQuery)
        moment = int(now().timestamp())
        page = list_page(
            list_open_disputes(campaign=query.get("campaign")),
            order_by=["pk"],
            write_rows=lambda rows: [write_dispute(request, row, moment=moment) for row in rows],
            limit=query["limit"],
            address=request.build_absolute_uri(),
        )
        return Response(page)


class DisputeView(ReadView):
    @extend_schema(
        operation_id="disputes_read",
        summary="A dispute with the spread of its votes",
        responses={200: DisputeWithTallyAnswer, **describe_problems(404)},
    )
    def get(self, request: Request, dispute_id: int) -> Response:
        return Response(_write(request, dispute_id))


class DecisionView(APIView):
    parser_classes = [ShallowJSONParser]

    @extend_schema(
        operation_id="disputes_decide",
        summary="Settle a dispute",
        request=DecisionBody,
        responses={200: DisputeWithTallyAnswer, **describe_problems(*BODY_PROBLEMS, 404, 409)},
    )
    def post(self, request: Request, dispute_id: int) -> Response:
        body = read_body(request, DecisionBody)
        disputes.settle_dispute(dispute_id=dispute_id, by=get_user(request), at=now(), **body)
        return Response(_write(request, dispute_id))


def _write(request: Request, dispute_id: int) -> object:
    dispute = find_dispute(dispute_id)
    tally = count_answers(dispute, user=get_user(request))
    return write_dispute(request, dispute, tally, moment=int(now().timestamp()))
