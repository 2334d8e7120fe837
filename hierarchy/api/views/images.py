from collections.abc import Sequence
from time import time
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from hierarchy.api.pagination import paginate
from hierarchy.api.parameters import NoQuery, PageQuery, read_parameters
from hierarchy.api.reading import ReadView, describe_answers, describe_page
from hierarchy.api.serializers import ImageSerializer
from hierarchy.errors import NotFound
from hierarchy.models import Candidate, Image
from hierarchy.queries.synsets import find_synset
from hierarchy.queries.visibility import image_is_for_curators_only, labels_visible_to
from hierarchy.rules import sees_everything

HEX_DIGITS = 64


class SynsetImagesView(ReadView):
    @extend_schema(
        operation_id="list_synset_images",
        summary="Images proposed for a synset: to curators all, to others those with a label they see",
        parameters=[PageQuery],
        responses=describe_answers(describe_page(ImageSerializer), 400, 401, 403, 404),
    )
    def get(self, request: Request, wnid: str) -> Response:
        parameters = read_parameters(request, PageQuery)
        candidates = Candidate.objects.filter(synset=find_synset(wnid)).select_related("image")
        if not sees_everything(request.user):
            labelled = labels_visible_to(everything=False).values("candidate_id")
            candidates = candidates.filter(~image_is_for_curators_only("image_id"), pk__in=labelled)
        return paginate(
            request,
            candidates,
            order_by=["id"],
            parameters=parameters,
            write_rows=lambda found: _write_images(request, [candidate.image for candidate in found]),
        )


class ImageDetailView(ReadView):
    @extend_schema(
        operation_id="read_image",
        summary="One image, with the address of its picture",
        responses=describe_answers(ImageSerializer, 400, 401, 403, 404),
    )
    def get(self, request: Request, sha256: str) -> Response:
        read_parameters(request, NoQuery)
        images = Image.objects.all()
        if not sees_everything(request.user):
            images = images.exclude(image_is_for_curators_only("pk"))
        return Response(_write_images(request, [_find_image(images, sha256)])[0])


def _find_image(images: QuerySet[Image], sha256: str) -> Image:
    try:
        digest = bytes.fromhex(sha256)
    except ValueError:
        digest = b""
    image = images.filter(sha256=digest).first() if len(sha256) == HEX_DIGITS else None
    if image is None:
        raise NotFound(f"There is no image {sha256[:HEX_DIGITS]}.")
    return image


def _write_images(request: Request, images: Sequence[Image]) -> Any:
    return ImageSerializer(images, many=True, context={"request": request, "now": int(time())}).data
