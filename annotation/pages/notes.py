"""Curators write what a synset includes and does not."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _

from annotation.actions import notes as actions
from annotation.pages.forms import NotesForm
from annotation.pages.refusals import MemberRequest, add_problems, answer_refusals, redirect_after_post
from annotation.queries import notes
from hierarchy.errors import InvalidInput, NotFound
from hierarchy.queries.synsets import find_path, find_synset

PAGE = "annotation:notes"


@answer_refusals(back=PAGE, keeping="wnid")
def show_notes(request: MemberRequest, wnid: str) -> HttpResponse:
    if request.method != "POST":
        return _render(request, wnid, None)
    form = NotesForm(request.POST)
    if not form.is_valid():
        return _render(request, wnid, form, status=400)
    typed = form.cleaned_data
    try:
        actions.write_notes(
            wnid=wnid,
            includes=typed["includes"],
            excludes=typed["excludes"],
            version=typed["version"],
            by=request.user,
            at=now(),
        )
    except InvalidInput as error:
        add_problems(form, error)
        return _render(request, wnid, form, status=400)
    messages.success(request, _("The notes are in force: every new page shows them."))
    return redirect_after_post(PAGE, wnid=wnid)


def _render(request: MemberRequest, wnid: str, form: NotesForm | None, *, status: int = 200) -> HttpResponse:
    try:
        synset = find_synset(wnid)
    except InvalidInput as error:
        raise NotFound(error.detail) from error
    versions = notes.list_versions(synset.pk)
    begin: dict[str, object] = {"version": 0}
    if versions:
        newest = versions[0]
        begin = {"version": newest.version, "includes": newest.includes, "excludes": newest.excludes}
    context = {
        "synset": synset,
        "path": find_path(synset),
        "versions": versions,
        "form": form or NotesForm(initial=begin),
    }
    return render(request, "annotation/notes.html", context, status=status)
