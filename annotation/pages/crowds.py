"""External crowds as curators open, watch and close them."""

import csv
from collections.abc import Iterator
from xml.sax.saxutils import escape

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from annotation.actions import crowds as actions
from annotation.models import Crowd
from annotation.pages.campaigns import render_campaign
from annotation.pages.downloads import answer_with_file
from annotation.pages.forms import CrowdForm
from annotation.pages.refusals import MemberRequest, add_problems, answer_refusals, redirect_after_post
from annotation.queries import crowds
from hierarchy.errors import InvalidInput

FRAME_HEIGHT = 0
EXTERNAL_QUESTION = """<?xml version="1.0" encoding="UTF-8"?>
<ExternalQuestion xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd">
  <ExternalURL>{url}</ExternalURL>
  <FrameHeight>{height}</FrameHeight>
</ExternalQuestion>
"""
PROLIFIC_PARAMETERS = "?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"


@answer_refusals(back="annotation:campaign", keeping="name")
def open_crowd(request: MemberRequest, name: str) -> HttpResponse:
    form = CrowdForm(request.POST)
    if form.is_valid():
        try:
            crowd = actions.open_crowd(name=name, by=request.user, at=now(), **form.cleaned_data)
        except InvalidInput as error:
            add_problems(form, error)
        else:
            messages.success(request, _("The crowd can come in by the link."))
            return redirect_after_post("annotation:crowd", crowd_id=crowd.pk)
    return render_campaign(request, name, crowd_form=form, status=400)


@answer_refusals(back="annotation:campaigns")
def show_crowd(request: MemberRequest, crowd_id: int) -> HttpResponse:
    crowd = crowds.find_crowd(crowd_id)
    [counted] = [each for each in crowds.list_crowds(crowd.campaign) if each.pk == crowd.pk]
    url = request.build_absolute_uri(reverse("crowd:enter", kwargs={"token": crowd.token}))
    mturk = crowd.provider == Crowd.Provider.MTURK
    context = {
        "crowd": counted,
        "campaign": crowd.campaign,
        "over": crowd.closed_at is not None or crowd.open_until <= now(),
        "link": url if mturk else url + PROLIFIC_PARAMETERS,
        "xml": EXTERNAL_QUESTION.format(url=escape(url), height=FRAME_HEIGHT) if mturk else "",
    }
    return render(request, "annotation/crowd.html", context)


@answer_refusals(back="annotation:crowd", keeping="crowd_id")
def close_crowd(request: MemberRequest, crowd_id: int) -> HttpResponse:
    actions.close_crowd(crowd_id=crowd_id, by=request.user, at=now())
    messages.success(request, _("Nobody new comes in any more; who has begun may end."))
    return redirect_after_post("annotation:crowd", crowd_id=crowd_id)


class _Echo:
    """What csv writes to: it gives the line back."""

    def write(self, line: str) -> str:
        return line


@answer_refusals(back="annotation:campaigns")
def download_assignments(request: MemberRequest, crowd_id: int) -> HttpResponseBase:
    """Finished assignments for paying."""
    crowd = crowds.find_crowd(crowd_id)
    return answer_with_file(_write_assignments(crowd), name=f"assignments-{crowd_id}.csv", content_type="text/csv")


def _write_assignments(crowd: Crowd) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(["assignment", "questions_answered", "finished_at"])
    for reference, answered, finished_at in crowds.iterate_finished(crowd):
        # A spreadsheet would take some beginnings for a formula.
        safe = reference if reference[0].isalnum() else f"'{reference}"
        yield writer.writerow([safe, answered, finished_at.isoformat()])
