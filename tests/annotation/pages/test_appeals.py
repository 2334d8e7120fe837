import pytest
from django.utils.timezone import now

from annotation.actions import bars
from annotation.models import Annotator
from annotation.pages import appeals as pages
from tests.annotation.pages.browser import list_messages, sign_in
from tests.builders import (
    find_annotator,
    make_candidates,
    make_crowd,
    make_gold,
    make_open_campaign,
    make_synset,
    make_user,
    make_votes,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return make_user("boss", "curator")


@pytest.fixture
def client(boss):
    return sign_in(boss)


def make_appeal(user, text="I looked at each."):
    number = find_annotator(user).pk
    bars.bar_annotator(annotator_id=number, code="GUESSES", reason="all yes", by=None, at=now())
    return bars.make_appeal(annotator_id=number, text=text, at=now())


def answer(client, appeal, **typed):
    return client.post(f"/curate/appeals/{appeal.pk}/", typed)


def test_without_appeals_it_says_so(client):
    assert "No appeal waits" in client.get("/curate/appeals/").content.decode()


def test_appeals_wait_with_the_oldest_first(client):
    made = [make_appeal(user) for user in make_crowd(3)]
    answered = made.pop(1)
    answer(client, answered, lift="yes")

    rows = client.get("/curate/appeals/").context["rows"]

    assert [row.appeal for row in rows] == made


def test_each_stands_beside_what_gold_said(client, boss):
    dog = make_synset(2084071, words=["dog"])
    make_candidates(dog, 2)
    campaign = make_open_campaign([dog], by=boss, gold_rate=0.5)
    make_gold(campaign.questions.earliest("pk"), "NO")
    [voter] = make_votes(campaign, ["YES"])
    appeal = make_appeal(voter)

    assert "0 of 1" in client.get("/curate/appeals/").content.decode()
    page = client.get(f"/curate/appeals/{appeal.pk}/").content.decode()
    assert all(words in page for words in ("I looked at each.", "all yes", "0 of 1", "Newest pages", "Lift the bar"))


def test_a_list_goes_on_after_its_last(client, monkeypatch):
    monkeypatch.setattr(pages, "APPEALS_A_PAGE", 2)
    made = [make_appeal(user) for user in make_crowd(3)]

    first = client.get("/curate/appeals/")
    second = client.get(f"/curate/appeals/?after={first.context['next_after']}")

    assert [row.appeal for row in second.context["rows"]] == made[2:]
    assert client.get("/curate/appeals/?after=junk").context["after"] is None


@pytest.mark.parametrize(("lift", "barred"), [("yes", False), ("no", True)])
def test_an_answer_lifts_the_bar_or_leaves_it(client, lift, barred):
    appeal = make_appeal(make_user("ann"))

    response = answer(client, appeal, lift=lift, answer="Thirty times yes.")

    assert len(list_messages(client.get(response["Location"]))) == 1
    assert Annotator.objects.filter(barred_at__isnull=False).exists() == barred
    assert "Thirty times yes." in client.get(f"/curate/appeals/{appeal.pk}/").content.decode()


@pytest.mark.parametrize("typed", [{"lift": "no"}, {"answer": "x"}, {"lift": "yes", "answer": "x" * 2001}])
def test_an_answer_that_cannot_be_meant_is_shown_again(client, typed):
    appeal = make_appeal(make_user("ann"))

    response = answer(client, appeal, **typed)

    assert response.status_code == 400
    assert response.context["form"].errors


def test_an_appeal_is_answered_once_and_not_by_whom_it_is_of(client, boss):
    appeal = make_appeal(boss)

    assert "another curator has to answer" in client.get(f"/curate/appeals/{appeal.pk}/").content.decode()
    response = answer(client, appeal, lift="yes")
    assert list_messages(client.get(response["Location"])) == ["Another curator has to answer your appeal."]
    other = sign_in(make_user("carol", "curator"))
    other.get(answer(other, appeal, lift="yes")["Location"])
    response = answer(other, appeal, lift="no", answer="No.")
    assert list_messages(other.get(response["Location"])) == ["This appeal was answered already."]
    assert other.get("/curate/appeals/999/").status_code == 404


def test_the_number_of_queries_does_not_grow_with_appeals(client, django_assert_num_queries):
    made = [make_appeal(user) for user in make_crowd(4)]

    with django_assert_num_queries(5):
        client.get("/curate/appeals/")
    with django_assert_num_queries(9):
        client.get(f"/curate/appeals/{made[0].pk}/")
