"""The hierarchy opens in place; without scripts its links lead on."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_a_branch_opens_in_place_when_it_is_asked_for(visit, drawings):
    visitor = visit()
    asked = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.open("/hierarchy/")
    object_ = visitor.page.get_by_role("link", name="object, physical object")
    expect(object_).to_have_count(0)

    visitor.page.locator("summary", has_text="Below physical entity").click()

    expect(object_).to_be_visible()
    assert [url for url in asked if "children" in url] == [f"{visitor.url}/hierarchy/n00001930/children/"]
    assert visitor.page.url == f"{visitor.url}/hierarchy/"
    assert visitor.problems == []


def test_arrow_keys_open_a_branch_and_walk_into_it(visit, drawings):
    visitor = visit()
    visitor.open("/hierarchy/")
    visitor.page.get_by_role("link", name="physical entity").focus()

    visitor.press("ArrowRight")
    expect(visitor.page.get_by_role("link", name="object, physical object")).to_be_visible()
    visitor.press("ArrowDown")

    expect(visitor.page.get_by_role("link", name="object, physical object")).to_be_focused()


def test_a_branch_opens_without_scripts_too(visit, drawings):
    visitor = visit(java_script_enabled=False)
    visitor.open("/hierarchy/")
    visitor.page.locator("summary", has_text="Below physical entity").click()
    visitor.page.get_by_role("link", name="Open physical entity").click()

    expect(visitor.page.get_by_role("link", name="object, physical object")).to_be_visible()


def test_a_search_finds_a_synset_and_leads_to_it(visit, drawings):
    visitor = visit()
    visitor.open("/hierarchy/")
    visitor.page.get_by_label("Find a synset").fill("corgi")
    visitor.press("Enter")
    visitor.page.get_by_role("link", name="corgi, Welsh corgi").click()

    expect(visitor.page.get_by_role("heading", name="corgi, Welsh corgi")).to_be_visible()
    assert visitor.problems == []
