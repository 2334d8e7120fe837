from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.actions import bars
from annotation.api.answers import (
    BODY_PROBLEMS,
    AppealAnswer,
    AppealPageAnswer,
    OwnAppealAnswer,
    describe_problems,
)
from annotation.api.bodies import AnswerBody, AppealBody, PageQuery, read_body, read_query
from annotation.api.parsers import ShallowJSONParser
from annotation.api.reading import ReadView
from annotation.api.rows import write_appeal
from annotation.api.visitors import get_user
from annotation.queries.accounts import find_annotator
from annotation.queries.bars import add_evidence, find_appeal, list_open_appeals
from annotation.tasks import ring_doorbell
from hierarchy.queries.keyset import list_page


class AppealsView(ReadView):
    @extend_schema(
        operation_id="appeals_list",
        summary="Appeals that wait for a curator, oldest first",
        parameters=[PageQuery],
        responses={200: AppealPageAnswer, **describe_problems(400)},
    )
    def get(self, request: Request) -> Response:
        query = read_query(request, PageQuery)
        page = list_page(
            list_open_appeals(),
            order_by=["pk"],
            write_rows=lambda rows: [write_appeal(row) for row in add_evidence(rows)],
            limit=query["limit"],
            address=request.build_absolute_uri(),
        )
        return Response(page)


class AppealView(ReadView):
    @extend_schema(
        operation_id="appeals_read",
        summary="An appeal with the bar it is against and how its annotator answered",
        responses={200: AppealAnswer, **describe_problems(404)},
    )
    def get(self, request: Request, appeal_id: int) -> Response:
        return Response(_write(appeal_id))


class AnswerView(APIView):
    parser_classes = [ShallowJSONParser]

    @extend_schema(
        operation_id="appeals_answer",
        summary="Answer an appeal: the bar is lifted, or it stays",
        request=AnswerBody,
        responses={200: AppealAnswer, **describe_problems(*BODY_PROBLEMS, 404, 409)},
    )
    def post(self, request: Request, appeal_id: int) -> Response:
        body = read_body(request, AnswerBody)
        bars.answer_appeal(appeal_id=appeal_id, by=get_user(request), at=now(), **body)
        ring_doorbell()
        return Response(_write(appeal_id))


class MyAppealView(APIView):
    parser_classes = [ShallowJSONParser]

    @extend_schema(
        operation_id="me_appeal",
        summary="Appeal against your bar",
        request=AppealBody,
        responses={201: OwnAppealAnswer, **describe_problems(*BODY_PROBLEMS, 409)},
    )
    def post(self, request: Request) -> Response:
        body = read_body(request, AppealBody)
        annotator = find_annotator(get_user(request))
        appeal = bars.make_appeal(annotator_id=annotator.pk, at=now(), **body)
        return Response(OwnAppealAnswer(appeal).data, status=201)


def _write(appeal_id: int) -> object:
    [evidence] = add_evidence([find_appeal(appeal_id)])
    return write_appeal(evidence)
