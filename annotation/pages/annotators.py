"""Annotators as curators see them: how well each answers, and the way to bar one."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.actions import bars as actions
from annotation.consensus.model import tabulate
from annotation.models import Annotator, Skill
from annotation.pages.figures import Answers, State, describe_states, write_answers, write_skill
from annotation.pages.forms import BarForm
from annotation.pages.paging import read_page_number
from annotation.pages.refusals import MemberRequest, add_problems, answer_refusals, redirect_after_post
from annotation.queries import activity, annotators, bars
from annotation.queries.estimations import find_newest_snapshot
from annotation.queries.snapshots import is_readable, read_parameters
from annotation.tasks import ring_doorbell
from hierarchy.errors import InvalidInput

ANNOTATORS_A_PAGE = 50
NEWEST_PAGES = 10
RECENT = timedelta(days=7)
DEFAULT_ORDER = "-votes"
COLUMNS: dict[str, Promise] = {
    "number": gettext_lazy("Annotator"),
    "votes": gettext_lazy("Learned from"),
    "sensitivity": gettext_lazy("Sensitivity"),
    "specificity": gettext_lazy("Specificity"),
    "unsure": gettext_lazy("Unsure"),
    "bits": gettext_lazy("Bits per vote"),
}
DIRECTIONS = {"": "ascending", "-": "descending"}


@dataclass(frozen=True)
class Column:
    """A column by which the list can be ordered: `following` is the order that its heading leads to."""

    name: str
    title: Promise
    direction: str
    following: str


def show_annotators(request: MemberRequest) -> HttpResponse:
    snapshot = find_newest_snapshot()
    if snapshot is None:
        return render(request, "annotation/annotators.html", {"snapshot": None})
    order, page = _read_order(request), read_page_number(request)
    name = order.removeprefix("-")
    start = (page - 1) * ANNOTATORS_A_PAGE
    rows = annotators.list_annotators(
        snapshot=snapshot, order=name, descending=order != name, start=start, count=ANNOTATORS_A_PAGE + 1
    )
    context = {
        "snapshot": snapshot,
        "columns": [_describe_column(each, order) for each in COLUMNS],
        "rows": [(row, write_skill(row.skill)) for row in rows[:ANNOTATORS_A_PAGE]],
        "order": order,
        "previous_page": page - 1,
        "next_page": page + 1 if len(rows) > ANNOTATORS_A_PAGE else None,
    }
    return render(request, "annotation/annotators.html", context)


def _read_order(request: MemberRequest) -> str:
    """What was asked for, where it is a column's name, from the highest on with a minus before it."""
    order = request.GET.get("sort", DEFAULT_ORDER)
    return order if order.removeprefix("-") in COLUMNS else DEFAULT_ORDER


def _describe_column(name: str, order: str) -> Column:
    """Its heading turns the order round where the list is in it already; else the highest come first."""
    current = order.removeprefix("-") == name
    direction = DIRECTIONS[order.removesuffix(name)] if current else ""
    return Column(name, COLUMNS[name], direction, name if order == f"-{name}" else f"-{name}")


@answer_refusals(back="annotation:annotators")
def show_annotator(request: MemberRequest, number: int) -> HttpResponse:
    return _render_annotator(request, number, BarForm())


@answer_refusals(back="annotation:annotator", keeping="number")
def bar_annotator(request: MemberRequest, number: int) -> HttpResponse:
    form = BarForm(request.POST)
    if not form.is_valid():
        return _render_annotator(request, number, form, status=400)
    try:
        typed = form.cleaned_data
        actions.bar_annotator(
            annotator_id=number, code=typed["code"], reason=typed["reason"], by=request.user, at=now()
        )
    except InvalidInput as error:
        add_problems(form, error)
        return _render_annotator(request, number, form, status=400)
    ring_doorbell()
    messages.success(request, _("Annotator %(number)s is barred.") % {"number": number})
    return redirect_after_post("annotation:annotator", number=number)


@answer_refusals(back="annotation:annotator", keeping="number")
def unbar_annotator(request: MemberRequest, number: int) -> HttpResponse:
    actions.unbar_annotator(annotator_id=number, by=request.user, at=now())
    ring_doorbell()
    messages.success(request, _("The bar of annotator %(number)s has ended.") % {"number": number})
    return redirect_after_post("annotation:annotator", number=number)


def _render_annotator(request: MemberRequest, number: int, form: BarForm, *, status: int = 200) -> HttpResponse:
    annotator = annotators.find_annotator_by_number(number)
    found = bars.list_bars(annotator)
    context: dict[str, Any] = {
        **describe_annotator(request, annotator),
        "bars": found,
        "bar": next((bar for bar in found if bar.ended_at is None), None),
        "form": form,
    }
    return render(request, "annotation/annotator.html", context, status=status)


def describe_annotator(request: MemberRequest, annotator: Annotator) -> dict[str, Any]:
    """What is known of how an annotator answers, as the fragments `_annotator_*.html` read it."""
    skill = annotators.find_newest_skill(annotator)
    return {
        "annotator": annotator,
        "own": annotator.user_id == request.user.pk,
        "skill": skill,
        "conduct": getattr(annotator, "conduct", None),
        "rates": write_skill(skill),
        "states": _describe_answers(skill) if skill else [],
        "answered": annotators.count_answered([annotator.pk]).get(annotator.pk, annotators.Answered()),
        "circle": annotators.list_circle(annotator),
        "recent": activity.count_recent(annotator, since=now() - RECENT),
        "pages": annotators.list_newest_pages(annotator, count=NEWEST_PAGES),
    }


def _describe_answers(skill: Skill) -> list[tuple[State, float, Answers]]:
    """By state: expected votes, and how the annotator answers; nothing where the snapshot is of another engine."""
    if not is_readable(skill.snapshot):
        return []
    parameters = read_parameters(skill.snapshot)
    counts = np.array(skill.counts, dtype=np.float64).reshape(1, parameters.states, parameters.answers)
    tables = tabulate(counts=counts, parameters=parameters)[0]
    votes = counts.sum(axis=2)[0]
    return [
        (state, float(votes[index]), write_answers(tables[index]))
        for index, state in enumerate(describe_states(parameters))
    ]
