from django.http import FileResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from hierarchy.api.pagination import paginate
from hierarchy.api.parameters import NoQuery, PageQuery, read_parameters
from hierarchy.api.reading import ReadView, describe_answers, describe_page
from hierarchy.api.serializers import ReleaseDetailSerializer, ReleaseSerializer
from hierarchy.queries import releases

CONTENT_TYPES = {"csv": "text/csv", "jsonl": "application/jsonl", "json": "application/json"}
FILE_ANSWERS = {
    **{(200, kind): OpenApiTypes.BINARY for kind in CONTENT_TYPES.values()},
    **{key: value for key, value in describe_answers(None, 400, 401, 404).items() if key != 200},
}


class ReleaseListView(ReadView):
    @extend_schema(
        operation_id="list_releases",
        summary="Published releases, the newest first",
        parameters=[PageQuery],
        responses=describe_answers(describe_page(ReleaseSerializer), 400, 401),
    )
    def get(self, request: Request) -> Response:
        return paginate(
            request,
            releases.list_published(),
            order_by=["-published_at", "-id"],
            parameters=read_parameters(request, PageQuery),
            write_rows=lambda found: ReleaseSerializer(found, many=True).data,
        )


class ReleaseDetailView(ReadView):
    @extend_schema(
        operation_id="read_release",
        summary="One published release, its manifest and its files",
        responses=describe_answers(ReleaseDetailSerializer, 400, 401, 404),
    )
    def get(self, request: Request, name: str) -> Response:
        read_parameters(request, NoQuery)
        release = releases.find_published(name=name)
        return Response(ReleaseDetailSerializer(release, context={"request": request}).data)


class ReleaseFileView(ReadView):
    @extend_schema(
        operation_id="download_release_file",
        summary="A file of a published release",
        description="Its ETag is its SHA-256.",
        responses=FILE_ANSWERS,
    )
    def get(self, request: Request, name: str, file_name: str) -> HttpResponseBase:
        read_parameters(request, NoQuery)
        file = releases.find_release_file(name=name, file=file_name)
        etag = f'"{bytes(file.sha256).hex()}"'
        unchanged = get_conditional_response(request, etag=etag)
        if unchanged is not None:
            return unchanged
        content = releases.open_release_file(name=name, file=file_name).content
        kind = CONTENT_TYPES[file_name.rpartition(".")[2]]
        response = FileResponse(content, content_type=kind, as_attachment=True, filename=file_name)
        response["ETag"] = etag
        return response
