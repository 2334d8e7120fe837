from typing import Any

import pytest
from django.utils.timezone import now

from annotation.actions import bars
from annotation.models import Appeal
from tests.annotation.pages.browser import list_messages, read_fields, sign_in
from tests.builders import find_annotator, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return make_user("ann")


@pytest.fixture
def client(ann):
    return sign_in(ann)


def bar(ann, **given):
    values: dict[str, Any] = {"reason": "answers at random", "by": make_user("boss", "curator"), "at": now()} | given
    return bars.bar_annotator(annotator_id=find_annotator(ann).pk, **values)


def send(client, text="I looked at each."):
    return client.post("/account/bar/appeal/", {"text": text})


def test_whoever_is_refused_is_led_to_the_reason(client, ann):
    bar(ann)

    assert 'href="/account/bar/"' in client.get("/annotate/").content.decode()
    assert 'href="/account/bar/"' in client.get("/").content.decode()


def test_a_barred_person_reads_why_and_by_whom_as_far_as_it_concerns_them(client, ann):
    bar(ann, code="GUESSES")

    page = client.get("/account/bar/").content.decode()

    assert all(words in page for words in ("answers at random", "no better than guesses", "A curator"))
    assert "boss" not in page


def test_the_engine_says_that_it_decided(client, ann):
    bar(ann, by=None)

    assert "The service itself" in client.get("/account/bar/").content.decode()


def test_an_appeal_is_sent_once_and_then_waits(client, ann):
    bar(ann)
    assert "text" not in read_fields(client.get("/account/bar/")).names

    response = send(client)

    page = client.get(response["Location"])
    assert list_messages(page) == ["Your appeal is sent. The answer will stand here."]
    assert "It waits for a curator." in page.content.decode()
    assert "Send the appeal" not in page.content.decode()
    assert list_messages(client.get(send(client)["Location"])) == ["Your appeal waits for its answer already."]


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
def test_an_appeal_that_says_nothing_or_too_much_is_shown_again(client, ann, text):
    bar(ann)

    response = send(client, text)

    assert (response.status_code, list(response.context["form"].errors)) == (400, ["text"])
    assert not Appeal.objects.exists()


def test_the_answer_is_read_where_the_appeal_was_sent(client, ann):
    bar(ann)
    send(client)
    boss = make_user("carol", "curator")
    bars.answer_appeal(appeal_id=Appeal.objects.get().pk, lift=False, answer="Thirty times yes.", by=boss, at=now())

    page = client.get("/account/bar/").content.decode()

    assert all(words in page for words in ("The bar stays.", "Thirty times yes.", "Send the appeal"))


def test_a_lifted_bar_leads_back_to_work(client, ann):
    number = bar(ann).pk
    send(client)
    bars.unbar_annotator(annotator_id=number, by=make_user("carol", "curator"), at=now())

    page = client.get("/account/bar/").content.decode()

    assert all(words in page for words in ("not barred", "The bar was lifted.", "Go on annotating"))


def test_the_number_of_queries_does_not_grow_with_appeals(client, ann, django_assert_num_queries):
    bar(ann)
    boss = make_user("carol", "curator")
    for _ in range(3):
        send(client)
        appeal = Appeal.objects.get(answered_at=None)
        bars.answer_appeal(appeal_id=appeal.pk, lift=False, answer="No.", by=boss, at=now())

    with django_assert_num_queries(6):
        client.get("/account/bar/")
