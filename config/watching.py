"""The outermost middleware: gives each request its id, writes its line in the log and counts it."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from config.metrics import REQUESTS
from config.trace import Trace, choose_request_id, find_route, run_under

HEADER = "X-Request-ID"
# Whoever asks may write anything for a method.
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
logger = logging.getLogger(__name__)


class WatchMiddleware:
    """For programs as well as for pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.perf_counter()
        request_id = choose_request_id(request.META.get("HTTP_X_REQUEST_ID"))
        with run_under(Trace(request_id)):
            response = self.get_response(request)
            response[HEADER] = request_id
            route, status = find_route(request), response.status_code
            REQUESTS.labels(route, f"{status // 100}xx").inc()
            told = {
                "method": request.method if request.method in METHODS else "other",
                "route": route,
                "status": status,
                "milliseconds": round(1000 * (time.perf_counter() - begun), 1),
                "role": _find_known_role(request),
            }
            logger.info("answered", extra=told)
            # Django would write a second line, outside of the trace.
            response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own place for that
        return response


def _find_known_role(request: HttpRequest) -> str:
    """Of the account, as far as somebody has asked for it already: a line in the log is worth no query."""
    user: Any = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject):
        user = request.__dict__.get("_cached_user")
    role = user.__dict__.get("_role") if hasattr(user, "__dict__") else None
    return str(role or "")
