"""One picture after the other: by swipes, by buttons and keys, as the campaign or the person wants it."""

import pytest
from playwright.sync_api import expect

from annotation.models import Campaign
from tests.browser.test_journeys import PHONE
from tests.browser.visitor import list_votes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
SWIPES = {"YES": (150, 0), "NO": (-150, 0), "UNSURE": (0, -150), None: (30, 0)}


@pytest.fixture
def cards(campaign):
    Campaign.objects.update(layout=Campaign.Layout.CARDS)


def swipe(visitor, answer):
    """A finger moves over the picture."""
    box = visitor.page.locator(".item--current .item__picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    across, down = SWIPES[answer]
    touch = visitor.page.context.new_cdp_session(visitor.page)

    def send(kind, *points):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", {"x": x, "y": y})
    for step in range(1, 6):
        send("touchMove", {"x": x + across * step / 5, "y": y + down * step / 5})
    send("touchEnd")
    visitor.wait_for_keys()


def test_swipes_answer_and_a_short_one_does_not(visit, cards, annotator):
    visitor = visit(annotator, **PHONE)
    batch = visitor.start_page()
    for answer in ("YES", None, "NO", "UNSURE"):
        swipe(visitor, answer)
    expect(visitor.page.locator(".item:visible legend")).to_have_text("Picture 4 of 6")
    visitor.page.get_by_role("button", name="Send answers").click()

    visitor.wait_for(lambda: list_votes(batch) == {1: "YES", 2: "NO", 3: "UNSURE"})
    assert visitor.problems == []


def test_buttons_below_the_picture_and_keys_answer_as_well(visit, cards, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    visitor.page.locator(".item--current .answer--no").click()
    expect(visitor.page.locator(".item:visible legend")).to_have_text("Picture 2 of 6")
    visitor.page.get_by_role("button", name="Previous").click()
    expect(visitor.page.locator(".item:visible legend")).to_have_text("Picture 1 of 6")
    visitor.page.get_by_role("button", name="Next").click()
    visitor.press("y")
    visitor.wait_for_keys()
    visitor.press("z")
    visitor.wait_for_keys()
    visitor.press("u")
    visitor.wait_for_keys()
    visitor.press("a", "Enter")

    # The first stays as it is, the pictures that were not shown have no answer.
    visitor.wait_for(lambda: list_votes(batch))
    assert list_votes(batch)[1] == "NO"
    assert set(list_votes(batch)) <= {1, 2, 3}


def test_after_the_last_picture_enter_sends(visit, cards, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    for _ in range(6):
        visitor.press("y")
        visitor.wait_for_keys()
    expect(visitor.page.get_by_text("All pictures were shown.").first).to_be_visible()

    visitor.press("Enter")

    visitor.wait_for(lambda: list_votes(batch) == dict.fromkeys(range(1, 7), "YES"))


def test_after_the_last_picture_in_the_zoom_the_focus_is_at_what_sends(visit, cards, annotator):
    visitor = visit(annotator)
    visitor.start_page()
    visitor.press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "Space", "y")

    expect(visitor.page.locator("#zoom")).to_be_hidden()
    visitor.wait_for_keys()
    expect(visitor.page.get_by_role("button", name="Send answers")).to_be_focused()


def test_the_person_chooses_where_the_campaign_leaves_it_to_them(visit, campaign, annotator):
    visitor = visit(annotator)
    visitor.start_page()
    expect(visitor.page.locator(".item:visible")).to_have_count(6)

    visitor.page.get_by_role("button", name="One by one").click()
    visitor.page.reload()
    visitor.wait_for_keys()
    expect(visitor.page.locator(".item:visible")).to_have_count(1)
    visitor.page.get_by_role("button", name="All at once").click()

    expect(visitor.page.locator(".item:visible")).to_have_count(6)


def test_a_campaign_of_one_layout_offers_no_other(visit, cards, annotator):
    visitor = visit(annotator)
    visitor.start_page()

    expect(visitor.page.locator(".item:visible")).to_have_count(1)
    expect(visitor.page.get_by_role("button", name="All at once")).to_have_count(0)
