"""All of a person's data as a download, and the way to delete their account."""

from django.contrib import messages
from django.contrib.auth import authenticate, logout
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.timezone import localdate, now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from annotation.actions import accounts as actions
from annotation.pages.downloads import answer_with_file
from annotation.pages.forms import DeletionForm
from annotation.pages.refusals import MemberRequest, answer_refusals, redirect_after_post
from annotation.queries.own_data import stream_own_data


@never_cache
def show_data(request: MemberRequest) -> HttpResponse:
    return render(request, "annotation/own_data.html")


@never_cache
def download_data(request: MemberRequest) -> HttpResponseBase:
    name = f"veriset-{localdate():%Y-%m-%d}.json"
    return answer_with_file(stream_own_data(request.user), name=name, content_type="application/json")


@sensitive_post_parameters()
@never_cache
@answer_refusals(back="annotation:account-delete")
def delete_account(request: MemberRequest) -> HttpResponse:
    """Asks for the password, or for the name where the account has none; wrong passwords count as with a login."""
    user = request.user
    form = DeletionForm(request.POST or None, has_password=user.has_usable_password())
    if request.method != "POST":
        return render(request, "annotation/account_delete.html", {"form": form})
    if not form.is_valid() or not _is_confirmed(request, form):
        return render(request, "annotation/account_delete.html", {"form": form}, status=400)
    actions.delete_account(user=user, by=user, at=now())
    logout(request)
    messages.success(request, _("Your account is deleted."))
    return redirect_after_post("home")


def _is_confirmed(request: MemberRequest, form: DeletionForm) -> bool:
    """Complains in the form where it is not."""
    confirmed: bool
    name, typed = request.user.get_username(), form.cleaned_data["confirmation"]
    if not request.user.has_usable_password():
        confirmed, problem = typed == name, _("That is not your username.")
    else:
        found = authenticate(request, username=name, password=typed)
        confirmed, problem = found is not None and found.pk == request.user.pk, _("That is not your password.")
    if not confirmed:
        form.add_error("confirmation", problem)
    return confirmed
