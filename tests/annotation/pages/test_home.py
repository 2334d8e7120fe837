import pytest
from django.test import Client
from django.utils.timezone import now

from annotation.actions import bars
from annotation.models import Vote
from tests.annotation.pages.browser import sign_in
from tests.builders import (
    find_annotator,
    make_candidates,
    make_dispute,
    make_gold,
    make_open_campaign,
    make_question,
    make_synset,
    make_user,
    vote,
)

pytestmark = pytest.mark.django_db


def test_a_visitor_reads_what_this_is_and_what_is_open():
    campaign = make_question().campaign

    page = Client().get("/").content.decode()

    assert "/accounts/signup/" in page
    assert campaign.title in page


def test_a_visitor_costs_two_queries(django_assert_num_queries):
    make_question()

    with django_assert_num_queries(2):
        Client().get("/")


def test_an_annotator_reads_the_own_numbers_only():
    synset = make_synset(1740)
    make_candidates(synset, 3)
    campaign = make_open_campaign([synset], gold_rate=0)
    ann = make_user("ann")
    vote(ann, campaign=campaign)
    vote(make_user("bob"), campaign=campaign)

    response = sign_in(ann).get("/")

    assert (response.context["activity"].votes, response.context["activity"].recent) == (3, 3)
    assert "waiting" not in response.context


def test_withdrawn_votes_do_not_count_as_ones_own():
    campaign = make_question().campaign
    ann = make_user("ann")
    vote(ann, campaign=campaign)
    Vote.objects.update(withdrawn_at=now())

    assert sign_in(ann).get("/").context["activity"].votes == 0


def test_gold_is_left_out_of_a_campaigns_share():
    synset = make_synset(1740)
    make_candidates(synset, 2)
    campaign = make_open_campaign([synset])
    make_gold(campaign.questions.all()[0])

    [(_, share)] = Client().get("/").context["campaigns"]

    assert share.questions == 1


def test_a_curator_reads_how_many_disputes_wait():
    make_dispute()

    response = sign_in(make_user("boss", "curator")).get("/")

    assert response.context["waiting"] == 1
    assert "1 dispute waits" in response.content.decode()


def test_a_barred_person_reads_the_reason_instead_of_an_invitation():
    ann = make_user("ann")
    boss = make_user("boss", "curator")
    bars.bar_annotator(annotator_id=find_annotator(ann).pk, reason="answers at random", by=boss, at=now())

    page = sign_in(ann).get("/").content.decode()

    assert "answers at random" in page
    assert "Start annotating" not in page


def test_the_number_of_queries_does_not_grow_with_campaigns(django_assert_num_queries):
    boss = make_user("boss", "curator")
    for number in (1740, 2084071, 2121620):
        make_question(number=number)
    client = sign_in(boss)

    with django_assert_num_queries(9):
        client.get("/")
