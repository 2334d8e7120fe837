"""What an annotator answered, newest first, and where they contest it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from annotation.actions import flags as actions
from annotation.models import Annotator, Vote
from annotation.models.flag import TEXT_LENGTH
from annotation.pages.refusals import MemberRequest, answer_refusals, redirect_after_post
from annotation.queries import flags
from annotation.queries.accounts import find_annotator
from annotation.rules import CONTEST_DAYS
from hierarchy.errors import InvalidInput
from hierarchy.models import Image
from hierarchy.queries.keyset import list_page
from hierarchy.queries.pictures import find_steady_expiry, sign_picture

ANSWERS_A_PAGE = 24


@never_cache
@answer_refusals(back="home")
def show_answers(request: MemberRequest) -> HttpResponse:
    return _render(request)


@never_cache
@answer_refusals(back="annotation:own-answers")
def contest_answer(request: MemberRequest, batch_id: UUID, position: int) -> HttpResponse:
    annotator = find_annotator(request.user)
    text = request.POST.get("text", "")
    try:
        actions.contest_answer(annotator=annotator, batch_id=batch_id, position=position, text=text, at=now())
    except InvalidInput:
        problem = _("Say in 1 to %(most)s characters why a curator should look at it.") % {"most": TEXT_LENGTH}
        return _render(request, problem=(batch_id, position, problem, text), status=400)
    messages.success(request, _("A curator will look at it."))
    return redirect_after_post("annotation:own-answers")


def _render(
    request: MemberRequest, *, problem: tuple[UUID, int, str, str] | None = None, status: int = 200
) -> HttpResponse:
    annotator = find_annotator(request.user)
    own = flags.list_own_answers(annotator)
    if problem is not None:
        own = own.filter(batch=problem[0], position=problem[1])
    try:
        page = list_page(
            own,
            order_by=["-pk"],
            write_rows=lambda rows: _describe(annotator, rows, problem),
            limit=ANSWERS_A_PAGE,
            address=request.build_absolute_uri(),
        )
    except InvalidInput as error:
        raise Http404("There is no such page.") from error
    context = {
        "answers": page["results"],
        "previous_url": page["previous"],
        "next_url": page["next"],
        "text_length": TEXT_LENGTH,
        "days": CONTEST_DAYS,
    }
    return render(request, "annotation/answers.html", context, status=status)


def _describe(
    annotator: Annotator, votes: Sequence[Vote], problem: tuple[UUID, int, str, str] | None
) -> list[dict[str, Any]]:
    contests = flags.find_contests(annotator, [vote.question_id for vote in votes])
    earliest = now() - timedelta(days=CONTEST_DAYS)
    expires_at = find_steady_expiry()
    rows = []
    for vote in votes:
        image, contest = vote.question.candidate.image, contests.get(vote.question_id)
        url = sign_picture(
            image_id=image.pk,
            rendition=Image.Rendition.SMALL,
            audience=f"annotator:{annotator.pk}:answers",
            expires_at=expires_at,
        )
        here = problem is not None and problem[:2] == (vote.batch_id, vote.position)
        rows.append(
            {
                "vote": vote,
                "synset": vote.question.synset,
                "image": image,
                "url": url,
                "contest": contest,
                "may_contest": vote.voted_at >= earliest and (contest is None or contest.closed_at is None),
                "problem": problem[2] if problem and here else "",
                "text": problem[3] if problem and here else (contest.text if contest else ""),
            }
        )
    return rows
