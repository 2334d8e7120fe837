"""Workers of external crowds annotate inside an iframe of another site, where no cookie of ours comes: what they may do stands, signed, in
the path. `/crowd/TOKEN/SIGNED/annotate/` is `/annotate/` for the worker of that assignment, and so is what else `ROUTES` names."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import get_script_prefix, set_script_prefix

from annotation.models import Assignment
from annotation.queries.crowds import open_path

INSIDE = re.compile(
    r"(/crowd/(?P<token>[A-Za-z0-9_-]{43})/(?P<signed>[A-Za-z0-9_-]+:[A-Za-z0-9_-]+:[A-Za-z0-9_-]+))(?P<rest>/.*)"
)
ENTRANCE = re.compile(r"/crowd/(?P<token>[A-Za-z0-9_-]{43})/")
# What is there inside an assignment; pages that lead elsewhere lead nowhere there.
ROUTES = frozenset(
    {
        "crowd:done",
        "annotation:annotate",
        "annotation:lease",
        "annotation:submit",
        "annotation:return",
        "annotation:undo",
        "annotation:train",
        "annotation:flag",
        "annotation:bar",
        "annotation:appeal-make",
        "hierarchy:picture",
    }
)
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class CrowdMiddleware:
    """Behind those that find the account and the policy of contents, before the table of routes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        inside, prefix = INSIDE.fullmatch(request.path_info), get_script_prefix()
        framed = inside is not None or ENTRANCE.match(request.path_info) is not None
        if inside is not None:
            _go_inside(request, inside)
        try:
            response = self.get_response(request)
        finally:
            set_script_prefix(prefix)
        if framed:
            _let_frame(response)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if getattr(request, "crowd_refused", False):
            raise Http404("This link is not good any more: begin again at the provider's page.")
        if find_crowd_assignment(request) is None:
            return None
        if request.resolver_match is None or request.resolver_match.view_name not in ROUTES:
            raise Http404("This is not there for workers of a crowd.")
        if request.method not in READING and not _is_own_origin(request):
            raise PermissionDenied("This came from another site.")
        return None


def find_crowd_assignment(request: HttpRequest) -> Assignment | None:
    """For which the request annotates; None for everybody else."""
    found: Assignment | None = getattr(request, "crowd_assignment", None)
    return found


def _go_inside(request: HttpRequest, inside: re.Match[str]) -> None:
    """The rest of the path is what is asked for, by the assignment's account and by no other; addresses that are written lead inside again."""
    assignment = open_path(inside["signed"], token=inside["token"])
    request.path_info = inside["rest"]
    if assignment is None or assignment.annotator.user is None or not assignment.annotator.user.is_active:
        request.crowd_refused = True  # type: ignore[attr-defined]
        return
    request.crowd_assignment = assignment  # type: ignore[attr-defined]
    request.user = assignment.annotator.user
    # The signed path stands for the token, and the origin is looked at.
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    set_script_prefix(inside[1] + "/")


def _is_own_origin(request: HttpRequest) -> bool:
    origin = urlsplit(request.headers.get("Origin", ""))
    return bool(origin.netloc) and origin.netloc == request.get_host()


def _let_frame(response: HttpResponse) -> None:
    """The provider's pages alone may frame it, and its form may end there."""
    response.xframe_options_exempt = True
    response._csp_replace = {"frame-ancestors": list(settings.CROWD_FRAMES)}  # type: ignore[attr-defined]
    response._csp_update = {"form-action": list(settings.CROWD_SUBMITS.values())}  # type: ignore[attr-defined]
