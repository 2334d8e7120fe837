"""The first page: what this is for a visitor, where to go on for a member."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import localtime

from annotation.models import Campaign
from annotation.queries import activity, bars, disputes
from annotation.queries.activity import Share
from hierarchy.rules import sees_everything

NOTHING = Share(questions=0, finished=0)


def show_home(request: HttpRequest) -> HttpResponse:
    campaigns = activity.list_open_campaigns()
    context: dict[str, Any] = {"campaigns": add_shares(campaigns)}
    if request.user.is_authenticated:
        midnight = localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        context["activity"] = activity.count_activity(request.user, since=midnight)
        context["barred"] = bars.find_bar_of_user(request.user)
        if sees_everything(request.user):
            context["appeals"] = bars.list_open_appeals().count()
            context["waiting"] = disputes.list_open_disputes().count()
    return render(request, "annotation/home.html", context)


def add_shares(campaigns: list[Campaign]) -> list[tuple[Campaign, Share]]:
    """Each campaign with how much of it is finished."""
    shares = activity.count_shares(campaigns)
    return [(campaign, shares.get(campaign.pk, NOTHING)) for campaign in campaigns]
