"""How a page says no: each kind of refusal of an action once."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from annotation.rules import Barred
from hierarchy.errors import Conflict, InvalidInput, KeyReused, NotFound, NotPermitted


class MemberRequest(HttpRequest):
    """A request of somebody who is signed in: the table of routes lets nobody else this far."""

    user: User


class RefusedWithWay(PermissionDenied):
    """`way` is where the person reads more of it, and what can be done."""

    def __init__(self, detail: str, way: str) -> None:
        super().__init__(detail)
        self.way = way


View = Callable[..., HttpResponseBase]


def answer_refusals(*, back: str, keeping: str = "") -> Callable[[View], View]:
    """NotFound becomes a 404 and NotPermitted a 403, which leads a barred person to the page of their bar; a conflict is told on the page `back`, to which it leads.

    `back` names a route; `keeping` is the part of the address that it has in common with the view's, if any.
    InvalidInput stays the view's affair: it belongs at the fields of a form.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, **parts: Any) -> HttpResponseBase:
            try:
                return view(request, **parts)
            except NotFound as error:
                raise Http404(error.detail) from error
            except Barred as error:
                raise RefusedWithWay(error.detail, reverse("annotation:bar")) from error
            except NotPermitted as error:
                raise PermissionDenied(error.detail) from error
            except (Conflict, KeyReused) as error:
                messages.error(request, error.detail)
                return redirect_after_post(back, **({keeping: parts[keeping]} if keeping else {}))

        return answer

    return decorate


class SeeOther(HttpResponseRedirect):
    """303: a browser follows with GET whatever it sent."""

    status_code = 303


def redirect_after_post(route: str, **parts: Any) -> HttpResponse:
    return SeeOther(reverse(route, kwargs=parts))


def add_problems(form: forms.BaseForm, error: InvalidInput, *, names: Mapping[str, str] | None = None) -> None:
    """Puts an action's complaints at the form's fields; `names` gives the field of a name the form calls differently."""
    for name, problem in error.fields.items():
        field = (names or {}).get(name, name)
        if field in form.fields:
            form.add_error(field, _write_sentence(str(form[field].label), problem))
        else:
            form.add_error(None, _write_sentence(name, problem))


def _write_sentence(subject: str, problem: str) -> str:
    """ "must be ..." becomes "Title must be ..."; a whole sentence stays as it is."""
    return f"{subject} {problem}" if problem[:1].islower() else problem
