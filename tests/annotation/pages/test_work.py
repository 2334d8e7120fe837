from datetime import date, timedelta

import pytest
from django.utils.timezone import localdate, now

from annotation.actions.bars import bar_annotator
from annotation.actions.votes import GivenVote, submit_batch, undo_batch
from annotation.models import Accuracy, Batch
from annotation.queries import work
from annotation.queries.work import DayOfCampaign
from tests.annotation.pages.browser import sign_in
from tests.builders import (
    find_annotator,
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


@pytest.fixture
def campaign():
    synset = make_synset(1740)
    make_candidates(synset, 8)
    return make_open_campaign([synset], name="demo", page_size=2, gold_rate=0)


@pytest.fixture
def ann():
    return make_user("ann")


@pytest.fixture
def client(ann):
    return sign_in(ann)


def make_day(ago, name="demo"):
    return DayOfCampaign(localdate() - timedelta(days=ago), name, name.title(), 1, 2)


def put_back(batch, days):
    Batch.objects.filter(pk=batch.pk).update(closed_at=batch.closed_at - timedelta(days=days))


def test_without_votes_it_says_so(client):
    page = client.get("/work/").content.decode()

    assert all(words in page for words in ("Nothing here yet", "once you have answered enough"))


def test_days_and_campaigns_are_counted_the_newest_first(client, ann, campaign):
    put_back(vote(ann), 3)
    for _ in range(2):
        vote(ann)

    days = client.get("/work/").context["days"]

    today = localdate()
    assert [(each.day, each.name, each.pages, each.votes) for each in days] == [
        (today, "demo", 2, 4),
        (today - timedelta(days=3), "demo", 1, 2),
    ]


def test_what_was_taken_back_is_not_counted(client, ann, campaign):
    batch = vote(ann)
    undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    assert client.get("/work/").context["days"] == []


def test_gold_is_counted_as_all_else(client, ann, campaign):
    batch = lease(ann)
    make_gold(batch.items.first().question)
    submit(batch)

    context = client.get("/work/").context
    assert (context["activity"].votes, context["days"][0].votes) == (2, 2)


def test_pace_is_the_median_of_what_was_measured(client, ann, campaign):
    vote(ann)
    batch = lease(ann)
    given = [
        GivenVote(position=1, answer="YES", milliseconds=500),
        GivenVote(position=2, answer="NO", milliseconds=2000),
    ]
    submit_batch(annotator_id=batch.annotator_id, batch_id=batch.pk, votes=given, key="measured")

    assert client.get("/work/").context["pace"] == 1.25


def test_the_kept_accuracy_is_shown(client, ann):
    Accuracy.objects.create(annotator=find_annotator(ann), percent=85, found_at=now())

    assert "85 %" in client.get("/work/").content.decode()


def test_a_barred_person_is_led_to_their_bar(client, ann):
    bar_annotator(annotator_id=find_annotator(ann).pk, reason="all yes", by=None, at=now())

    assert "all yes" in client.get("/work/").content.decode()


@pytest.mark.parametrize(("ago", "row"), [([], 0), ([0], 1), ([1, 2], 2), ([0, 1, 3], 2), ([2, 3], 0)])
def test_days_in_a_row_end_today_or_yesterday(ago, row):
    assert work.count_days_in_a_row([make_day(each) for each in ago], today=localdate()) == row


def test_a_list_of_many_days_goes_on_before_the_last_one_shown():
    days = [make_day(ago, name) for ago in range(20) for name in ("cats", "dogs")]

    first, following = work.cut_days(days, before=None)
    second, end = work.cut_days(days, before=following)

    assert (first + second, end) == (days, None)
    assert len({each.day for each in first}) == work.DAYS_A_PAGE


def test_a_day_that_is_none_is_not_found(client):
    assert client.get("/work/?before=yesterday").status_code == 404
    assert "There is nothing before" in client.get(f"/work/?before={date(1999, 1, 1)}").content.decode()


def test_the_number_of_queries_does_not_grow_with_work(client, ann, campaign, django_assert_num_queries):
    for _ in range(3):
        vote(ann)

    with django_assert_num_queries(9):
        client.get("/work/")
