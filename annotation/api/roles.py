"""What the account of a request may do, as the API tells it."""

from django.contrib.auth.models import AnonymousUser, User
from rest_framework.request import Request

from annotation.models import ApiToken
from annotation.rules import TOKEN_SCOPES_OF_ROLE

OPERATOR = "operator"
CURATOR = "curator"


def find_role(user: User | AnonymousUser) -> str:
    """operator, curator, annotator, or "" for an account without a role."""
    if user.is_superuser:
        return OPERATOR
    groups = set(user.groups.values_list("name", flat=True))
    return next((role for role in (CURATOR, "annotator") if role in groups), "")


def is_curator(user: User | AnonymousUser) -> bool:
    """Curators and operators see what would give annotators a hint."""
    return find_role(user) in (OPERATOR, CURATOR)


def list_scopes(request: Request, role: str) -> list[str]:
    """What this request may do: all that the role may, as far as the token's scope reaches where there is a token."""
    scopes = TOKEN_SCOPES_OF_ROLE.get(CURATOR if role == OPERATOR else role, ())
    if not isinstance(request.auth, ApiToken):
        return list(scopes)
    known = ApiToken.Scope.values
    return [scope for scope in scopes if known.index(scope) <= known.index(request.auth.scope)]
