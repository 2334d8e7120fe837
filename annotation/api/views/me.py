from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.answers import MeAnswer, describe_problems
from annotation.api.reading import ReadView
from annotation.api.visitors import get_user
from annotation.models import ApiToken, Vote
from annotation.queries.bars import find_bar_of_user
from annotation.queries.batches import list_live_batches
from annotation.rules import TOKEN_SCOPES_OF_ROLE
from hierarchy.rules import Role, find_role


class MeView(ReadView):
    @extend_schema(
        operation_id="me",
        summary="Your account as this request's credentials see it",
        responses={200: MeAnswer, **describe_problems()},
    )
    def get(self, request: Request) -> Response:
        user = get_user(request)
        role = find_role(user)
        found = {
            "username": user.username,
            "role": role,
            "scopes": _list_scopes(request, role),
            "open_batches": list_live_batches(user),
            "votes": Vote.objects.standing().filter(annotator__user=user).count(),
        }
        return Response(MeAnswer(found | {"bar": _find_bar(user)}).data)


def _find_bar(user: User) -> dict[str, Any] | None:
    bar = find_bar_of_user(user)
    if bar is None:
        return None
    names = ("code", "reason", "by_engine", "begun_at")
    return {**{name: getattr(bar, name) for name in names}, "appeal": bar.appeals.order_by("-pk").first()}


def _list_scopes(request: Request, role: Role) -> list[str]:
    """What this request may do: all that the role may, as far as the token's scope reaches where there is a token."""
    scopes = TOKEN_SCOPES_OF_ROLE[Role.CURATOR if role == Role.OPERATOR else role]
    if not isinstance(request.auth, ApiToken):
        return list(scopes)
    known = ApiToken.Scope.values
    return [scope for scope in scopes if known.index(scope) <= known.index(request.auth.scope)]
