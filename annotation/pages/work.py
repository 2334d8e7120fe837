"""A person's own work: how much, how fast, how well as far as they may know it."""

from datetime import date

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.timezone import get_current_timezone_name, localdate
from django.views.decorators.cache import never_cache

from annotation.pages.refusals import MemberRequest, answer_refusals
from annotation.queries import activity, bars, work
from annotation.queries.accounts import find_annotator


@never_cache
@answer_refusals(back="home")
def show_work(request: MemberRequest) -> HttpResponse:
    before = _read_day(request.GET.get("before", ""))
    annotator, today = find_annotator(request.user), localdate()
    days = work.list_days(annotator, zone=get_current_timezone_name())
    shown, following = work.cut_days(days, before=before)
    context = {
        "barred": bars.find_bar_of_user(request.user),
        "activity": activity.count_activity(request.user, since=request.user.date_joined),
        "accuracy": work.find_accuracy(annotator),
        "pace": work.measure_pace(annotator),
        "row": work.count_days_in_a_row(days, today=today),
        "days": shown,
        "before": before,
        "following": following,
    }
    return render(request, "annotation/work.html", context)


def _read_day(text: str) -> date | None:
    """As the address says it; a 404 where it is no day."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Http404("There is no such day.") from error
