"""Where workers of external crowds come in by the provider's link, and where they end."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from annotation.actions import crowds as actions
from annotation.models import Assignment, Crowd
from annotation.queries.crowds import count_sent, find_crowd_by_token, sign_path
from hierarchy.errors import Conflict, InvalidInput, NotFound

PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    Crowd.Provider.MTURK: ("assignmentId", "hitId", "workerId", "turkSubmitTo"),
    Crowd.Provider.PROLIFIC: ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID"),
}
WORKER: Mapping[str, str] = {Crowd.Provider.MTURK: "workerId", Crowd.Provider.PROLIFIC: "PROLIFIC_PID"}
REFERENCE: Mapping[str, str] = {Crowd.Provider.MTURK: "assignmentId", Crowd.Provider.PROLIFIC: "SESSION_ID"}


@never_cache
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """With an assignment, leads to its pages; in the provider's preview, says what there is to do. Else says what is wrong."""
    try:
        crowd = find_crowd_by_token(token)
    except NotFound:
        return _refuse(request, _("This link leads to no work: it is not known here."), 404)
    if crowd.provider == Crowd.Provider.MTURK and request.GET.get("assignmentId") == PREVIEW:
        return render(request, "annotation/crowd_preview.html", {"crowd": crowd, "campaign": crowd.campaign})
    problem = _find_problem(crowd, request.GET.dict())
    if problem:
        return _refuse(request, problem, 400)
    worker, reference = request.GET[WORKER[crowd.provider]], request.GET[REFERENCE[crowd.provider]]
    try:
        assignment = actions.begin_assignment(crowd=crowd, worker=worker, reference=reference, at=now())
    except InvalidInput as error:
        return _refuse(request, error.detail, 400)
    except Conflict as error:
        return _refuse(request, error.detail, 409)
    return HttpResponseRedirect(sign_path(crowd, assignment))


def _find_problem(crowd: Crowd, given: Mapping[str, str]) -> str:
    """Which parameter of the link is not what it has to be; nothing where all are."""
    for name in PARAMETERS[crowd.provider]:
        if not given.get(name):
            return _("The link lacks the parameter %(name)s.") % {"name": name}
        if name != "turkSubmitTo" and not ID.fullmatch(given[name]):
            return _("The parameter %(name)s of the link is malformed.") % {"name": name}
    if crowd.provider == Crowd.Provider.MTURK and _read_origin(given["turkSubmitTo"]) != find_submit(crowd):
        return _("The parameter turkSubmitTo of the link must be %(host)s.") % {"host": find_submit(crowd)}
    return ""


def _read_origin(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.path in ("", "/") and not parts.query else ""


def find_submit(crowd: Crowd) -> str:
    """The provider's host that takes what is done."""
    return str(settings.CROWD_SUBMITS["sandbox" if crowd.sandbox else "live"])


@never_cache
def show_done(request: HttpRequest) -> HttpResponse:
    """The end of an assignment: what has to be sent to the provider, by the worker's own press."""
    assignment: Assignment | None = getattr(request, "crowd_assignment", None)
    if assignment is None:
        raise Http404("There is no assignment.")
    crowd = assignment.crowd
    context = {"crowd": crowd, "assignment": assignment, "sent": count_sent(assignment)}
    if crowd.provider == Crowd.Provider.MTURK:
        context["submit_url"] = f"{find_submit(crowd)}/mturk/externalSubmit"
    else:
        context["submit_url"] = f"{settings.CROWD_COMPLETIONS}?{urlencode({'cc': crowd.completion_code})}"
    return render(request, "annotation/crowd_done.html", context)


def _refuse(request: HttpRequest, problem: str, status: int) -> HttpResponse:
    return render(request, "annotation/crowd_refused.html", {"problem": problem}, status=status)
