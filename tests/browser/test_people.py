"""Signing in and out, settling a dispute, steering a campaign: through the pages, as people do."""

import pytest
from playwright.sync_api import expect

from annotation.models import Campaign, Dispute
from hierarchy.models import Label
from tests.builders import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_somebody_signs_in_and_out(visit, annotator):
    visitor = visit()
    visitor.open("/account/")
    visitor.page.locator("#id_username").fill("ann")
    visitor.page.locator("#id_password").fill(PASSWORD)
    visitor.press("Enter")
    expect(visitor.page.get_by_role("heading", name="Your account")).to_be_visible()

    visitor.page.locator(".menu summary").click()
    visitor.page.get_by_role("button", name="Sign out").click()

    expect(visitor.page.get_by_role("link", name="Sign in").first).to_be_visible()
    visitor.open("/account/")
    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert visitor.problems == []


def test_a_wrong_password_opens_nothing_and_says_so(visit, annotator):
    visitor = visit()
    visitor.open("/accounts/login/")
    visitor.page.locator("#id_username").fill("ann")
    visitor.page.locator("#id_password").fill("wrong")
    visitor.press("Enter")

    expect(visitor.page.locator(".error-summary")).to_be_visible()
    assert not visitor.page.context.cookies() or all(c["name"] != "sessionid" for c in visitor.page.context.cookies())


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_curator_settles_a_dispute(visit, disputed, curator, scripts):
    visitor = visit(curator, java_script_enabled=scripts)
    visitor.open("/disputes/")
    visitor.page.locator(".pictures a").first.click()
    visitor.page.locator("#id_reason").fill("Clearly shows it.")

    visitor.page.locator("button[value=ACCEPTED]").click()
    if scripts:
        visitor.press("Enter")

    settled = visitor.wait_for(lambda: Dispute.objects.filter(settled_at__isnull=False).first())
    label = Label.objects.current().get(candidate=settled.question.candidate_id)
    assert (settled.verdict, settled.explanation, settled.settled_by) == ("ACCEPTED", "Clearly shows it.", curator)
    assert (label.verdict, label.source) == ("ACCEPTED", "CURATOR")
    assert Dispute.objects.filter(settled_at=None).count() == Dispute.objects.count() - 1


def test_a_curator_drafts_opens_pauses_resumes_and_closes_a_campaign(visit, drawings, curator):
    visitor = visit(curator)
    visitor.open("/draft-campaign/")
    typed = {"name": "dogs", "title": "Dogs", "instructions": "Living ones.", "synsets": "n02084071, n02112826"}
    for name, text in typed.items():
        visitor.page.locator(f"#id_{name}").fill(text)
    visitor.page.get_by_role("button", name="Save the draft").click()
    states = []

    for button in ("Open", "Pause", "Resume", "Close"):
        if button == "Close":
            visitor.page.get_by_text("Close the campaign…").click()
            button = "Close it for good"
        visitor.page.get_by_role("button", name=button, exact=True).click()
        visitor.page.wait_for_load_state()
        states.append(Campaign.objects.get(name="dogs").state)

    assert states == ["OPEN", "PAUSED", "OPEN", "CLOSED"]
    assert Campaign.objects.get(name="dogs").questions.count() == 16
    assert visitor.problems == []


def test_a_draft_with_mistakes_comes_back_as_it_was_typed(visit, drawings, curator):
    visitor = visit(curator)
    visitor.open("/draft-campaign/")
    for name, text in {"name": "no blanks please", "title": "Dogs", "synsets": "n02084071 n99999999"}.items():
        visitor.page.locator(f"#id_{name}").fill(text)
    visitor.page.get_by_role("button", name="Save the draft").click()

    expect(visitor.page.locator(".error-summary")).to_be_visible()
    expect(visitor.page.locator("#id_synsets_error")).to_contain_text("n99999999")
    expect(visitor.page.locator("#id_title")).to_have_value("Dogs")
    assert not Campaign.objects.exists()
