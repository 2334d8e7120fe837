"""Campaigns: what they are and how far they are; drafting and steering them for curators."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.actions import campaigns as actions
from annotation.models import Campaign
from annotation.pages.forms import CrowdForm, DraftForm, LayoutForm, PolicyForm, StepForm, read_policy
from annotation.pages.home import add_shares
from annotation.pages.paging import read_page_number
from annotation.pages.quality import describe_quality
from annotation.pages.refusals import MemberRequest, add_problems, answer_refusals, redirect_after_post
from annotation.queries import activity, campaigns
from annotation.queries.campaigns import Progress, coarsen_percent
from annotation.queries.crowds import list_crowds
from annotation.queries.training import find_standing
from annotation.rules import steps_of
from hierarchy.errors import InvalidInput, NotFound
from hierarchy.rules import sees_everything

SYNSETS_A_PAGE = 100
STEPS: dict[str, Callable[..., Campaign]] = {
    "open": actions.open_campaign,
    "resume": actions.open_campaign,
    "pause": actions.pause_campaign,
    "close": actions.close_campaign,
}
DONE = {
    "open": gettext_lazy("The campaign is open: annotators get its pages."),
    "resume": gettext_lazy("The campaign is open again."),
    "pause": gettext_lazy("The campaign is paused: no new pages, but pages already out are taken."),
    "close": gettext_lazy("The campaign is closed."),
}


def show_campaigns(request: MemberRequest) -> HttpResponse:
    curates = sees_everything(request.user)
    listed = add_shares(campaigns.list_campaigns(drafts=curates))
    return render(request, "annotation/campaigns.html", {"campaigns": listed, "curates": curates})


@answer_refusals(back="annotation:campaigns")
def show_campaign(request: MemberRequest, name: str) -> HttpResponse:
    return render_campaign(request, name)


def draft_campaign(request: MemberRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "annotation/campaign_draft.html", {"form": DraftForm()})
    form = DraftForm(request.POST)
    campaign = _draft(request, form) if form.is_valid() else None
    if campaign is None:
        return render(request, "annotation/campaign_draft.html", {"form": form}, status=400)
    messages.success(request, _("The campaign is drafted. Nobody is asked anything until you open it."))
    return redirect_after_post("annotation:campaign", name=campaign.name)


def _draft(request: MemberRequest, form: DraftForm) -> Campaign | None:
    """The new campaign, or None with the complaints in the form."""
    typed = form.cleaned_data
    try:
        return actions.draft_campaign(
            name=typed["name"],
            title=typed["title"],
            instructions=typed["instructions"],
            layout=typed["layout"] or Campaign.Layout.CHOICE,
            wnids=form.wnids,
            policy=form.policy,
            by=request.user,
            at=now(),
        )
    except InvalidInput as error:
        add_problems(form, error)
        return None


@answer_refusals(back="annotation:campaign", keeping="name")
def change_campaign(request: MemberRequest, name: str) -> HttpResponse:
    form = StepForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("There is no such step."))
        return redirect_after_post("annotation:campaign", name=name)
    step = form.cleaned_data["step"]
    STEPS[step](name=name, by=request.user, at=now())
    messages.success(request, DONE[step])
    return redirect_after_post("annotation:campaign", name=name)


@answer_refusals(back="annotation:campaign", keeping="name")
def change_policy(request: MemberRequest, name: str) -> HttpResponse:
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return render_campaign(request, name, form=form, status=400)
    policy = actions.change_policy(name=name, policy=form.policy, by=request.user, at=now())
    messages.success(request, _("Version %(version)s of the rules is in force.") % {"version": policy.version})
    return redirect_after_post("annotation:campaign", name=name)


@answer_refusals(back="annotation:campaign", keeping="name")
def change_layout(request: MemberRequest, name: str) -> HttpResponse:
    form = LayoutForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("There is no such layout."))
        return redirect_after_post("annotation:campaign", name=name)
    actions.change_layout(name=name, layout=form.cleaned_data["layout"], by=request.user, at=now())
    messages.success(request, _("Annotators see pages in the new layout."))
    return redirect_after_post("annotation:campaign", name=name)


def render_campaign(
    request: MemberRequest,
    name: str,
    *,
    form: PolicyForm | None = None,
    crowd_form: CrowdForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of a campaign, with forms that hold complaints."""
    curates = sees_everything(request.user)
    campaign = campaigns.find_campaign(name)
    if campaign.state == Campaign.State.DRAFT and not curates:
        raise NotFound(f"There is no campaign {name}.")
    parts = campaigns.count_progress_by_synset(campaign)
    page = read_page_number(request)
    start = (page - 1) * SYNSETS_A_PAGE
    shown = parts[start : start + SYNSETS_A_PAGE]
    progress = campaigns.add_progress(parts)
    context: dict[str, Any] = {
        "campaign": campaign,
        "progress": progress,
        "percent": _tell_percent(progress, curates),
        "synsets": [(part, _tell_percent(part.progress, curates)) for part in shown],
        "synset_count": len(parts),
        "previous_page": page - 1,
        "next_page": page + 1 if start + SYNSETS_A_PAGE < len(parts) else None,
        "curates": curates,
    }
    if hasattr(request.user, "annotator") and campaign.state != Campaign.State.DRAFT:
        context["training"] = find_standing(request.user.annotator, campaign)
    if curates:
        policies = activity.list_policies(campaign)
        context |= {
            "policies": policies,
            "steps": steps_of(campaign),
            "ranges": campaign.ranges.order_by("pk"),
            "quality": describe_quality(campaign, shown),
            "layout_form": LayoutForm(initial={"layout": campaign.layout}),
            "crowds": list_crowds(campaign),
            "crowd_form": crowd_form or CrowdForm(),
            "form": form or PolicyForm(initial=read_policy(policies[0])),
        }
    return render(request, "annotation/campaign.html", context, status=status)


def _tell_percent(progress: Progress, curates: bool) -> int:
    return progress.percent if curates else coarsen_percent(progress.percent)
