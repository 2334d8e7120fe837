"""How the service says no: problem documents (RFC 9457) for the API, plain pages for people."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from config.problems import PROBLEM_TYPE, wants_problem, write_problem
from hierarchy.errors import Conflict, DomainError, InvalidInput, KeyReused, NotFound, NotPermitted

STATUS_OF: dict[type[DomainError], int] = {
    InvalidInput: 400,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    KeyReused: 422,
}


def find_status(error: DomainError) -> int:
    """HTTP status of an anticipated refusal."""
    return next(status for kind, status in STATUS_OF.items() if isinstance(error, kind))


def describe_problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. Anything not anticipated stays a 500 of Django's."""
    if isinstance(error, DomainError):
        set_rollback()
        status = find_status(error)
        errors = error.fields if isinstance(error, InvalidInput) else None
        return Response(write_problem(status, error.detail, errors), status=status, content_type=PROBLEM_TYPE)
    response = exception_handler(error, dict(context))
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        response.data = write_problem(response.status_code, "The request has errors.", response.data)
    else:
        response.data = write_problem(response.status_code, _find_detail(error))
    response.content_type = PROBLEM_TYPE
    return response


def _find_detail(error: Exception) -> str:
    if isinstance(error, exceptions.APIException):
        return str(error.detail)
    if isinstance(error, Http404):
        return str(error) or "Not found."
    return "You may not do that." if isinstance(error, PermissionDenied) else ""


def _show(request: HttpRequest, status: int, detail: str, way: str = "") -> HttpResponse:
    if wants_problem(request.path):
        return JsonResponse(write_problem(status, detail), status=status, content_type=PROBLEM_TYPE)
    return render(request, f"{status}.html", {"detail": detail, "way": way}, status=status)


def show_bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _show(request, 400, "The request could not be read.")


def show_forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _show(request, 403, str(exception), getattr(exception, "way", ""))


def show_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _show(request, 404, "There is nothing at this address.")


def show_server_error(request: HttpRequest) -> HttpResponse:
    if wants_problem(request.path):
        problem = write_problem(500, "Something went wrong on our side; nothing was half done.")
        return JsonResponse(problem, status=500, content_type=PROBLEM_TYPE)
    return render(request, "500.html", status=500)


def show_csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", {"reason": reason}, status=403)
