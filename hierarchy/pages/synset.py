"""The page of one synset, and the curators' mark on it."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _

from hierarchy import rules
from hierarchy.actions import synsets as actions
from hierarchy.errors import InvalidInput
from hierarchy.models import Image, Label, Synset
from hierarchy.pages.reading import find_synset_or_404, list_children_page, read_page_number
from hierarchy.queries import counts, examples, pictures, synsets

EXAMPLES = 24
AUDIENCE = "pages"


@dataclass(frozen=True)
class Example:
    """An accepted picture with what its licence wants said; `source_url` is empty when the source is no web address."""

    label: Label
    synset: Synset
    image: Image
    small_url: str
    large_url: str
    source_url: str


def show_synset(request: HttpRequest, wnid: str) -> HttpResponse:
    synset = find_synset_or_404(wnid)
    page = read_page_number(request)
    everything = rules.sees_everything(request.user)
    rows, more = list_children_page(synset, page, everything=everything)
    shown = everything or rules.is_safe_to_show(synset.safety)
    context = {
        "synset": synset,
        "path": synsets.find_path(synset),
        "parents": synsets.list_parents(synset.pk),
        "counts": counts.count_below(synset.pk, everything=everything),
        "parent": synset,
        "rows": rows,
        "page": page,
        "next_page": page + 1 if more else None,
        "examples_shown": shown,
        "examples": _list_examples(synset, everything=everything) if shown else [],
        "sees_everything": everything,
        "safeties": Synset.Safety,
    }
    return render(request, "hierarchy/synset.html", context)


def set_safety(request: HttpRequest, wnid: str) -> HttpResponse:
    # The table of routes lets curators in only.
    assert request.user.is_authenticated
    synset = find_synset_or_404(wnid)
    safety = request.POST.get("safety", "")
    try:
        changed = actions.set_safety(synset_id=synset.pk, safety=safety, by=request.user, at=now())
    except InvalidInput as error:
        messages.error(request, error.detail)
    else:
        messages.success(
            request,
            _("%(name)s is now marked %(safety)s.") % {"name": changed.name, "safety": changed.get_safety_display()},
        )
    return redirect("hierarchy:synset", wnid)


def _list_examples(synset: Synset, *, everything: bool) -> list[Example]:
    expires_at = pictures.find_steady_expiry()
    found = examples.list_example_pictures(synset.pk, everything=everything, limit=EXAMPLES)
    return [_make_example(label, expires_at) for label in found]


def _make_example(label: Label, expires_at: int) -> Example:
    image = label.candidate.image

    def sign(rendition: str) -> str:
        return pictures.sign_picture(image_id=image.pk, rendition=rendition, audience=AUDIENCE, expires_at=expires_at)

    return Example(
        label=label,
        synset=label.synset,
        image=image,
        small_url=sign(Image.Rendition.SMALL),
        large_url=sign(Image.Rendition.LARGE),
        source_url=image.source if image.source.startswith(("https://", "http://")) else "",
    )
