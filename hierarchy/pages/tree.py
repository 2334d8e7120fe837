"""The tree, what opens inside it, and the search above it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from hierarchy import rules
from hierarchy.pages.reading import find_synset_or_404, list_children_page, read_page_number
from hierarchy.queries import synsets


def show_tree(request: HttpRequest) -> HttpResponse:
    """The way from the root to the synset ?open= (the root without it), and that synset's children."""
    wnid = request.GET.get("open")
    opened = synsets.find_root() if wnid is None else find_synset_or_404(wnid)
    if opened is None:
        return render(request, "hierarchy/tree.html", {"path": []})
    rows, more = list_children_page(opened, 1, everything=rules.sees_everything(request.user))
    path = synsets.find_path(opened)
    context = {"path": path, "parent": opened, "rows": rows, "next_page": 2 if more else None}
    return render(request, "hierarchy/tree.html", context)


def show_children(request: HttpRequest, wnid: str) -> HttpResponse:
    """A fragment for the tree: the list items of one page of a synset's children."""
    synset = find_synset_or_404(wnid)
    page = read_page_number(request)
    rows, more = list_children_page(synset, page, everything=rules.sees_everything(request.user))
    context = {"parent": synset, "rows": rows, "next_page": page + 1 if more else None}
    return render(request, "hierarchy/_children.html", context)


def show_search(request: HttpRequest) -> HttpResponse:
    """Synsets for the words or the wnid in ?q=."""
    text = request.GET.get("q", "").strip()
    found = synsets.search_synsets(text, limit=synsets.SEARCH_LIMIT + 1)
    context = {"text": text, "found": found[: synsets.SEARCH_LIMIT], "more": len(found) > synsets.SEARCH_LIMIT}
    return render(request, "hierarchy/search.html", context)
