"""What the pages read from a request, and how they say that something is not there."""

from django.http import Http404, HttpRequest

from hierarchy.errors import InvalidInput, NotFound
from hierarchy.models import Synset
from hierarchy.queries import counts, synsets
from hierarchy.queries.counts import ChildRow

MAX_PAGE = 1000


def find_synset_or_404(wnid: str) -> Synset:
    try:
        return synsets.find_synset(wnid)
    except (InvalidInput, NotFound) as error:
        raise Http404(error.detail) from error


def read_page_number(request: HttpRequest) -> int:
    """The number in ?page=, 1 without one; Http404 for anything that is no page number."""
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_PAGE)) and 1 <= int(text) <= MAX_PAGE):
        raise Http404("There is no such page.")
    return int(text)


def list_children_page(synset: Synset, page: int, *, everything: bool) -> tuple[list[ChildRow], bool]:
    """One page of the synset's children, and whether another follows."""
    size = counts.CHILDREN_PER_PAGE
    rows = counts.list_children(synset.pk, everything=everything, offset=(page - 1) * size, limit=size + 1)
    return rows[:size], len(rows) > size
