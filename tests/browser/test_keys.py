"""Keys: chosen by the person, placed as on any keyboard, switched off for whoever dictates; and answers that come back with their page."""

import pytest
from playwright.sync_api import expect

from annotation.models import Vote
from tests.browser.visitor import list_votes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
PRESS = """
([key, code, more]) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true, ...more }))
"""


def open_keys(visitor):
    visitor.press("?")
    expect(visitor.page.get_by_role("heading", name="Keys")).to_be_visible()


def tally(visitor):
    return visitor.page.locator("#tally")


def test_a_person_chooses_another_letter_and_it_stays(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    open_keys(visitor)
    visitor.page.get_by_role("button", name="Change").first.click()
    visitor.press("j")
    expect(visitor.page.locator("#keys-status")).to_have_text("The new key is set.")
    visitor.press("Escape")
    visitor.page.reload()
    visitor.wait_for_keys()

    visitor.press("y", "j", "Enter")

    visitor.wait_for(lambda: list_votes(batch) == {1: "YES"})
    expect(visitor.page.locator(".answer--yes kbd").first).to_have_text("J")
    assert visitor.problems == []


def test_a_letter_that_is_taken_changes_places_and_all_can_be_reset(visit, campaign, annotator):
    visitor = visit(annotator)
    visitor.start_page()
    open_keys(visitor)
    visitor.page.get_by_role("button", name="Change").first.click()
    visitor.press("n")
    keys = visitor.page.locator("#keys kbd[data-key]")
    assert keys.all_inner_texts()[:2] == ["N", "Y"]

    visitor.page.get_by_role("button", name="All keys as at first").click()

    assert keys.all_inner_texts()[:2] == ["Y", "N"]


def test_without_single_keys_every_answer_of_every_page_is_reached_by_tab(visit, campaign, annotator):
    visitor = visit(annotator)
    first = visitor.start_page()
    visitor.page.wait_for_load_state("networkidle")
    open_keys(visitor)
    visitor.page.get_by_label("Single keys answer, send and open this list").uncheck()
    visitor.press("Escape")
    for batch in (first, ""):
        shown = visitor.wait_for_keys()
        assert batch in ("", shown)
        visitor.page.locator("#item-1").focus()
        visitor.press("y", "?")
        for _ in range(5):
            if not visitor.page.evaluate("document.activeElement.matches('#item-1 [value=YES]')"):
                visitor.press("Tab")
        visitor.press("Space")
        expect(tally(visitor)).to_have_text("1")
        visitor.page.get_by_role("button", name="Send answers").press("Enter")
        visitor.wait_for(lambda batch=shown: list_votes(batch) == {1: "YES"})
    assert visitor.problems == []


@pytest.mark.parametrize(
    ("key", "code", "more", "answered"),
    [
        ("&", "Digit1", {}, "1"),
        ("à", "Digit0", {}, "1"),
        ("н", "KeyY", {}, "1"),
        ("Y", "KeyZ", {"shiftKey": True}, "1"),
        ("y", "KeyY", {"ctrlKey": True}, "0"),
        ("y", "KeyY", {"metaKey": True}, "0"),
        ("y", "KeyY", {"altKey": True}, "0"),
        ("y", "KeyY", {"repeat": True}, "0"),
        ("q", "KeyA", {}, "0"),
    ],
    ids=["azerty one", "azerty zero", "cyrillic", "capital", "ctrl", "meta", "alt", "held down", "no command"],
)
def test_a_key_means_what_is_typed_or_where_it_lies(visit, campaign, annotator, key, code, more, answered):
    visitor = visit(annotator)
    visitor.start_page()

    visitor.page.evaluate(PRESS, [key, code, more])

    expect(tally(visitor)).to_have_text(answered)


def test_answers_come_back_with_their_page(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    visitor.press("y", "n", "u", "z")
    expect(tally(visitor)).to_have_text("2")
    visitor.page.close()

    again = visitor.open_tab()
    again.open("/annotate/")
    assert again.wait_for_keys() == batch
    expect(tally(again)).to_have_text("2")
    expect(again.page.locator("#item-3")).to_be_focused()
    again.press("u", "Enter")

    again.wait_for(lambda: list_votes(batch) == {1: "YES", 2: "NO", 3: "UNSURE"})


def test_no_to_the_rest_leaves_out_what_was_never_on_the_screen(visit, campaign, annotator):
    visitor = visit(annotator, viewport={"width": 390, "height": 700})
    batch = visitor.start_page()

    visitor.press("a", "Enter")

    votes = visitor.wait_for(lambda: list_votes(batch))
    assert 0 < len(votes) < 6
    assert set(votes.values()) == {"NO"}


def test_the_offer_to_undo_takes_neither_the_focus_nor_the_next_enter(visit, campaign, annotator):
    visitor = visit(annotator)
    first = visitor.start_page()
    visitor.page.wait_for_load_state("networkidle")
    visitor.press("y", "Enter")
    second = visitor.wait_for_keys()
    expect(visitor.page.get_by_role("button", name="Undo that page")).to_be_visible()

    visitor.press("n", "Enter")

    visitor.wait_for(lambda: list_votes(second) == {1: "NO"})
    assert list_votes(first) == {1: "YES"}
    assert Vote.objects.count() == 2
