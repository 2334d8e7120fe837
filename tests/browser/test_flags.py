"""Flags on the page of pictures: by keys, and by mouse without scripts."""

import pytest
from playwright.sync_api import expect

from annotation.models import Flag, Vote
from tests.browser.visitor import list_votes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def list_flags():
    return list(Flag.objects.standing().order_by("pk").values_list("position", "kind"))


def test_a_picture_is_flagged_and_answered_with_keys_alone(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()

    visitor.press("y", "f", "Enter")
    visitor.wait_for(lambda: list_flags() == [(2, "OFFENSIVE")])
    expect(visitor.page.locator("#item-2 .flag").first).to_have_attribute("aria-pressed", "true")
    visitor.press("Tab", "Enter")
    visitor.wait_for(lambda: len(list_flags()) == 2)
    visitor.press("Shift+Tab", "Enter")
    visitor.wait_for(lambda: list_flags() == [(2, "PRIVATE_PERSON")])
    visitor.press("Escape", "n", "Enter")

    visitor.wait_for(lambda: list_votes(batch) == {1: "YES", 2: "NO"})
    assert visitor.problems == []


def test_a_flag_that_cannot_be_sent_is_not_shown_as_raised(visit, campaign, annotator):
    visitor = visit(annotator)
    visitor.start_page()
    visitor.page.route("**/flag/", lambda route: route.abort())

    visitor.page.get_by_role("button", name="Wrong definition").click()

    expect(visitor.page.get_by_text("The flag was not saved. Please try again.").first).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Wrong definition")).to_have_attribute("aria-pressed", "false")


def test_a_flag_is_taken_after_a_sign_in_elsewhere_that_renewed_the_token(visit, campaign, annotator):
    visitor = visit(annotator)
    visitor.start_page()
    visitor.sign_in(annotator)

    visitor.press("f", "Enter")

    visitor.wait_for(lambda: list_flags() == [(1, "OFFENSIVE")])
    assert visitor.problems == []


def test_without_scripts_a_flag_keeps_the_answers_of_the_page(visit, campaign, annotator):
    visitor = visit(annotator, java_script_enabled=False)
    visitor.open("/annotate/")
    visitor.page.get_by_role("button", name="Get a page of pictures").click()
    visitor.page.locator("#item-1 .answer--yes").click()
    visitor.page.locator("#item-3 .flags__open").click()

    visitor.page.locator("#item-3").get_by_role("button", name="Broken").click()

    expect(visitor.page.locator("#item-1 input[value=YES]")).to_be_checked()
    assert list_flags() == [(3, "BROKEN")]
    assert not Vote.objects.exists()
