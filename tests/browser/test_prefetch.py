"""Pages at hand: leased and loaded ahead, resumed when their answer was lost, given back when nobody looks at them."""

import pytest
from playwright.sync_api import expect

from annotation.models import Batch
from annotation.rules import LIVE_LEASES
from tests.browser.visitor import list_votes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
RETURNED = Batch.Outcome.RETURNED


def list_live():
    return {str(number) for number in Batch.objects.filter(closed_at=None).values_list("pk", flat=True)}


def start_full(visitor):
    """A page on screen and two at hand; returns the number of the first."""
    batch = visitor.start_page()
    visitor.wait_for(lambda: len(list_live()) == LIVE_LEASES)
    visitor.page.wait_for_load_state("networkidle")
    return batch


def test_two_pages_and_their_pictures_are_there_before_they_are_needed(visit, campaign, annotator):
    visitor = visit(annotator)
    start_full(visitor)
    asked = []
    visitor.page.context.set_offline(True)
    visitor.page.on("request", lambda request: asked.append(request.url))

    for _ in range(2):
        visitor.press("y", "Enter")
        visitor.wait_for_keys()
        broken = (
            "[...document.querySelectorAll('.item img')].filter((img) => !img.complete || !img.naturalWidth).length"
        )
        assert visitor.page.evaluate(broken) == 0

    assert not [url for url in asked if "/pictures/" in url]
    expect(visitor.page.locator("#unsent")).to_have_text("2 pages unsent")


def test_stopping_gives_back_the_page_and_those_at_hand(visit, campaign, annotator):
    visitor = visit(annotator)
    start_full(visitor)

    visitor.page.get_by_role("button", name="Give this page back").click()

    expect(visitor.page.get_by_role("heading", name="Ready when you are")).to_be_visible()
    assert list(Batch.objects.values_list("outcome", flat=True)) == [RETURNED] * LIVE_LEASES


def test_closing_the_tab_gives_back_what_nobody_has_seen(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = start_full(visitor)
    tab = visitor.open_tab()

    visitor.page.close(run_before_unload=True)

    tab.wait_for(lambda: list_live() == {batch})
    assert Batch.objects.filter(outcome=RETURNED).count() == LIVE_LEASES - 1


def test_a_page_on_screen_in_one_tab_is_not_given_back_by_another(visit, campaign, annotator):
    first = visit(annotator)
    sent = start_full(first)
    second = first.open_tab()
    second.open("/annotate/")
    assert second.wait_for_keys() == sent
    second.press("y", "Enter")
    second.wait_for(lambda: list_votes(sent))
    shown = second.wait_for(lambda: second.batch != sent and second.batch)

    first.page.close(run_before_unload=True)
    second.page.wait_for_timeout(500)

    assert shown in list_live()
    second.press("n", "Enter")
    second.wait_for(lambda: list_votes(shown) == {1: "NO"})


def test_a_page_whose_answer_was_lost_is_taken_up_again(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = start_full(visitor)
    visitor.page.goto("about:blank")
    visitor.wait_for(lambda: list_live() == {batch})
    lost = []

    def lose(route):
        route.fetch()
        route.abort()
        lost.append(route)

    visitor.page.route("**/lease/", lose)
    visitor.open("/annotate/")
    visitor.wait_for(lambda: lost)
    orphan = (list_live() - {batch}).pop()

    visitor.page.unroute("**/lease/")
    visitor.page.reload()
    visitor.wait_for_keys()
    visitor.wait_for(lambda: len(list_live()) == LIVE_LEASES)
    visitor.page.wait_for_load_state("networkidle")
    visitor.press("y", "Enter")

    visitor.wait_for(lambda: visitor.batch == orphan)
