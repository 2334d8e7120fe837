import pytest
from django.utils.timezone import now

from annotation.actions.bars import bar_annotator
from tests.annotation.api.client import Program, assert_problem
from tests.builders import find_annotator, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def barred():
    """A program whose account is barred."""
    ann = make_user("ann")
    bar_annotator(annotator_id=find_annotator(ann).pk, code="GUESSES", reason="all yes", by=None, at=now())
    return Program(ann)


@pytest.fixture
def desk():
    return Program(make_user("cur", "curator"), "curate")


def test_a_program_reads_its_bar_and_appeals(barred):
    assert barred.ask("get", "me/").json()["bar"]["reason"] == "all yes"

    made = barred.ask("post", "me/appeal/", {"text": "I looked at each."})

    assert (made.status_code, made.json()["lifted"]) == (201, None)
    assert barred.ask("get", "me/").json()["bar"]["appeal"] == made.json()
    assert_problem(barred.ask("post", "me/appeal/", {"text": "Again."}), 409)


def test_whoever_is_not_barred_has_no_bar():
    program = Program(make_user("bob"))

    assert program.ask("get", "me/").json()["bar"] is None
    assert_problem(program.ask("post", "me/appeal/", {"text": "Why?"}), 409)


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": 5}, {"text": "x" * 2001}])
def test_an_appeal_without_words_names_the_field(barred, body):
    assert_problem(barred.ask("post", "me/appeal/", body), 400, errors={"text"})


def test_a_curator_reads_and_answers_appeals(barred, desk):
    barred.ask("post", "me/appeal/", {"text": "I looked at each."})

    [listed] = desk.ask("get", "appeals/").json()["results"]
    assert desk.ask("get", f"appeals/{listed['id']}/").json() == listed
    assert (listed["bar"]["code"], listed["votes"], listed["gold"]) == ("GUESSES", 0, 0)
    address = f"appeals/{listed['id']}/answer/"
    assert_problem(desk.ask("post", address, {"lift": False}), 400, errors={"answer"})
    answered = desk.ask("post", address, {"lift": True})
    assert (answered.status_code, answered.json()["lifted"]) == (200, True)
    assert_problem(desk.ask("post", address, {"lift": True}), 409)
    assert_problem(desk.ask("post", "appeals/999999/answer/", {"lift": True}), 404)
    assert desk.ask("get", "appeals/").json()["results"] == []
    assert barred.ask("get", "me/").json()["bar"] is None
