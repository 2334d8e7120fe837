"""The page of pictures, by keys, by mouse without scripts, and over a network that fails."""

import time

import pytest
from playwright.sync_api import expect

from annotation.models import Batch, Vote
from tests.browser.visitor import list_votes
from tests.builders import make_open_campaign

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
SUBMIT = "**/submit/"
KEYED = {1: "YES", 2: "NO", 3: "UNSURE", 5: "NO"}


def test_somebody_signs_up_and_answers_a_page_with_keys_alone(visit, campaign):
    visitor = visit()
    visitor.open("/accounts/signup/")
    for field in ("username", "password", "password_again"):
        visitor.page.locator(f"#id_{field}").fill("nadia" if field == "username" else "a long enough secret")
    visitor.press("Enter")
    visitor.page.get_by_role("button", name="Get a page of pictures").press("Enter")
    batch = visitor.wait_for_keys()

    visitor.press("y", "n", "u", "ArrowRight", "y", "z", "n", "Enter")

    visitor.wait_for(lambda: list_votes(batch))
    assert list_votes(batch) == KEYED
    assert Vote.objects.count() == len(KEYED)
    assert visitor.problems == []


def test_a_page_that_was_sent_can_be_undone(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    visitor.press("y", "Enter")
    visitor.wait_for(lambda: list_votes(batch))

    visitor.page.get_by_role("button", name="Undo that page").click()

    visitor.wait_for(lambda: not list_votes(batch))
    expect(visitor.page.get_by_text("That page is undone.").first).to_be_visible()


def test_up_and_down_move_by_a_row_and_zoom_takes_the_same_keys(visit, campaign, annotator):
    visitor = visit(annotator, viewport={"width": 390, "height": 844})
    batch = visitor.start_page()
    top = visitor.page.locator("#item-1").bounding_box()["y"]
    columns = sum(visitor.page.locator(f"#item-{n}").bounding_box()["y"] == top for n in range(1, 7))

    visitor.press("ArrowDown", "ArrowUp", "ArrowDown", "Space", "n", "Escape", "Enter")

    visitor.wait_for(lambda: list_votes(batch))
    assert list_votes(batch) == {1 + columns: "NO"}


def test_the_same_journey_works_by_mouse_without_scripts(visit, campaign, annotator):
    visitor = visit(annotator, java_script_enabled=False)
    visitor.open("/annotate/")
    visitor.page.get_by_role("button", name="Get a page of pictures").click()
    batch = visitor.batch
    for position, answer in KEYED.items():
        visitor.page.locator(f"#item-{position} .answer--{answer.lower()}").click()

    visitor.page.get_by_role("button", name="Send answers").click()

    expect(visitor.page.get_by_text("4 answers saved.").first).to_be_visible()
    assert list_votes(batch) == KEYED
    visitor.page.get_by_role("button", name="Undo that page").click()
    expect(visitor.page.get_by_text("4 answers taken back.").first).to_be_visible()
    assert list_votes(batch) == {}


def test_an_empty_page_is_not_sent_and_says_why(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()

    visitor.press("Enter")

    expect(visitor.page.get_by_text("Answer at least one picture before you send the page.").first).to_be_visible()
    assert Batch.objects.get(pk=batch).closed_at is None


def test_a_double_click_sends_one_page_and_a_held_key_none_of_the_next(visit, campaign, annotator):
    visitor = visit(annotator)
    first = visitor.start_page()
    visitor.wait_for(lambda: Batch.objects.count() > 2)
    visitor.page.wait_for_load_state("networkidle")
    visitor.press("y")
    visitor.page.get_by_role("button", name="Send answers").dblclick()
    second = visitor.wait_for(lambda: visitor.batch != first and visitor.batch)
    visitor.wait_for_keys()
    expect(visitor.page.locator("#notices")).to_be_empty()
    visitor.press("n")

    for _ in range(4):
        visitor.page.keyboard.down("Enter")
        visitor.wait_for_keys()

    visitor.wait_for(lambda: list_votes(second))
    assert list_votes(first) == {1: "YES"}
    expect(visitor.page.locator("#notices")).to_be_empty()


def test_the_first_page_of_a_campaign_is_as_large_as_the_screen_takes(visit, drawings, annotator):
    make_open_campaign([drawings["dog"]], name="dogs", page_size=8, gold_rate=0)
    visitor = visit(annotator, viewport={"width": 390, "height": 844})
    visitor.open("/campaigns/dogs/")
    sent = []
    visitor.page.on("request", lambda request: sent.append(request.post_data))

    visitor.page.get_by_role("button", name="Get a page of pictures").click()

    visitor.wait_for_keys()
    assert "size=12" in next(filter(None, sent))


def test_a_page_can_be_given_back(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()

    visitor.page.get_by_role("button", name="Give this page back").click()

    visitor.wait_for(lambda: Batch.objects.get(pk=batch).outcome == Batch.Outcome.RETURNED)
    assert not Vote.objects.exists()


def test_the_next_page_is_there_before_the_server_has_answered(visit, campaign, annotator):
    visitor = visit(annotator)
    held = []
    visitor.page.route(SUBMIT, lambda route: held.append(route))
    batch = visitor.start_page()
    following = visitor.wait_for(lambda: Batch.objects.exclude(pk=batch).first())
    visitor.page.wait_for_load_state("networkidle")

    visitor.press("y", "Enter")

    visitor.wait_for(lambda: visitor.batch == str(following.pk))
    assert not Vote.objects.exists()
    visitor.wait_for(lambda: held)[0].continue_()
    visitor.wait_for(lambda: list_votes(batch) == {1: "YES"})


def test_answers_outlast_a_server_that_is_away_and_arrive_once(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    visitor.page.route(SUBMIT, lambda route: route.fulfill(status=503, body="away"))
    visitor.press("n", "Enter")
    expect(visitor.page.locator("#unsent")).to_have_text("1 page unsent")
    assert not Vote.objects.exists()

    visitor.page.reload()
    expect(visitor.page.locator("#unsent")).to_have_text("1 page unsent")
    visitor.page.unroute(SUBMIT)
    visitor.page.evaluate("window.dispatchEvent(new Event('online'))")

    visitor.wait_for(lambda: list_votes(batch) == {1: "NO"})
    expect(visitor.page.locator("#unsent")).to_be_hidden()
    assert Vote.objects.count() == 1


def test_a_refused_page_is_sent_again_when_the_server_said_it_should(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    at = []

    def refuse_twice(route):
        at.append(time.monotonic())
        if len(at) > 2:
            return route.continue_()
        return route.fulfill(status=503, headers={"Retry-After": "1"}, body="too much at once")

    visitor.page.route(SUBMIT, refuse_twice)
    visitor.press("y", "Enter")

    visitor.wait_for(lambda: list_votes(batch) == {1: "YES"})
    expect(visitor.page.locator("#unsent")).to_be_hidden()
    # Without what the server says it would be two seconds, then four.
    assert at[1] - at[0] >= 1
    assert at[2] - at[1] < 4


def test_a_page_whose_answer_was_lost_is_sent_again_and_counts_once(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    requests = []

    def lose_first_answer(route):
        requests.append(route.request.post_data)
        if len(requests) > 1:
            return route.continue_()
        route.fetch()
        return route.abort()

    visitor.page.route(SUBMIT, lose_first_answer)
    visitor.press("y", "n", "Enter")

    visitor.wait_for(lambda: len(requests) == 2)
    expect(visitor.page.locator("#unsent")).to_be_hidden()
    assert requests[0] == requests[1]
    assert list_votes(batch) == {1: "YES", 2: "NO"}
    assert Vote.objects.count() == 2
