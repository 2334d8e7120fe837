"""Signing up, and what a person may see and change of their own account."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from annotation.actions import accounts as actions
from annotation.models import ApiToken
from annotation.pages.forms import SignUpForm, TokenForm
from annotation.pages.refusals import MemberRequest, add_problems, answer_refusals, redirect_after_post
from annotation.queries import accounts, activity, bars
from annotation.rules import TOKEN_SCOPES_OF_ROLE
from hierarchy.errors import InvalidInput

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters()
@never_cache
def sign_up(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("annotation:annotate")
    if not settings.SIGN_UP_OPEN:
        return render(request, "registration/signup_closed.html", status=403)
    form = SignUpForm(request.POST or None)
    if request.method != "POST":
        return render(request, "registration/signup.html", {"form": form})
    if form.is_valid() and _create_account(request, form):
        return redirect_after_post("annotation:annotate")
    return render(request, "registration/signup.html", {"form": form}, status=400)


def _create_account(request: HttpRequest, form: SignUpForm) -> bool:
    """Creates the account and signs it in; False with the complaints in the form."""
    typed = form.cleaned_data
    try:
        user = actions.create_user(
            username=typed["username"],
            email=typed["email"],
            password=typed["password"],
            role="annotator",
            by=None,
            at=now(),
        )
    except InvalidInput as error:
        add_problems(form, error)
        return False
    login(request, user, backend=BACKEND)
    return True


def show_account(request: MemberRequest) -> HttpResponse:
    return _render_account(request, TokenForm(scopes=_list_scopes(request)))


@never_cache
@answer_refusals(back="annotation:account")
def create_token(request: MemberRequest) -> HttpResponse:
    """Answers with the page itself: the key is shown once and is kept nowhere, not even in the session."""
    form = TokenForm(request.POST, scopes=_list_scopes(request))
    if not form.is_valid():
        return _render_account(request, form, status=400)
    token, key = actions.create_token(user=request.user, scope=form.cleaned_data["scope"], by=request.user, at=now())
    return _render_account(request, TokenForm(scopes=_list_scopes(request)), new=token, key=key)


@answer_refusals(back="annotation:account")
def revoke_token(request: MemberRequest, token_id: int) -> HttpResponse:
    token = actions.revoke_token(token_id=token_id, by=request.user, at=now())
    messages.success(request, _("The token %(prefix)s… opens nothing any more.") % {"prefix": token.prefix})
    return redirect_after_post("annotation:account")


def _list_scopes(request: MemberRequest) -> list[str]:
    roles = request.user.groups.values_list("name", flat=True)
    return list(dict.fromkeys(scope for role in roles for scope in TOKEN_SCOPES_OF_ROLE.get(role, ())))


def _render_account(
    request: MemberRequest, form: TokenForm, *, new: ApiToken | None = None, key: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "tokens": accounts.list_tokens(request.user),
        "new_token": new,
        "key": key,
        "barred": bars.find_bar_of_user(request.user),
        "activity": activity.count_activity(request.user, since=request.user.date_joined),
    }
    return render(request, "annotation/account.html", context, status=status)
