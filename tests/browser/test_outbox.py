"""Pages on their way to the server: what becomes of them when the network, the tab, the session or the storage goes."""

import pytest
from playwright.sync_api import expect

from annotation.actions.batches import return_batch
from annotation.models import Batch, Vote
from tests.browser.visitor import list_votes
from tests.builders import find_annotator, make_open_campaign, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
SUBMIT = "**/submit/"
NO_STORAGE = "indexedDB.open = () => { throw new DOMException('', 'SecurityError'); };"
FULL_STORAGE = """
IDBObjectStore.prototype.add = function () {
  this.transaction.abort();
  throw new DOMException('', 'QuotaExceededError');
};
"""


def away(route):
    return route.fulfill(status=503, body="away")


def is_prefetched(visitor):
    """The next page is leased and its answer has arrived."""
    visitor.wait_for(lambda: Batch.objects.filter(closed_at=None).count() > 1)
    visitor.page.wait_for_load_state("networkidle")


def test_votes_survive_a_dead_network_and_a_closed_tab_and_arrive_once(visit, campaign, annotator):
    visitor = visit(annotator)
    sent = {visitor.start_page(): {1: "YES", 2: "NO"}}
    is_prefetched(visitor)
    visitor.page.context.set_offline(True)
    visitor.press("y", "n", "Enter")
    sent[visitor.wait_for_keys()] = {1: "UNSURE"}
    visitor.press("u", "Enter")
    expect(visitor.page.locator("#unsent")).to_have_text("2 pages unsent")
    assert not Vote.objects.exists()
    visitor.page.close()

    visitor.page.context.set_offline(False)
    again = visitor.open_tab()
    again.open("/annotate/")

    again.wait_for(lambda: {batch: list_votes(batch) for batch in sent} == sent)
    expect(again.page.locator("#unsent")).to_be_hidden()
    assert Vote.objects.count() == 3
    assert again.wait_for(lambda: again.batch) not in sent


def test_a_page_belongs_to_the_account_that_answered_it(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    visitor.page.route(SUBMIT, away)
    visitor.press("n", "Enter")
    expect(visitor.page.locator("#unsent")).to_have_text("1 page unsent")

    visitor.sign_in(make_user("bea"))
    visitor.page.unroute(SUBMIT)
    visitor.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(visitor.page.get_by_text("You are not signed in any more, or as somebody else.")).to_be_visible()
    other = visitor.open_tab()
    other.start_page()
    expect(other.page.locator("#unsent")).to_be_hidden()
    assert not Vote.objects.exists()

    visitor.sign_in(annotator)
    visitor.open("/annotate/")
    visitor.wait_for(lambda: list_votes(batch) == {1: "NO"})


def test_a_session_that_ended_asks_for_a_login_and_keeps_the_answers(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    visitor.sign_in(None)
    visitor.press("y", "Enter")

    expect(visitor.page.get_by_role("link", name="Sign in").last).to_have_attribute(
        "href", "/accounts/login/?next=%2Fannotate%2F"
    )
    visitor.sign_in(annotator)
    visitor.open("/annotate/")

    visitor.wait_for(lambda: list_votes(batch) == {1: "YES"})


def test_a_sign_in_elsewhere_that_renews_the_token_loses_nothing(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()

    visitor.sign_in(annotator)
    visitor.press("y", "Enter")

    visitor.wait_for(lambda: list_votes(batch) == {1: "YES"})
    assert visitor.problems == []


def test_a_page_refused_for_good_is_told_until_it_was_read(visit, campaign, annotator):
    visitor = visit(annotator)
    batch = visitor.start_page()
    return_batch(annotator_id=find_annotator(annotator).pk, batch_id=batch)
    visitor.press("y", "n", "Enter")
    notice = visitor.page.get_by_text("2 answers were not taken. This batch was returned already.")
    expect(notice).to_be_visible()
    expect(visitor.page.locator("#unsent")).to_be_hidden()
    visitor.page.reload()
    expect(notice).to_be_visible()

    visitor.page.get_by_role("button", name="I have read this").click()

    expect(notice).to_be_hidden()
    visitor.page.reload()
    visitor.page.locator("html.enhanced").wait_for()
    expect(notice).to_be_hidden()
    assert not Vote.objects.exists()


@pytest.mark.parametrize("broken", [NO_STORAGE, FULL_STORAGE], ids=["no storage", "full storage"])
def test_a_browser_that_keeps_nothing_sends_at_once(visit, campaign, annotator, broken):
    visitor = visit(annotator)
    visitor.page.add_init_script(broken)
    batch = visitor.start_page()
    is_prefetched(visitor)
    visitor.page.route(SUBMIT, away)
    visitor.press("y", "Enter")
    expect(visitor.page.get_by_text("This browser keeps nothing for this site").first).to_be_visible()
    assert visitor.batch == batch

    visitor.page.unroute(SUBMIT)
    visitor.page.evaluate("window.dispatchEvent(new Event('online'))")

    visitor.wait_for(lambda: list_votes(batch) == {1: "YES"})
    visitor.wait_for(lambda: visitor.batch not in ("", batch))


def test_two_tabs_of_one_annotator_send_each_page_once(visit, campaign, annotator):
    first = visit(annotator)
    batch = first.start_page()
    second = first.open_tab()
    second.open("/annotate/")
    assert second.wait_for_keys() == batch

    first.press("y", "Enter")

    expect(second.page.get_by_text("This page was sent or given back in another tab.").first).to_be_visible()
    following = second.wait_for(lambda: second.batch != batch and second.batch)
    second.wait_for_keys()
    second.press("n", "Enter")
    first.wait_for(lambda: list_votes(batch) == {1: "YES"} and list_votes(following) == {1: "NO"})
    assert Vote.objects.count() == 2


def test_a_page_whose_time_is_over_says_so_and_its_votes_are_kept(visit, drawings, annotator):
    make_open_campaign([drawings["dog"]], page_size=6, gold_rate=0, lease_seconds=4)
    visitor = visit(annotator)
    batch = visitor.start_page()
    visitor.press("y")
    expect(visitor.page.get_by_text("The time for this page is over.")).to_be_visible()
    visitor.page.wait_for_timeout(300)

    visitor.press("n", "Enter")

    visitor.wait_for(lambda: list_votes(batch) == {1: "YES", 2: "NO"})
    assert set(Vote.objects.values_list("late", flat=True)) == {True}
    expect(visitor.page.locator("#unsent")).to_be_hidden()
    assert visitor.problems == []
