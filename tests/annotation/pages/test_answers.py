import re

import pytest
from django.urls import reverse
from django.utils.timezone import now

from annotation.actions import flags
from annotation.models import Flag
from tests.annotation.pages.browser import list_messages, sign_in
from tests.builders import (
    lease,
    make_candidates,
    make_gold,
    make_open_campaign,
    make_synset,
    make_user,
    submit,
    vote,
)

pytestmark = pytest.mark.django_db
PAGE = "/work/answers/"


@pytest.fixture
def campaign():
    synset = make_synset(2084071, words=["dog"])
    make_candidates(synset, 3)
    return make_open_campaign([synset], gold_rate=0, page_size=3)


@pytest.fixture
def ann(campaign):
    return make_user("ann")


@pytest.fixture
def client(ann):
    return sign_in(ann)


def contest(client, batch, text="It is a fox.", position=1):
    return client.post(reverse("annotation:contest", args=[batch.pk, position]), {"text": text})


def test_nothing_answered_yet_leads_to_annotating(client):
    assert "Nothing here yet" in client.get(PAGE).content.decode()


def test_own_answers_are_listed_newest_first_and_nobody_elses(client, ann):
    batch = lease(ann)
    submit(batch, ["YES", "NO", "UNSURE"])
    vote(make_user("bob"), "NO")

    answers = client.get(PAGE).context["answers"]

    assert [(row["vote"].position, row["vote"].answer) for row in answers] == [(3, "UNSURE"), (2, "NO"), (1, "YES")]


def test_gold_looks_like_every_other_answer(client, ann):
    batch = lease(ann)
    make_gold(batch.items.get(position=2).question)
    submit(batch)

    html = client.get(PAGE).content.decode()

    cards = [re.sub(r'src="[^"]+"|\d+', "", card) for card in html.split("<article")[1:]]
    assert len({card.split("</article>")[0] for card in cards}) == 1
    assert "gold" not in html.lower()


def test_an_answer_is_contested_and_says_so(client, ann):
    batch = vote(ann)

    contest(client, batch)

    response = client.get(PAGE)
    assert list_messages(response) == ["A curator will look at it."]
    assert "Contested: waits for a curator" in response.content.decode()


def test_what_a_curator_looked_at_says_so_without_the_outcome(client, ann):
    contest(client, vote(ann))
    contested = Flag.objects.get()
    boss = make_user("boss", "curator")
    flags.close_question_flags(
        question_id=contested.question_id or 0, newest=contested.pk, outcome="DISMISSED", by=boss, at=now()
    )

    html = client.get(PAGE).content.decode()

    assert "Contested: a curator has looked at it" in html
    assert "Nothing is wrong" not in html


def test_a_contest_without_words_comes_back_with_the_answer(client, ann):
    batch = vote(ann)

    response = contest(client, batch, "x" * 1001, position=2)

    assert response.status_code == 400
    assert [row["vote"].position for row in response.context["answers"]] == [2]
    assert response.context["answers"][0]["text"] == "x" * 1001


def test_another_persons_answer_cannot_be_contested(client):
    batch = vote(make_user("bob"))

    assert contest(client, batch).status_code == 403


def test_pages_follow_each_other_by_what_was_answered(client, ann, monkeypatch):
    monkeypatch.setattr("annotation.pages.answers.ANSWERS_A_PAGE", 2)
    vote(ann)

    first = client.get(PAGE).context
    second = client.get(first["next_url"]).context

    assert [row["vote"].position for row in second["answers"]] == [1]
    assert second["next_url"] is None
    assert client.get(f"{PAGE}?cursor=junk").status_code == 404


def test_the_number_of_queries_does_not_grow_with_answers(client, ann, django_assert_num_queries):
    vote(ann)

    with django_assert_num_queries(6):
        client.get(PAGE)
