"""The curators' desk: questions that votes could not settle, one after the other."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.actions import disputes as actions
from annotation.models import Dispute
from annotation.pages.forms import DecisionForm
from annotation.pages.paging import read_after
from annotation.pages.refusals import MemberRequest, add_problems, answer_refusals, redirect_after_post
from annotation.queries import disputes
from hierarchy.errors import InvalidInput, NotPermitted
from hierarchy.models import Image, Label
from hierarchy.queries.examples import list_example_pictures
from hierarchy.queries.pictures import find_steady_expiry, sign_picture
from hierarchy.queries.synsets import find_path

DISPUTES_A_PAGE = 48
EXAMPLES = 6
REASONS = (
    gettext_lazy("Clearly shows it."),
    gettext_lazy("Shows something similar, not this."),
    gettext_lazy("It is there, but only a small part of the picture."),
    gettext_lazy("A drawing, a toy or a model of it."),
    gettext_lazy("Too blurred or too dark to tell."),
    gettext_lazy("Only a part of it can be seen."),
)


def show_disputes(request: MemberRequest) -> HttpResponse:
    waiting = disputes.list_open_disputes()
    after = read_after(request)
    if after is not None:
        waiting = waiting.filter(pk__gt=after)
    rows = list(waiting[: DISPUTES_A_PAGE + 1])
    shown = rows[:DISPUTES_A_PAGE]
    context = {
        "disputes": [(dispute, _sign(dispute.question.candidate.image, Image.Rendition.SMALL)) for dispute in shown],
        "after": after,
        "next_after": shown[-1].pk if len(rows) > DISPUTES_A_PAGE else None,
    }
    return render(request, "annotation/disputes.html", context)


@answer_refusals(back="annotation:dispute", keeping="dispute_id")
def show_dispute(request: MemberRequest, dispute_id: int) -> HttpResponse:
    if request.method != "POST":
        return _render_dispute(request, dispute_id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _render_dispute(request, dispute_id, form=form, status=400)
    typed = form.cleaned_data
    try:
        settled = actions.settle_dispute(
            dispute_id=dispute_id,
            verdict=typed["verdict"],
            reason=typed["reason"],
            version=typed["version"],
            by=request.user,
            at=now(),
        )
    except InvalidInput as error:
        add_problems(form, error)
        return _render_dispute(request, dispute_id, form=form, status=400)
    except NotPermitted as error:
        messages.error(request, error.detail)
        return redirect_after_post("annotation:dispute", dispute_id=dispute_id)
    return _go_on(request, settled)


def _go_on(request: MemberRequest, settled: Dispute) -> HttpResponse:
    """To the next dispute, with word of what became of this one."""
    word = settled.question.synset.words[0]
    if settled.verdict == Label.Verdict.ACCEPTED:
        messages.success(request, _("Accepted as “%(word)s”.") % {"word": word})
    else:
        messages.success(request, _("Rejected as “%(word)s”.") % {"word": word})
    following = _find_next(request, settled.pk)
    if following is None:
        return redirect_after_post("annotation:disputes")
    return redirect_after_post("annotation:dispute", dispute_id=following.pk)


def _find_next(request: MemberRequest, dispute_id: int) -> Dispute | None:
    """The next one this curator may settle; after the newest, the oldest again."""
    following = disputes.find_next_dispute(after=dispute_id, user=request.user)
    if following is None:
        following = disputes.find_next_dispute(after=0, user=request.user)
    return following if following is not None and following.pk != dispute_id else None


def _render_dispute(
    request: MemberRequest, dispute_id: int, *, form: DecisionForm | None = None, status: int = 200
) -> HttpResponse:
    dispute = disputes.find_dispute(dispute_id)
    synset = dispute.question.synset
    image = dispute.question.candidate.image
    context: dict[str, Any] = {
        "dispute": dispute,
        "question": dispute.question,
        "synset": synset,
        "image": image,
        "picture_url": _sign(image, Image.Rendition.LARGE),
        "path": find_path(synset),
        "examples": _list_examples(dispute),
        "tally": disputes.count_answers(dispute, user=request.user),
        "label": Label.objects.current().filter(candidate=dispute.question.candidate_id).first(),
        "following": _find_next(request, dispute.pk),
        "form": form or DecisionForm(initial={"version": dispute.version}),
        "reasons": REASONS,
    }
    return render(request, "annotation/dispute.html", context, status=status)


def _list_examples(dispute: Dispute) -> list[tuple[Image, str]]:
    found = list_example_pictures(dispute.question.synset_id, everything=True, limit=EXAMPLES + 1)
    others = [label.candidate.image for label in found if label.candidate_id != dispute.question.candidate_id]
    return [(image, _sign(image, Image.Rendition.SMALL)) for image in others[:EXAMPLES]]


def _sign(image: Image, rendition: str) -> str:
    return sign_picture(image_id=image.pk, rendition=rendition, audience="disputes", expires_at=find_steady_expiry())
