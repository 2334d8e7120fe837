"""Who may do what: one table of route by role, deny by default. Pages and API ask it; tests are generated from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from hierarchy.rules import CURATORS, Role, find_role

EVERYONE = frozenset(Role)
MEMBERS = frozenset({Role.ANNOTATOR, Role.CURATOR, Role.OPERATOR})
OPERATORS = frozenset({Role.OPERATOR})
NOBODY: frozenset[Role] = frozenset()
READING = frozenset({"GET", "HEAD", "OPTIONS"})
# What a token of a scope may do includes what the scopes before it may.
SCOPES = ("read", "annotate", "curate")


@dataclass(frozen=True)
class Access:
    """Roles that may read (GET, HEAD, OPTIONS) and write (all else); `scope` is what a token needs to write."""

    read: frozenset[Role]
    write: frozenset[Role] = NOBODY
    scope: str = "curate"
    api: bool = False

    def permits(self, role: Role, method: str) -> bool:
        return role in (self.read if method in READING else self.write)

    def permits_scope(self, scope: str, method: str) -> bool:
        needed = "read" if method in READING else self.scope
        return SCOPES.index(scope) >= SCOPES.index(needed)


ROUTES: dict[str, Access] = {
    "home": Access(read=EVERYONE),
    "language": Access(read=EVERYONE, write=EVERYONE),
    "livez": Access(read=EVERYONE),
    "readyz": Access(read=EVERYONE),
    "login": Access(read=EVERYONE, write=EVERYONE),
    "logout": Access(read=NOBODY, write=MEMBERS),
    "signup": Access(read=EVERYONE, write=EVERYONE),
    "password_change": Access(read=MEMBERS, write=MEMBERS),
    "password_change_done": Access(read=MEMBERS),
    "admin-password": Access(read=OPERATORS),
    "password_reset": Access(read=EVERYONE, write=EVERYONE),
    "password_reset_done": Access(read=EVERYONE),
    "password_reset_confirm": Access(read=EVERYONE, write=EVERYONE),
    "password_reset_complete": Access(read=EVERYONE),
    "hierarchy:tree": Access(read=EVERYONE),
    "hierarchy:search": Access(read=EVERYONE),
    "hierarchy:children": Access(read=EVERYONE),
    "hierarchy:synset": Access(read=EVERYONE),
    "hierarchy:synset-safety": Access(read=NOBODY, write=CURATORS),
    # The signature in the address is the permission.
    "hierarchy:picture": Access(read=EVERYONE),
    "hierarchy:releases": Access(read=EVERYONE),
    "hierarchy:release": Access(read=EVERYONE),
    "hierarchy:release-file": Access(read=EVERYONE),
    "annotation:annotate": Access(read=MEMBERS),
    "annotation:lease": Access(read=NOBODY, write=MEMBERS),
    "annotation:submit": Access(read=NOBODY, write=MEMBERS),
    "annotation:return": Access(read=NOBODY, write=MEMBERS),
    "annotation:undo": Access(read=NOBODY, write=MEMBERS),
    "annotation:flag": Access(read=NOBODY, write=MEMBERS),
    "annotation:own-answers": Access(read=MEMBERS),
    "annotation:contest": Access(read=NOBODY, write=MEMBERS),
    "annotation:account": Access(read=MEMBERS),
    # The token in the link is the permission, and what is signed behind it.
    "crowd:enter": Access(read=EVERYONE),
    "crowd:done": Access(read=EVERYONE),
    "annotation:crowd-open": Access(read=NOBODY, write=CURATORS),
    "annotation:crowd": Access(read=CURATORS),
    "annotation:crowd-close": Access(read=NOBODY, write=CURATORS),
    "annotation:crowd-assignments": Access(read=CURATORS),
    "annotation:work": Access(read=MEMBERS),
    "annotation:own-data": Access(read=MEMBERS),
    "annotation:own-data-download": Access(read=MEMBERS),
    "annotation:account-delete": Access(read=MEMBERS, write=MEMBERS),
    "annotation:bar": Access(read=MEMBERS),
    "annotation:appeal-make": Access(read=NOBODY, write=MEMBERS),
    "annotation:token-create": Access(read=NOBODY, write=MEMBERS),
    "annotation:token-revoke": Access(read=NOBODY, write=MEMBERS),
    "annotation:campaigns": Access(read=MEMBERS),
    "annotation:campaign": Access(read=MEMBERS),
    "annotation:campaign-draft": Access(read=CURATORS, write=CURATORS),
    "annotation:campaign-change": Access(read=NOBODY, write=CURATORS),
    "annotation:campaign-layout": Access(read=NOBODY, write=CURATORS),
    "annotation:campaign-policy": Access(read=NOBODY, write=CURATORS),
    "annotation:train": Access(read=MEMBERS, write=MEMBERS),
    "annotation:training": Access(read=CURATORS, write=CURATORS),
    "annotation:training-add": Access(read=NOBODY, write=CURATORS),
    "annotation:training-grant": Access(read=NOBODY, write=CURATORS),
    "annotation:training-item": Access(read=NOBODY, write=CURATORS),
    "annotation:disputes": Access(read=CURATORS),
    "annotation:dispute": Access(read=CURATORS, write=CURATORS),
    "annotation:gold": Access(read=CURATORS),
    "annotation:gold-settle": Access(read=NOBODY, write=CURATORS),
    "annotation:flags": Access(read=CURATORS),
    "annotation:flags-close": Access(read=NOBODY, write=CURATORS),
    "annotation:notes": Access(read=CURATORS, write=CURATORS),
    "annotation:annotators": Access(read=CURATORS),
    "annotation:annotator": Access(read=CURATORS),
    "annotation:annotator-bar": Access(read=NOBODY, write=CURATORS),
    "annotation:annotator-unbar": Access(read=NOBODY, write=CURATORS),
    "annotation:appeals": Access(read=CURATORS),
    "annotation:appeal": Access(read=CURATORS, write=CURATORS),
    "annotation:model": Access(read=CURATORS),
    "annotation:model-estimate": Access(read=NOBODY, write=CURATORS),
    "schema": Access(read=EVERYONE, api=True),
    "api-docs": Access(read=EVERYONE, api=True),
    "api:synset-list": Access(read=EVERYONE, api=True),
    "api:synset-detail": Access(read=EVERYONE, api=True),
    "api:synset-ancestors": Access(read=EVERYONE, api=True),
    "api:synset-descendants": Access(read=EVERYONE, api=True),
    "api:synset-children": Access(read=EVERYONE, api=True),
    "api:synset-images": Access(read=MEMBERS, api=True),
    "api:synset-labels": Access(read=MEMBERS, api=True),
    "api:synset-stats": Access(read=EVERYONE, api=True),
    "api:image-detail": Access(read=MEMBERS, api=True),
    "api:label-list": Access(read=MEMBERS, api=True),
    "api:release-list": Access(read=EVERYONE, api=True),
    "api:release-detail": Access(read=EVERYONE, api=True),
    "api:release-file": Access(read=EVERYONE, api=True),
    "api:campaign-list": Access(read=MEMBERS, api=True),
    "api:campaign-detail": Access(read=MEMBERS, api=True),
    "api:batch-list": Access(read=NOBODY, write=MEMBERS, scope="annotate", api=True),
    "api:batch-detail": Access(read=MEMBERS, write=MEMBERS, scope="annotate", api=True),
    "api:batch-votes": Access(read=NOBODY, write=MEMBERS, scope="annotate", api=True),
    "api:dispute-list": Access(read=CURATORS, api=True),
    "api:dispute-detail": Access(read=CURATORS, api=True),
    "api:dispute-decision": Access(read=NOBODY, write=CURATORS, scope="curate", api=True),
    "api:appeal-list": Access(read=CURATORS, api=True),
    "api:appeal-detail": Access(read=CURATORS, api=True),
    "api:appeal-answer": Access(read=NOBODY, write=CURATORS, scope="curate", api=True),
    "api:me": Access(read=MEMBERS, api=True),
    "api:me-appeal": Access(read=NOBODY, write=MEMBERS, scope="annotate", api=True),
}
# Django's admin is one thing, for operators.
ADMIN = Access(read=OPERATORS, write=OPERATORS)


def _find_access(request: HttpRequest) -> Access | None:
    match = request.resolver_match
    if match is None:
        return None
    if match.namespace == "admin":
        return ADMIN
    return ROUTES.get(match.view_name)


class RouteAccessMiddleware:
    """Refuses pages by the table. API views authenticate by token later and ask RoutePermission."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        access = _find_access(request)
        if access is None:
            raise PermissionDenied
        method = request.method or "GET"
        if access.api or access.permits(find_role(request.user), method):
            return None
        if method in READING and not access.read:
            return HttpResponseNotAllowed(["POST"])
        if method not in READING and not access.write:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path() if method in READING else "")
        raise PermissionDenied


class RoutePermission(BasePermission):
    """The same table for API views: the role of the user, and the scope of the token where one was sent."""

    def has_permission(self, request: Request, view: Any) -> bool:
        access = _find_access(request)
        method = request.method or "GET"
        if access is None or not access.permits(find_role(request.user), method):
            return False
        token: Any = request.auth
        return token is None or access.permits_scope(token.scope, method)


def add_role(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `role` of the user, `is_curator`."""
    role = find_role(request.user) if hasattr(request, "user") else Role.ANONYMOUS
    return {"role": role.value, "is_curator": role in CURATORS}
