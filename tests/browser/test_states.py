"""Every state of the annotating page, in both colour schemes and at three sizes: accessible, quiet, no wider than the screen."""

import pytest
from playwright.sync_api import expect

from annotation.actions.batches import return_batch
from annotation.models import Campaign
from tests.browser.looking import describe_violations, save_screenshot
from tests.builders import find_annotator

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
SIZES = {"laptop": (1280, 800), "phone": (390, 844), "wide": (1920, 1080)}
SUBMIT = "**/submit/"


def answer_some(visitor):
    visitor.press("y", "n", "u")


def zoom(visitor):
    visitor.press("Space")


def read_keys(visitor):
    visitor.press("?")
    visitor.page.get_by_role("button", name="Change").first.click()


def switch_keys_off(visitor):
    visitor.press("?")
    visitor.page.get_by_label("Single keys answer, send and open this list").uncheck()
    visitor.press("Escape")


def read_definition(visitor):
    visitor.press("d")


def go_through_cards(visitor):
    visitor.page.get_by_role("button", name="One by one").click()
    visitor.press("y")


def end_cards(visitor):
    visitor.page.get_by_role("button", name="One by one").click()
    visitor.press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "n")


def lose_server(visitor):
    visitor.page.context.set_offline(True)
    for _ in range(3):
        visitor.press("y", "Enter")
        visitor.page.wait_for_timeout(200)
    expect(visitor.page.get_by_role("heading", name="Your answers are kept on this device")).to_be_visible()


def be_refused(visitor):
    return_batch(annotator_id=find_annotator(visitor.user).pk, batch_id=visitor.batch)
    visitor.press("y", "Enter")
    expect(visitor.page.get_by_role("button", name="I have read this")).to_be_visible()


def be_signed_out(visitor):
    visitor.sign_in(None)
    visitor.press("y", "Enter")
    expect(visitor.page.get_by_text("You are not signed in any more")).to_be_visible()


def be_saved(visitor):
    visitor.press("y", "Enter")
    expect(visitor.page.get_by_role("button", name="Undo that page")).to_be_visible()


STATES = {
    "answered": answer_some,
    "zoom": zoom,
    "keys": read_keys,
    "keys-off": switch_keys_off,
    "definition": read_definition,
    "cards": go_through_cards,
    "cards-end": end_cards,
    "saved": be_saved,
    "unsent": lose_server,
    "refused": be_refused,
    "signed-out": be_signed_out,
}


def look(visitor, name, size):
    """Complaints of axe in both schemes, what lies beyond the screen, and what the browser complained of."""
    problems = []
    for scheme in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=scheme)
        visitor.page.wait_for_timeout(100)
        save_screenshot(f"state-{name}", size, scheme, visitor.page)
        problems += describe_violations(visitor.page)
    if visitor.page.evaluate("document.documentElement.scrollWidth") > size[0]:
        problems.append("wider than the screen")
    return problems


def walk(visit, annotator, size):
    """Brings the page into one state after the other, each in a browser of its own."""
    options = {"viewport": {"width": size[0], "height": size[1]}, "reduced_motion": "reduce"}
    for name, reach in STATES.items():
        visitor = visit(annotator, **options)
        visitor.user = annotator
        visitor.open("/annotate/")
        if not visitor.batch:
            visitor.page.get_by_role("button", name="Get a page of pictures").click()
        visitor.wait_for_keys()
        visitor.page.wait_for_load_state("networkidle")
        reach(visitor)
        yield name, visitor
        visitor.page.context.set_offline(False)
        visitor.page.context.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.heavy
def test_every_state_is_accessible_and_as_wide_as_the_screen(visit, campaign, annotator, size):
    found = {name: look(visitor, name, SIZES[size]) for name, visitor in walk(visit, annotator, SIZES[size])}

    assert {name: problems for name, problems in found.items() if problems} == {}


def test_a_campaign_of_cards_is_accessible(visit, campaign, annotator):
    Campaign.objects.update(layout=Campaign.Layout.CARDS)
    visitor = visit(annotator, viewport={"width": 390, "height": 844})
    visitor.start_page()
    visitor.press("y", "u")

    assert describe_violations(visitor.page) == []
    assert visitor.problems == []
