"""A training gone through with the keyboard alone, without scripts, and its pages in both schemes."""

import pytest
from django.utils.timezone import now
from playwright.sync_api import expect

from annotation.actions.training import change_training
from annotation.models import TrainingAttempt
from annotation.rules import TrainingValues
from tests.browser.looking import describe_violations, save_screenshot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
SIZES = [(1280, 800), (390, 844)]


def look(visitor, name, size):
    for scheme in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=scheme)
        save_screenshot(name, size, scheme, visitor.page)
    assert describe_violations(visitor.page) == []
    assert visitor.problems == []


@pytest.mark.parametrize("size", SIZES, ids=["laptop", "phone"])
def test_a_training_is_passed_with_keys_before_the_first_page(visit, campaign, annotator, curator, size):
    change_training(name="animals", values=TrainingValues(passing_mark=1), by=campaign.drafted_by, at=now())
    # Colours that fade from one scheme to the other would be measured on their way.
    options = {"viewport": {"width": size[0], "height": size[1]}, "reduced_motion": "reduce"}
    visitor = visit(annotator, **options)
    visitor.open("/annotate/")
    visitor.page.get_by_role("button", name="Get a page of pictures").press("Enter")
    look(visitor, "train-begin", size)

    visitor.page.get_by_role("button", name="Begin").press("Enter")
    look(visitor, "train-item", size)
    while (attempt := TrainingAttempt.objects.get()).finished_at is None:
        place = len(attempt.answers)
        visitor.page.locator("[name=answer]").first.press("Space")
        visitor.press("Enter")
        visitor.wait_for(lambda place=place: len(TrainingAttempt.objects.get().answers) > place)

    expect(visitor.page.get_by_role("status")).to_be_visible()
    look(visitor, "train-end", size)
    desk = visit(curator, **options)
    desk.open("/campaigns/animals/training/")
    look(desk, "training", size)
