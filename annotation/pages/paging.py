"""Lists that are cut into pages, by number or after an id."""

from django.http import Http404, HttpRequest

MAX_PAGE_DIGITS = 4
MAX_ID_DIGITS = 18


def read_page_number(request: HttpRequest) -> int:
    """From 1 on, as the address says it; a 404 where it is no such number."""
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_PAGE_DIGITS and int(text) >= 1):
        raise Http404("There is no such page.")
    return int(text)


def read_after(request: HttpRequest) -> int | None:
    """The id after which the page begins, as the address says it; None from the first one on."""
    text = request.GET.get("after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_ID_DIGITS else None
