"""What every read of the API has in common: ETags, what the OpenAPI document says, and who sees which labels."""

from functools import cache
from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page
from django.views.decorators.vary import vary_on_headers
from drf_spectacular.utils import OpenApiResponse, inline_serializer
from rest_framework import serializers
from rest_framework.views import APIView

from hierarchy.api.serializers import ProblemSerializer

PROBLEM_TYPE = "application/problem+json"
PROBLEMS = {
    400: "The request has errors.",
    401: "The token is not valid.",
    403: "This account, or this token, may not read it.",
    404: "There is nothing of this name.",
}


@method_decorator(vary_on_headers("Authorization", "Cookie"), name="dispatch")
@method_decorator(cache_control(private=True, no_cache=True), name="dispatch")
@method_decorator(conditional_page, name="dispatch")
class ReadView(APIView):
    """A view that only reads. Its answers carry an ETag; asked again with If-None-Match, it says 304."""

    http_method_names = ["get", "head", "options"]


def describe_answers(answer: Any, *problems: int) -> dict[Any, Any]:
    """The responses of a view for the OpenAPI document: the answer, 304, and the problem documents by status."""
    return {
        200: answer,
        304: OpenApiResponse(description="What If-None-Match names is still the answer."),
        **{
            (status, PROBLEM_TYPE): OpenApiResponse(ProblemSerializer, description=PROBLEMS[status])
            for status in problems
        },
    }


@cache
def describe_page(row: type[serializers.Serializer[Any]]) -> Any:
    """The envelope of a list of such rows, for the OpenAPI document, where each has one name."""
    return inline_serializer(
        name=row.__name__.replace("Serializer", "Page"),
        fields={
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": row(many=True),
        },
    )
