"""In which language somebody reads the pages: kept in a cookie, so that visitors choose too."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _


class SeeOther(HttpResponseRedirect):
    """303: a browser follows with GET whatever it sent."""

    status_code = 303


def choose_language(request: HttpRequest) -> HttpResponse:
    """The languages; POST `language` keeps one for a year and leads back to the page `next` of this site, else home."""
    if request.method != "POST":
        return render(request, "language.html", {"back": _find_back(request, request.GET.get("next", ""))})
    back = _find_back(request, request.POST.get("next", ""))
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES):
        problem = _("There are no texts in that language. Choose one of these.")
        return render(request, "language.html", {"back": back, "problem": problem}, status=400)
    response = SeeOther(back)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
    return response


def _find_back(request: HttpRequest, wanted: str) -> str:
    own = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if own else resolve_url("home")
