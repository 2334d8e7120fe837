"""A person's own bar: why they get no pages, and the appeal against it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from annotation.actions import bars as actions
from annotation.pages.forms import AppealForm
from annotation.pages.refusals import MemberRequest, add_problems, answer_refusals, redirect_after_post
from annotation.queries.accounts import find_annotator
from annotation.queries.bars import list_bars
from hierarchy.errors import InvalidInput


@never_cache
@answer_refusals(back="home")
def show_bar(request: MemberRequest) -> HttpResponse:
    return _render_bar(request, AppealForm())


@never_cache
@answer_refusals(back="annotation:bar")
def make_appeal(request: MemberRequest) -> HttpResponse:
    annotator = find_annotator(request.user)
    form = AppealForm(request.POST)
    if not form.is_valid():
        return _render_bar(request, form, status=400)
    try:
        actions.make_appeal(annotator_id=annotator.pk, text=form.cleaned_data["text"], at=now())
    except InvalidInput as error:
        add_problems(form, error)
        return _render_bar(request, form, status=400)
    messages.success(request, _("Your appeal is sent. The answer will stand here."))
    return redirect_after_post("annotation:bar")


def _render_bar(request: MemberRequest, form: AppealForm, *, status: int = 200) -> HttpResponse:
    bars = list_bars(find_annotator(request.user))
    bar = next((bar for bar in bars if bar.ended_at is None), None)
    waits = bar is not None and any(appeal.answered_at is None for appeal in bar.appeals.all())
    context = {"bar": bar, "bars": bars, "form": None if waits else form}
    return render(request, "annotation/bar.html", context, status=status)
