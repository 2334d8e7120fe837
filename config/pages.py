"""Middlewares that pages need and programs do not."""

from typing import Any

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin

ENGLISH_PATHS = ("/api/", "/admin/")


def is_program(request: HttpRequest) -> bool:
    """Whether it goes to the API and brings a token: then it has no session, no language and no page. What the table of access says of
    it, the API asks later."""
    brought = request.META.get("HTTP_AUTHORIZATION", "")
    return request.path_info.startswith("/api/v1/") and brought[:6].lower() == "token "


class PagesOnly(MiddlewareMixin):
    """Lets programs pass by, which spares them a tenth of their processor time."""

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if is_program(request) else super().__call__(request)


class Session(PagesOnly, SessionMiddleware):
    pass


class Locale(LocaleMiddleware):
    """Pages in the language of the reader: of the cookie that the page of languages sets, else of Accept-Language. The API and the admin
    are in English, whoever asks (docs/adr/0037)."""

    def __call__(self, request: HttpRequest) -> Any:
        if not request.path_info.startswith(ENGLISH_PATHS):
            return super().__call__(request)
        # The thread's last request may have been of another language.
        translation.activate(settings.LANGUAGE_CODE)
        response: Any = self.get_response(request)
        if not is_program(request):
            response.headers.setdefault("Content-Language", settings.LANGUAGE_CODE)
        return response

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        # Pictures and files are the same in every language, and kept as such.
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        patch_vary_headers(response, ("Cookie",))
        return super().process_response(request, response)


class Authentication(PagesOnly, AuthenticationMiddleware):
    pass


class Messages(PagesOnly, MessageMiddleware):
    pass


class ContentSecurityPolicy(PagesOnly, CSPMiddleware):
    pass
