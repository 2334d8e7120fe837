from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.answers import MeAnswer, describe_problems
from annotation.api.reading import ReadView
from annotation.api.roles import find_role, list_scopes
from annotation.models import Vote


class MeView(ReadView):
    @extend_schema(
        operation_id="me",
        summary="Your account as this request's credentials see it",
        responses={200: MeAnswer, **describe_problems()},
    )
    def get(self, request: Request) -> Response:
        role = find_role(request.user)
        found = {
            "username": request.user.username,
            "role": role,
            "scopes": list_scopes(request, role),
            "votes": Vote.objects.standing().filter(annotator__user=request.user).count(),
        }
        return Response(MeAnswer(found).data)
