"""Flags: raised from the page of pictures, and looked at by curators."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache

from annotation.actions import flags as actions
from annotation.models import Annotator, Flag, Question, Vote
from annotation.pages.batch_page import describe_batch, describe_standing
from annotation.pages.flag_marks import TITLES
from annotation.pages.refusals import MemberRequest, SeeOther, answer_refusals, redirect_after_post
from annotation.queries import batches, flags
from annotation.queries.accounts import find_annotator
from annotation.queries.flags import Flagged
from hierarchy.errors import Conflict, InvalidInput
from hierarchy.models import Image
from hierarchy.queries.pictures import find_steady_expiry, sign_picture

PAGE = "annotation:annotate"
LIST = "annotation:flags"
FLAG = re.compile(r"(raise|withdraw):([0-9]{0,4}):([A-Z_]{1,20})", re.ASCII)
ANSWER = re.compile(r"answer-([0-9]{1,4})", re.ASCII)
PLACE = re.compile(r"([0-9]{1,9})-([0-9]{1,18})", re.ASCII)
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
STEPS: dict[str, Callable[..., None]] = {"raise": actions.raise_flag, "withdraw": actions.withdraw_flag}
FLAGGED_A_PAGE = 24
OUTCOMES = {
    Flag.Outcome.DISMISSED: gettext_lazy("Nothing is wrong"),
    Flag.Outcome.DONE: gettext_lazy("Dealt with"),
    Flag.Outcome.DISPUTED: gettext_lazy("To the disputes"),
    Flag.Outcome.RETIRED: gettext_lazy("Retire this gold"),
}


@never_cache
@answer_refusals(back=PAGE)
def flag_page(request: MemberRequest, batch_id: UUID) -> HttpResponse:
    """One flag of a page, raised or withdrawn. A browser gets its page again with what was answered; the script nothing but 204."""
    annotator = find_annotator(request.user)
    scripted = request.headers.get("X-Requested-With") == "fetch"
    found = FLAG.fullmatch(request.POST.get("flag", ""))
    if found is None:
        return HttpResponse(_("There is no such flag."), status=400)
    step, position, kind = found.groups()
    try:
        STEPS[step](
            annotator=annotator,
            batch_id=batch_id,
            position=int(position) if position else None,
            kind=kind,
            at=now(),
        )
    except InvalidInput:
        return HttpResponse(_("There is no such flag."), status=400)
    except Conflict as error:
        if not scripted:
            raise
        return HttpResponse(error.detail, status=409)
    return HttpResponse(status=204) if scripted else _show_page(request, annotator, batch_id)


def _show_page(request: MemberRequest, annotator: Annotator, batch_id: UUID) -> HttpResponse:
    batch = batches.find_batch(annotator, batch_id)
    if batch.closed_at is not None:
        return redirect_after_post(PAGE)
    answers = {
        int(match[1]): request.POST[name]
        for name in request.POST
        if (match := ANSWER.fullmatch(name)) and request.POST[name] in Vote.Answer.values
    }
    context = {**describe_standing(annotator, request.user), **describe_batch(batch, answers)}
    return render(request, "annotation/annotate.html", context)


def show_flags(request: MemberRequest) -> HttpResponse:
    order, kind = _read_choice(request, "order", flags.ORDERS), _read_choice(request, "kind", ["", *Flag.Kind.values])
    place = PLACE.fullmatch(request.GET.get("after", ""))
    behind = (int(place[1]), int(place[2])) if place else None
    rows = flags.list_flagged(order=order, kind=kind, behind=behind, limit=FLAGGED_A_PAGE + 1)
    shown = rows[:FLAGGED_A_PAGE]
    context: dict[str, Any] = {
        "rows": [_describe(row) for row in shown],
        "order": order,
        "kind": kind,
        "kinds": TITLES.items(),
        "chosen": urlencode({"order": order, "kind": kind}),
        "begun": behind is None,
        "after": f"{shown[-1].flags}-{shown[-1].newest}" if len(rows) > FLAGGED_A_PAGE else None,
    }
    return render(request, "annotation/flags.html", context)


def _read_choice(request: MemberRequest, name: str, known: Any) -> str:
    """The first of those known where the address names none of them."""
    text = request.GET.get(name, "")
    return text if text in known else next(iter(known))


def _describe(row: Flagged) -> dict[str, Any]:
    question = row.question
    found: dict[str, Any] = {
        "row": row,
        "kinds": [(TITLES[kind], number) for kind, number in row.kinds],
        "outcomes": [(outcome.value, OUTCOMES[outcome]) for outcome in _list_outcomes(question)],
    }
    if question is not None:
        image = question.candidate.image
        small, large = (_sign(image, each) for each in (Image.Rendition.SMALL, Image.Rendition.LARGE))
        found |= {"question": question, "image": image, "small_url": small, "large_url": large}
    return found


def _list_outcomes(question: Question | None) -> list[Flag.Outcome]:
    last = []
    if question is not None:
        last = [Flag.Outcome.RETIRED if question.is_gold else Flag.Outcome.DISPUTED]
    return [Flag.Outcome.DISMISSED, Flag.Outcome.DONE, *last]


def _sign(image: Image, rendition: Image.Rendition) -> str:
    return sign_picture(image_id=image.pk, rendition=rendition, audience="flags", expires_at=find_steady_expiry())


@answer_refusals(back=LIST)
def close_flags(request: MemberRequest) -> HttpResponse:
    """What waits about one thing, up to the newest that was shown, gets its outcome."""
    question, synset, newest = (_read_number(request, name) for name in ("question", "synset", "newest"))
    outcome = request.POST.get("outcome", "")
    given: dict[str, Any] = {"newest": newest or 0, "outcome": outcome, "by": request.user, "at": now()}
    try:
        if question is not None:
            closed = actions.close_question_flags(question_id=question, **given)
        else:
            closed = actions.close_definition_flags(synset_id=synset or 0, **given)
    except InvalidInput:
        messages.error(request, _("There is no such outcome."))
    else:
        text = ngettext("%(flags)s flag closed: %(outcome)s.", "%(flags)s flags closed: %(outcome)s.", closed)
        messages.success(request, text % {"flags": closed, "outcome": OUTCOMES[Flag.Outcome(outcome)]})
    chosen = {name: request.POST.get(name, "") for name in ("order", "kind")}
    return SeeOther(f"{reverse(LIST)}?{urlencode(chosen)}")


def _read_number(request: MemberRequest, name: str) -> int | None:
    text = request.POST.get(name, "")
    return int(text) if NUMBER.fullmatch(text) else None
