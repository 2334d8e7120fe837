"""Many pages by keyboard alone, by touch on a phone and without scripts: what was answered is what stands in the table."""

from collections import Counter

import pytest
from django.core.management import call_command

from annotation.models import Vote
from hierarchy.models import Synset
from tests.browser.conftest import CAT, DOG
from tests.builders import make_open_campaign
from tests.functional.pictures import NOUNS, draw_candidates

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ANSWERS = ("YES", "NO", "UNSURE")
KEYS = {"YES": "y", "NO": "n", "UNSURE": "u"}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def make_long_campaign(folder, *, questions):
    """As many questions, one half of dogs and one of cats, 24 on a page at most."""
    call_command("import_wordnet", NOUNS / "data.noun", verbosity=0)
    manifest = draw_candidates(folder / "pictures", wnids=[DOG, CAT], each=questions // 2)
    call_command("import_images", manifest, root=manifest.parent, report=folder / "refused.csv", verbosity=0)
    make_open_campaign(list(Synset.objects.filter(wnid__in=[DOG, CAT])), page_size=24, gold_rate=0)


def answer_all(visitor, questions, *, answer, send):
    """Answers page after page by `answer(position, value)`; returns what was meant by batch and position."""
    meant: dict[tuple[str, int], str] = {}
    while len(meant) < questions:
        batch = visitor.wait_for(lambda: visitor.batch not in ("", *{key[0] for key in meant}) and visitor.batch)
        visitor.wait_for_keys()
        for position in range(1, visitor.page.locator(".item").count() + 1):
            value = ANSWERS[len(meant) % len(ANSWERS)]
            answer(position, value)
            meant[batch, position] = value
        send()
    return meant


def read_votes():
    rows = Vote.objects.standing().values_list("batch_id", "position", "answer")
    return {(str(batch), position): answer for batch, position, answer in rows}


@pytest.mark.parametrize("questions", [24, pytest.param(200, marks=pytest.mark.heavy)])
def test_keyboard_alone(visit, live_server, tmp_path, annotator, questions):
    make_long_campaign(tmp_path, questions=questions)
    visitor = visit(annotator)
    visitor.start_page()

    def press(_, value):
        visitor.press(KEYS[value])

    meant = answer_all(visitor, questions, answer=press, send=lambda: visitor.press("Enter"))

    visitor.wait_for(lambda: len(read_votes()) == questions)
    assert read_votes() == meant
    assert visitor.problems == []


@pytest.mark.parametrize("questions", [24, pytest.param(200, marks=pytest.mark.heavy)])
def test_touch_on_a_phone(visit, live_server, tmp_path, annotator, questions):
    make_long_campaign(tmp_path, questions=questions)
    visitor = visit(annotator, **PHONE)
    visitor.start_page()

    def tap(position, value):
        visitor.page.locator(f"#item-{position} .answer--{value.lower()}").tap()

    send = visitor.page.get_by_role("button", name="Send answers").tap
    meant = answer_all(visitor, questions, answer=tap, send=send)

    visitor.wait_for(lambda: len(read_votes()) == questions)
    assert read_votes() == meant
    assert max(Counter(batch for batch, _ in meant).values()) == 12
    assert visitor.problems == []


@pytest.mark.parametrize("questions", [24, pytest.param(200, marks=pytest.mark.heavy)])
def test_without_scripts(visit, live_server, tmp_path, annotator, questions):
    make_long_campaign(tmp_path, questions=questions)
    visitor = visit(annotator, java_script_enabled=False)
    visitor.open("/annotate/")
    visitor.page.get_by_role("button", name="Get a page of pictures").click()
    meant: dict[tuple[str, int], str] = {}
    while batch := visitor.batch:
        for position in range(1, visitor.page.locator(".item").count() + 1):
            value = ANSWERS[len(meant) % len(ANSWERS)]
            visitor.page.locator(f"#item-{position} .answer--{value.lower()}").click()
            meant[batch, position] = value
        visitor.page.get_by_role("button", name="Send answers").click()

    assert visitor.page.get_by_role("heading", name="Nothing left for you, for now").is_visible()
    assert len(meant) == questions
    assert read_votes() == meant
    assert visitor.problems == []
