"""Trainings: annotators go through them question by question; curators set their rules, edit their items, grant attempts."""

import re
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from annotation.actions import training as actions
from annotation.actions import training_items
from annotation.actions.training import Marked
from annotation.models import Annotator, Campaign, TrainingAttempt, TrainingItem
from annotation.pages.forms import TRAINING_LABELS, TrainingForm
from annotation.pages.refusals import MemberRequest, answer_refusals, redirect_after_post
from annotation.queries import campaigns
from annotation.queries import training as queries
from annotation.queries.accounts import find_annotator
from annotation.queries.notes import find_notes
from annotation.rules import check_not_barred
from hierarchy.errors import InvalidInput, NotFound
from hierarchy.models import Image
from hierarchy.queries.pictures import find_steady_expiry, sign_picture

PAGE, DESK = "annotation:train", "annotation:training"
NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


@never_cache
@answer_refusals(back=PAGE, keeping="name")
def train(request: MemberRequest, name: str) -> HttpResponse:
    """The next item of an open attempt, after what became of the last one; else where the annotator stands."""
    annotator = find_annotator(request.user)
    check_not_barred(annotator)
    if request.method != "POST":
        return _render(request, annotator, _find_campaign(name))
    if "place" not in request.POST:
        actions.start_attempt(annotator_id=annotator.pk, name=name, at=now())
        return redirect_after_post(PAGE, name=name)
    place, answer = (request.POST.get(field, "") for field in ("place", "answer"))
    if not (NUMBER.fullmatch(place) and NUMBER.fullmatch(answer)):
        return _render(request, annotator, _find_campaign(name), problem=_("Choose an answer."), status=400)
    try:
        actions.answer_item(annotator_id=annotator.pk, name=name, place=int(place), answer=int(answer), at=now())
    except InvalidInput:
        return _render(request, annotator, _find_campaign(name), problem=_("Choose an answer."), status=400)
    return redirect_after_post(PAGE, name=name)


def _find_campaign(name: str) -> Campaign:
    campaign = campaigns.find_campaign(name)
    if campaign.state == Campaign.State.DRAFT:
        raise NotFound(f"There is no campaign {name}.")
    return campaign


def _render(
    request: MemberRequest, annotator: Annotator, campaign: Campaign, *, problem: str = "", status: int = 200
) -> HttpResponse:
    standing = queries.find_standing(annotator, campaign)
    if standing is None:
        raise NotFound("This campaign has no training.")
    context: dict[str, Any] = {"campaign": campaign, "standing": standing, "problem": problem}
    attempt = standing.open or standing.last
    if attempt is not None:
        items = queries.list_items(attempt.items)
        done = len(attempt.answers)
        context |= {"total": len(items), "done": done}
        if done and (standing.open or attempt is standing.last):
            context["marked"] = _describe_marked(annotator, attempt, items, done - 1)
        if standing.open is not None:
            context |= {"item": _describe_item(annotator, attempt, items, done), "number": done + 1}
    return render(request, "annotation/train.html", context, status=status)


def _describe_item(
    annotator: Annotator, attempt: TrainingAttempt, items: list[TrainingItem], place: int
) -> dict[str, Any]:
    item = items[place]
    return {
        "item": item,
        "place": place,
        "synset": item.synset,
        "notes": find_notes(item.synset_id) if item.kind == TrainingItem.Kind.PRACTICE else None,
        "choices": list(enumerate(item.choices)),
        "url": _sign(item.image, f"training:{annotator.pk}:{attempt.pk}:{place}") if item.image else "",
    }


def _describe_marked(
    annotator: Annotator, attempt: TrainingAttempt, items: list[TrainingItem], place: int
) -> dict[str, Any]:
    """What became of an answer, which only trainings tell."""
    marked = Marked(items[place], attempt.answers[place])
    described = _describe_item(annotator, attempt, items, place)
    item = marked.item
    described |= {"right": marked.right, "correct": item.choices[item.correct] if item.choices else ""}
    return described


def _sign(image: Image, audience: str) -> str:
    return sign_picture(
        image_id=image.pk, rendition=Image.Rendition.SMALL, audience=audience, expires_at=find_steady_expiry()
    )


@answer_refusals(back=DESK, keeping="name")
def show_training(request: MemberRequest, name: str) -> HttpResponse:
    if request.method != "POST":
        return _render_desk(request, name)
    form = TrainingForm(request.POST)
    if not form.is_valid():
        return _render_desk(request, name, form=form, status=400)
    training = actions.change_training(name=name, values=form.training, by=request.user, at=now())
    messages.success(request, _("The training is on.") if training.active else _("The training is off."))
    return redirect_after_post(DESK, name=name)


@answer_refusals(back=DESK, keeping="name")
def edit_item(request: MemberRequest, name: str, item_id: int) -> HttpResponse:
    try:
        training_items.edit_item(
            name=name,
            item_id=item_id,
            explanation=request.POST.get("explanation", ""),
            dropped="dropped" in request.POST,
            by=request.user,
            at=now(),
        )
    except InvalidInput as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("The item is changed."))
    return redirect_after_post(DESK, name=name)


@answer_refusals(back=DESK, keeping="name")
def add_item(request: MemberRequest, name: str) -> HttpResponse:
    given = {field: request.POST.get(field, "").replace("\0", "").strip() for field in ("sha256", "wnid", "truth")}
    try:
        training_items.add_picture(name=name, **given, by=request.user, at=now())
    except InvalidInput as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("The picture is added."))
    return redirect_after_post(DESK, name=name)


@answer_refusals(back=DESK, keeping="name")
def grant_attempt(request: MemberRequest, name: str) -> HttpResponse:
    number = request.POST.get("annotator", "")
    if not NUMBER.fullmatch(number):
        messages.error(request, _("Say the number of an annotator."))
    else:
        actions.grant_attempt(name=name, annotator_id=int(number), by=request.user, at=now())
        messages.success(request, _("Annotator %(number)s has another attempt.") % {"number": number})
    return redirect_after_post(DESK, name=name)


def _render_desk(
    request: MemberRequest, name: str, *, form: TrainingForm | None = None, status: int = 200
) -> HttpResponse:
    campaign = campaigns.find_campaign(name)
    training = queries.find_training(campaign)
    begin = {field: getattr(training, field) for field in ("active", *TRAINING_LABELS)} if training else None
    usable = set(queries.list_usable(campaign).values_list("pk", flat=True))
    items = queries.list_all_items(campaign)
    context = {
        "campaign": campaign,
        "training": training,
        "form": form or TrainingForm(initial=begin),
        "items": [(item, _sign(item.image, "training") if item.image else "", item.pk in usable) for item in items],
        "quizzes": sum(item.pk in usable and item.image_id is None for item in items),
        "pictures": sum(item.pk in usable and item.image_id is not None for item in items),
        "attempts": queries.list_attempts(campaign),
    }
    return render(request, "annotation/training.html", context, status=status)
