"""Gold as curators see it: how much of it there is, and what good annotators speak against."""

import re
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from annotation.actions import renewal
from annotation.actions.renewal import Verdict
from annotation.pages.refusals import MemberRequest, answer_refusals, redirect_after_post
from annotation.queries import goldpool
from annotation.queries.campaigns import find_campaign, find_policy, list_campaigns
from annotation.queries.goldpool import Suspended
from annotation.tasks import ring_doorbell
from hierarchy.errors import InvalidInput
from hierarchy.models import Image
from hierarchy.queries.pictures import find_steady_expiry, sign_picture

LIST = "annotation:gold"
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
SYNSETS_A_PAGE, SUSPENDED_A_PAGE = 50, 12
VERDICTS = {
    Verdict.YES: gettext_lazy("It is shown: ask again"),
    Verdict.NO: gettext_lazy("It is not shown: ask again"),
    Verdict.LEAVE: gettext_lazy("Leave it to votes"),
}


@never_cache
@answer_refusals(back="annotation:campaigns")
def show_gold(request: MemberRequest) -> HttpResponse:
    name, after, behind = request.GET.get("campaign", ""), _read(request, "after"), _read(request, "behind")
    name = name.replace("\0", "")
    suspended = goldpool.list_suspended(behind=behind, limit=SUSPENDED_A_PAGE + 1)
    shown = suspended[:SUSPENDED_A_PAGE]
    context: dict[str, Any] = {
        "suspended": [(each, _sign(each)) for each in shown],
        "behind": shown[-1].gold.pk if len(suspended) > SUSPENDED_A_PAGE else None,
        "begun": behind is None and after is None,
        "verdicts": VERDICTS.items(),
        "campaigns": list_campaigns(drafts=False),
        "name": name,
    }
    if name:
        campaign = find_campaign(name)
        policy = find_policy(campaign)
        synsets = goldpool.list_by_synset(
            campaign, exposures=policy.gold_exposures, after=after or 0, limit=SYNSETS_A_PAGE + 1
        )
        context |= {
            "campaign": campaign,
            "policy": policy,
            "synsets": synsets[:SYNSETS_A_PAGE],
            "after": synsets[SYNSETS_A_PAGE - 1].position if len(synsets) > SYNSETS_A_PAGE else None,
            "chosen": urlencode({"campaign": name}),
        }
    return render(request, "annotation/gold.html", context)


def _sign(each: Suspended) -> dict[str, str]:
    expires_at = find_steady_expiry()
    image = each.gold.question.candidate.image
    return {
        rendition.value.lower(): sign_picture(
            image_id=image.pk, rendition=rendition, audience="gold", expires_at=expires_at
        )
        for rendition in (Image.Rendition.SMALL, Image.Rendition.LARGE)
    }


def _read(request: MemberRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if NUMBER.fullmatch(text) else None


@answer_refusals(back=LIST)
def settle_gold(request: MemberRequest, gold_id: int) -> HttpResponse:
    try:
        renewal.settle_suspended(gold_id=gold_id, verdict=request.POST.get("verdict", ""), by=request.user, at=now())
    except InvalidInput:
        messages.error(request, _("There is no such verdict."))
        return redirect_after_post(LIST)
    ring_doorbell()
    messages.success(request, _("Done."))
    return redirect_after_post(LIST)
