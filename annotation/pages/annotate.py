"""The page of pictures: get one, answer it, give it back, take it back.

Each view answers a browser with whole pages and redirects, and the page's script (X-Requested-With: fetch) with the
fragment `_batch.html` alone. The script names the account it acts for (X-Account).
"""

import re
from collections.abc import Mapping
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache

from annotation.actions import batches as batch_actions
from annotation.actions import crowds as crowd_actions
from annotation.actions import votes as vote_actions
from annotation.actions.votes import GivenVote
from annotation.metrics import count_receipt, watch_lease, watch_votes
from annotation.models import Annotator, Batch
from annotation.pages import crowd_pages
from annotation.pages.batch_page import describe_batch, describe_standing
from annotation.pages.refusals import MemberRequest, SeeOther, View, answer_refusals, redirect_after_post
from annotation.queries import activity, batches
from annotation.queries.accounts import find_annotator
from annotation.rules import TrainingRequired, check_not_barred
from annotation.tasks import ring_doorbell
from hierarchy.errors import Conflict, DomainError, InvalidInput, KeyReused

PAGE = "annotation:annotate"
ANSWER = re.compile(r"answer-([0-9]{1,4})", re.ASCII)
MILLISECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
SIZE = re.compile(r"[0-9]{1,3}", re.ASCII)
UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HELD_AT_MOST = 100
VOTE_PROBLEM = re.compile(r"votes\[([0-9]+)\]")


def for_own_account(view: View) -> View:
    """401 to a script whose page belongs to another account: somebody else has signed in to that browser since."""

    @wraps(view)
    def answer(request: MemberRequest, **parts: Any) -> HttpResponseBase:
        account = request.headers.get("X-Account")
        if account is not None and account != str(request.user.pk):
            return HttpResponse(status=401)
        return view(request, **parts)

    return answer


@never_cache
@for_own_account
@answer_refusals(back="home")
def show_page(request: MemberRequest) -> HttpResponse:
    annotator = find_annotator(request.user)
    check_not_barred(annotator)
    finish_url = crowd_pages.find_finish_url(request)
    if finish_url:
        return SeeOther(finish_url)
    batch = batches.find_oldest_live_batch(annotator)
    return _render(request, annotator, batch, nothing_left="nothing_left" in request.GET)


@never_cache
@for_own_account
@answer_refusals(back=PAGE)
def lease_page(request: MemberRequest) -> HttpResponse:
    """A page to answer now; with `held`, one to have at hand beside those that the script has already (204 where there is none, or
    enough are held): first one whose answer never reached the script, then a new one."""
    annotator = find_annotator(request.user)
    check_not_barred(annotator)
    try:
        batch = _find_unseen(request, annotator) if "held" in request.POST else None
        batch = batch or _lease(request, annotator, request.POST.get("campaign", "").replace("\0", ""))
    except TrainingRequired as error:
        if not _wants_fragment(request):
            return redirect_after_post("annotation:train", name=error.campaign)
        batch = None
    except Conflict:
        if not _wants_fragment(request):
            raise
        batch = None
    if not _wants_fragment(request):
        return redirect_after_post(PAGE) if batch else _redirect_to_nothing()
    return _render(request, annotator, batch) if batch else HttpResponse(status=204)


@never_cache
@for_own_account
@answer_refusals(back=PAGE)
def submit_page(request: MemberRequest, batch_id: UUID) -> HttpResponse:
    annotator = find_annotator(request.user)
    votes = _read_votes(request)
    try:
        with watch_votes():
            receipt = vote_actions.submit_batch(
                annotator_id=annotator.pk, batch_id=batch_id, votes=votes, key=request.POST.get("key", "")
            )
    except InvalidInput as error:
        return _show_problems(request, annotator, batch_id, votes, error)
    except (Conflict, KeyReused) as error:
        return _show_conflict(request, annotator, error)
    count_receipt(recorded=receipt.recorded, repeated=receipt.repeated)
    ring_doorbell()
    crowd_pages.note_page(request, batch_id)
    try:
        batch = None if crowd_pages.find_finish_url(request) else _find_or_lease(request, annotator)
    except TrainingRequired as error:
        if not _wants_fragment(request):
            return redirect_after_post("annotation:train", name=error.campaign)
        return _render(request, annotator, None, training=error.campaign)
    if _wants_fragment(request):
        return _render(request, annotator, batch, nothing_left=batch is None)
    return redirect_after_post(PAGE) if batch else _redirect_to_nothing()


@never_cache
@for_own_account
@answer_refusals(back=PAGE)
def return_page(request: MemberRequest, batch_id: UUID) -> HttpResponse:
    annotator = find_annotator(request.user)
    batch_actions.return_batch(annotator_id=annotator.pk, batch_id=batch_id)
    if _wants_fragment(request):
        return HttpResponse(status=204)
    return redirect_after_post(PAGE)


