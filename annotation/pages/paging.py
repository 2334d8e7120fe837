"""Lists that are cut into pages by number."""

from django.http import Http404, HttpRequest

MAX_PAGE_DIGITS = 4


def read_page_number(request: HttpRequest) -> int:
    """From 1 on, as the address says it; a 404 where it is no such number."""
    text = request.GET.get("page", "1")
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_PAGE_DIGITS and int(text) >= 1):
        raise Http404("There is no such page.")
    return int(text)
