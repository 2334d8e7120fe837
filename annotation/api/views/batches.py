from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.actions import batches, votes
from annotation.actions.votes import KEY_LENGTH, GivenVote
from annotation.api.answers import (
    BODY_PROBLEMS,
    BatchAnswer,
    ReceiptAnswer,
    UndoAnswer,
    describe_problems,
)
from annotation.api.bodies import LeaseBody, SubmitBody, read_lease, read_submission
from annotation.api.parsers import ShallowJSONParser
from annotation.api.rows import write_batch
from annotation.api.visitors import get_annotator
from annotation.metrics import count_receipt, watch_lease, watch_votes
from annotation.queries.batches import find_batch
from annotation.tasks import ring_doorbell
from hierarchy.errors import Conflict, InvalidInput

KEY = "Idempotency-Key"
KEY_PARAMETER = OpenApiParameter(
    name=KEY,
    location=OpenApiParameter.HEADER,
    required=True,
    type={"type": "string", "minLength": 1, "maxLength": KEY_LENGTH, "pattern": r"^[\x20-\x7E]+$"},
    description="the client's own; the same key and body again get the same answer and record nothing twice",
)


class BatchesView(APIView):
    parser_classes = [ShallowJSONParser]

    @extend_schema(
        operation_id="batches_lease",
        summary="Lease a page of pictures of one synset",
        request=LeaseBody,
        responses={
            201: BatchAnswer,
            204: OpenApiResponse(description="Nothing is left for this annotator."),
            **describe_problems(*BODY_PROBLEMS, 404, 409),
        },
        parameters=[
            OpenApiParameter(
                name="Location", location=OpenApiParameter.HEADER, response=[201], description="address of the batch"
            )
        ],
    )
    def post(self, request: Request) -> Response:
        with watch_lease():
            body = read_lease(request)
            batch = batches.lease_batch(
                annotator_id=get_annotator(request).pk, campaign_name=body.get("campaign"), size=body.get("size")
            )
        if batch is None:
            return Response(status=204)
        location = request.build_absolute_uri(reverse("api:batch-detail", args=[batch.pk]))
        return Response(write_batch(request, batch), status=201, headers={"Location": location})


class BatchView(APIView):
    @extend_schema(
        operation_id="batches_read",
        summary="A lease again, for its annotator",
        responses={200: BatchAnswer, **describe_problems(404, 409)},
    )
    def get(self, request: Request, batch_id: UUID) -> Response:
        batch = find_batch(get_annotator(request), batch_id)
        if batch.closed_at is not None:
            raise Conflict(f"This batch was {batch.get_outcome_display()} already.")
        return Response(write_batch(request, batch))

    @extend_schema(
        operation_id="batches_return",
        summary="Give a lease back",
        responses={204: OpenApiResponse(description="Others get its pictures at once."), **describe_problems(404, 409)},
    )
    def delete(self, request: Request, batch_id: UUID) -> Response:
        batches.return_batch(annotator_id=get_annotator(request).pk, batch_id=batch_id)
        return Response(status=204)


class BatchVotesView(APIView):
    parser_classes = [ShallowJSONParser]

    @extend_schema(
        operation_id="batches_submit",
        summary="Send the votes on a page, once",
        parameters=[KEY_PARAMETER],
        request=SubmitBody,
        responses={201: ReceiptAnswer, **describe_problems(*BODY_PROBLEMS, 404, 409, 422)},
    )
    def post(self, request: Request, batch_id: UUID) -> Response:
        with watch_votes():
            receipt = votes.submit_batch(
                annotator_id=get_annotator(request).pk,
                batch_id=batch_id,
                key=_read_key(request),
                votes=[_read_vote(vote) for vote in read_submission(request)],
            )
        count_receipt(recorded=receipt.recorded, repeated=receipt.repeated)
        ring_doorbell()
        return Response(ReceiptAnswer(receipt).data, status=201)

    @extend_schema(
        operation_id="batches_undo",
        summary="Take a page of votes back, within the policy's seconds",
        responses={200: UndoAnswer, **describe_problems(404, 409)},
    )
    def delete(self, request: Request, batch_id: UUID) -> Response:
        withdrawn = votes.undo_batch(annotator_id=get_annotator(request).pk, batch_id=batch_id)
        ring_doorbell()
        return Response(UndoAnswer({"batch": batch_id, "withdrawn": withdrawn}).data)


def _read_key(request: Request) -> str:
    key = request.headers.get(KEY)
    if key is None:
        raise InvalidInput({KEY: "This header is required: any text of your own, new for every page."})
    return str(key)


def _read_vote(vote: dict[str, Any]) -> GivenVote:
    return GivenVote(position=vote["position"], answer=vote["answer"], milliseconds=vote.get("milliseconds"))