@never_cache
@for_own_account
@answer_refusals(back=PAGE)
def undo_page(request: MemberRequest, batch_id: UUID) -> HttpResponse:
    annotator = find_annotator(request.user)
    try:
        withdrawn = _undo(request, annotator, batch_id)
    except Conflict as error:
        return _show_conflict(request, annotator, error)
    ring_doorbell()
    if _wants_fragment(request):
        return _render(request, annotator, batches.find_oldest_live_batch(annotator))
    messages.success(
        request,
        ngettext("%(votes)s answer taken back.", "%(votes)s answers taken back.", withdrawn) % {"votes": withdrawn},
    )
    return redirect_after_post(PAGE)


def _undo(request: MemberRequest, annotator: Annotator, batch_id: UUID) -> int:
    assignment = crowd_pages.find_assignment(request)
    if assignment is not None:
        return crowd_actions.undo_page(assignment_id=assignment.pk, batch_id=batch_id)
    return vote_actions.undo_batch(annotator_id=annotator.pk, batch_id=batch_id)


def _wants_fragment(request: MemberRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def _render(
    request: MemberRequest,
    annotator: Annotator,
    batch: Batch | None,
    *,
    status: int = 200,
    answers: Mapping[int, str] | None = None,
    **more: Any,
) -> HttpResponse:
    context = {**describe_standing(annotator, request.user), **describe_batch(batch, answers or {}), **more}
    context["finish_url"] = crowd_pages.find_finish_url(request)
    template = "annotation/_batch.html" if _wants_fragment(request) else "annotation/annotate.html"
    return render(request, template, context, status=status)


def _redirect_to_nothing() -> HttpResponse:
    return SeeOther(f"{reverse(PAGE)}?nothing_left=1")


def _find_unseen(request: MemberRequest, annotator: Annotator) -> Batch | None:
    """The oldest live page that no tab of this annotator has: its lease was granted, and the answer lost."""
    held = UUIDS.findall(request.POST.get("held", ""))
    return batches.find_oldest_live_batch(annotator, beside=[UUID(number) for number in held[:HELD_AT_MOST]])


def _find_or_lease(request: MemberRequest, annotator: Annotator) -> Batch | None:
    """The page to go on with. Another tab may have taken the last leases meanwhile: then there is none. TrainingRequired as for a lease."""
    try:
        return batches.find_oldest_live_batch(annotator) or _lease(request, annotator, "")
    except Conflict:
        return None


def _lease(request: MemberRequest, annotator: Annotator, wanted: str) -> Batch | None:
    """A page of the campaign that was asked for or is in hand; of any other where that one has nothing left. `size` is what the screen
    takes: a wish, which the campaign's rules bound."""
    assignment = crowd_pages.find_assignment(request)
    if assignment is not None:
        with watch_lease():
            return crowd_actions.lease_page(assignment=assignment)
    name = wanted or activity.find_campaign_in_hand(annotator)
    wish = request.POST.get("size", "")
    size = max(int(wish), 1) if SIZE.fullmatch(wish) else None
    with watch_lease():
        batch = None
        try:
            batch = batch_actions.lease_batch(annotator_id=annotator.pk, campaign_name=name, size=size)
        except TrainingRequired:
            # Who did not ask for that campaign may go on with another one.
            if wanted or name is None:
                raise
        if batch is None and name is not None:
            batch = batch_actions.lease_batch(annotator_id=annotator.pk, size=size)
    return batch


def _read_votes(request: MemberRequest) -> list[GivenVote]:
    """The answers of a form in the order of their positions; other fields are no affair of ours."""
    given = [(int(match[1]), request.POST[name]) for name in request.POST if (match := ANSWER.fullmatch(name))]
    return [
        GivenVote(position=position, answer=answer, milliseconds=_read_milliseconds(request, position))
        for position, answer in sorted(given)
    ]


def _read_milliseconds(request: MemberRequest, position: int) -> int | None:
    """A measure, not an answer: one that cannot be read is none."""
    text = request.POST.get(f"milliseconds-{position}", "")
    return int(text) if MILLISECONDS.fullmatch(text) else None


def _show_problems(
    request: MemberRequest, annotator: Annotator, batch_id: UUID, votes: list[GivenVote], error: InvalidInput
) -> HttpResponse:
    """The same page again with everything that was answered, and what is wrong at its picture."""
    errors: dict[int, str] = {}
    general: list[str] = []
    for name, problem in error.fields.items():
        match = VOTE_PROBLEM.match(name)
        if match:
            errors[votes[int(match[1])].position] = problem
        else:
            general.append(_("Answer at least one picture before you send the page.") if not votes else problem)
    batch = batches.find_batch(annotator, batch_id)
    answers = {vote.position: vote.answer for vote in votes}
    return _render(request, annotator, batch, status=400, answers=answers, errors=errors, form_error=" ".join(general))


def _show_conflict(request: MemberRequest, annotator: Annotator, error: DomainError) -> HttpResponse:
    """To the script, the page that is due instead, with the reason; a browser is led there by `answer_refusals`."""
    if not _wants_fragment(request):
        raise error
    status = 422 if isinstance(error, KeyReused) else 409
    batch = batches.find_oldest_live_batch(annotator)
    return _render(request, annotator, batch, status=status, form_error=error.detail)
