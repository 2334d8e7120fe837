"""Appeals as curators see them: the oldest first, each beside what its annotator answered."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _

from annotation.actions import bars as actions
from annotation.pages.annotators import describe_annotator
from annotation.pages.forms import AnswerForm
from annotation.pages.paging import read_after
from annotation.pages.refusals import MemberRequest, add_problems, answer_refusals, redirect_after_post
from annotation.queries import bars
from annotation.tasks import ring_doorbell
from hierarchy.errors import InvalidInput, NotPermitted

APPEALS_A_PAGE = 50


def show_appeals(request: MemberRequest) -> HttpResponse:
    after = read_after(request)
    waiting = list(bars.list_open_appeals().filter(pk__gt=after or 0)[: APPEALS_A_PAGE + 1])
    shown = waiting[:APPEALS_A_PAGE]
    context = {
        "rows": bars.add_evidence(shown),
        "after": after,
        "next_after": shown[-1].pk if len(waiting) > APPEALS_A_PAGE else None,
    }
    return render(request, "annotation/appeals.html", context)


@answer_refusals(back="annotation:appeal", keeping="appeal_id")
def show_appeal(request: MemberRequest, appeal_id: int) -> HttpResponse:
    if request.method != "POST":
        return _render_appeal(request, appeal_id, AnswerForm())
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _render_appeal(request, appeal_id, form, status=400)
    lift = form.cleaned_data["lift"] == "yes"
    try:
        actions.answer_appeal(
            appeal_id=appeal_id, lift=lift, answer=form.cleaned_data["answer"], by=request.user, at=now()
        )
    except InvalidInput as error:
        add_problems(form, error)
        return _render_appeal(request, appeal_id, form, status=400)
    except NotPermitted as error:
        messages.error(request, error.detail)
        return redirect_after_post("annotation:appeal", appeal_id=appeal_id)
    if lift:
        ring_doorbell()
        messages.success(request, _("The bar is lifted. The annotator reads your answer."))
    else:
        messages.success(request, _("The bar stays. The annotator reads your answer."))
    return redirect_after_post("annotation:appeals")


def _render_appeal(request: MemberRequest, appeal_id: int, form: AnswerForm, *, status: int = 200) -> HttpResponse:
    appeal = bars.find_appeal(appeal_id)
    context = {**describe_annotator(request, appeal.bar.annotator), "appeal": appeal, "form": form}
    return render(request, "annotation/appeal.html", context, status=status)
