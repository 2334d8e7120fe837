"""Leases, also many at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils.timezone import now

from annotation.actions import bars, batches, campaigns, votes
from annotation.models import BatchItem, Gold, Question
from annotation.rules import PolicyValues
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted
from tests import builders

LOOK = timedelta(milliseconds=300)


@pytest.fixture
def curator(db):
    return builders.make_user("carol", "curator")


def make_campaign(count=6, *, number=1740, by=None, **policy):
    synset = builders.make_synset(number)
    builders.make_candidates(synset, count)
    return builders.make_open_campaign([synset], by=by, **policy)


def questions_of(batch):
    return set(BatchItem.objects.filter(batch=batch).values_list("question_id", flat=True))


def run_together(work, arguments):
    """Each call in a thread with a connection of its own; their results in order."""

    def call(argument):
        try:
            return work(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(call, arguments))


# What is leased


def test_a_page_holds_distinct_questions_at_positions_from_one(curator):
    batch = builders.lease(curator, make_campaign(5, by=curator))

    positions = BatchItem.objects.filter(batch=batch).order_by("position").values_list("position", flat=True)
    assert list(positions) == [1, 2, 3, 4, 5]
    assert len(questions_of(batch)) == 5
    assert batch.expires_at - batch.leased_at == timedelta(seconds=1800)


@pytest.mark.parametrize(("size", "expected"), [(None, 4), (1, 1), (3, 3), (100, 4)])
def test_a_page_is_never_larger_than_the_policys(curator, size, expected):
    campaign = make_campaign(9, by=curator, page_size=4)

    assert len(questions_of(builders.lease(curator, campaign, size=size))) == expected


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_one_is_refused(curator, size):
    campaign = make_campaign(by=curator)

    with pytest.raises(InvalidInput, match="size"):
        builders.lease(curator, campaign, size=size)


def test_an_annotator_is_not_asked_twice(curator):
    campaign = make_campaign(6, by=curator, page_size=4)
    first = builders.vote(curator, "YES", campaign=campaign)
    second = builders.lease(curator, campaign)

    assert questions_of(first).isdisjoint(questions_of(second))
    assert batches.lease_batch(annotator_id=first.annotator_id, campaign_name=campaign.name) is None


def test_an_undone_question_is_asked_again(curator):
    batch = builders.vote(curator, "YES", campaign=make_campaign(2, by=curator))
    votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    assert questions_of(builders.lease(curator)) == questions_of(batch)


def test_the_current_synset_comes_before_the_campaigns_order(curator):
    synsets = [builders.make_synset(number) for number in (1740, 1930)]
    for synset in synsets:
        builders.make_candidates(synset, 2)
    campaign = builders.make_open_campaign(synsets, by=curator, page_size=1, gold_rate=0)
    Question.objects.filter(synset=synsets[0]).update(votes_wanted=0)
    batch = builders.lease(curator, campaign)
    Question.objects.update(votes_wanted=2)

    assert [batch.synset, builders.lease(curator, campaign).synset] == [synsets[1], synsets[1]]
    assert builders.lease(builders.make_crowd(1)[0], campaign).synset == synsets[0]


@pytest.mark.parametrize(("left", "stays"), [(2, True), (1, False)])
def test_an_annotator_stays_with_a_synset_that_gives_half_a_page(curator, left, stays):
    synsets = [builders.make_synset(number) for number in (1740, 1930)]
    for synset in synsets:
        builders.make_candidates(synset, 4 + left)
    campaign = builders.make_open_campaign(synsets, by=curator, page_size=4, gold_rate=0)
    builders.vote(curator, campaign=campaign)

    assert (builders.lease(curator, campaign).synset == synsets[0]) is stays


def test_what_is_left_of_a_synset_is_given_out_when_there_is_nothing_else(curator):
    campaign = make_campaign(5, by=curator, page_size=4, gold_rate=0)
    builders.vote(curator, campaign=campaign)

    assert len(questions_of(builders.lease(curator, campaign))) == 1


def test_the_oldest_open_campaign_with_something_left_is_served(curator):
    make_campaign(1, number=1740, by=curator)
    second = make_campaign(1, number=1930, by=curator)
    first_page, second_page = builders.lease(curator), builders.lease(curator)

    assert first_page.campaign != second
    assert second_page.campaign == second


# In which order


def test_what_tells_most_comes_first_and_within_a_band_the_order_is_the_annotators_own(curator):
    campaign = make_campaign(24, by=curator, page_size=6, gold_rate=0)
    ids = list(campaign.questions.order_by("pk").values_list("pk", flat=True))
    Question.objects.update(priority=2, votes_wanted=10)
    Question.objects.filter(pk__in=ids[20:]).update(priority=5)
    pages = [questions_of(builders.lease(user, campaign)) for user in builders.make_crowd(6)]

    assert all(set(ids[20:]) <= page for page in pages)
    assert len({frozenset(page) for page in pages}) > 1


def test_a_page_given_back_comes_again_as_long_as_nothing_has_changed(curator):
    campaign = make_campaign(24, by=curator, page_size=6, gold_rate=0)
    Question.objects.filter(pk__in=list(campaign.questions.values_list("pk", flat=True))[::2]).update(priority=4)
    draws = []
    for _ in range(4):
        page = builders.lease(curator, campaign)
        draws.append(questions_of(page))
        batches.return_batch(annotator_id=page.annotator_id, batch_id=page.pk)

    assert draws == [draws[0]] * 4


@pytest.mark.parametrize("given_back", [0, 1, 2])
def test_whichever_of_several_pages_is_given_back_comes_again(curator, given_back):
    campaign = make_campaign(30, by=curator, page_size=4, gold_rate=0)
    pages = [builders.lease(curator, campaign) for _ in range(3)]
    page = pages[given_back]
    batches.return_batch(annotator_id=page.annotator_id, batch_id=page.pk)

    assert questions_of(builders.lease(curator, campaign)) == questions_of(page)


# Who is refused


def test_a_fourth_live_lease_is_refused_until_one_is_given_back(curator):
    campaign = make_campaign(8, by=curator, page_size=2)
    pages = [builders.lease(curator, campaign) for _ in range(3)]

    with pytest.raises(Conflict, match="3 open pages"):
        builders.lease(curator, campaign)
    batches.return_batch(annotator_id=pages[0].annotator_id, batch_id=pages[0].pk)

    assert questions_of(builders.lease(curator, campaign)) == questions_of(pages[0])


def test_expired_leases_do_not_count_as_live(curator):
    campaign = make_campaign(8, by=curator, page_size=2)
    for _ in range(3):
        builders.expire(builders.lease(curator, campaign))

    assert questions_of(builders.lease(curator, campaign))


def test_a_barred_annotator_gets_no_page(curator):
    campaign = make_campaign(by=curator)
    user = builders.make_crowd(1)[0]
    annotator = builders.find_annotator(user)
    bars.bar_annotator(annotator_id=annotator.pk, reason="all yes", by=curator, at=now())

    with pytest.raises(NotPermitted, match="all yes"):
        builders.lease(user, campaign)


@pytest.mark.parametrize(
    ("step", "error"), [(campaigns.pause_campaign, "is paused"), (campaigns.close_campaign, "is closed")]
)
def test_a_campaign_that_is_not_open_gives_out_no_pages(curator, step, error):
    campaign = make_campaign(by=curator)
    step(name=campaign.name, by=curator, at=now())

    with pytest.raises(Conflict, match=error):
        builders.lease(curator, campaign)
    assert batches.lease_batch(annotator_id=builders.find_annotator(curator).pk) is None


def test_a_draft_is_as_good_as_absent(curator):
    synset = builders.make_synset(1740)
    campaigns.draft_campaign(
        name="draft", title="Draft", wnids=[synset.wnid], policy=PolicyValues(), by=curator, at=now()
    )

    for name in ("draft", "absent"):
        with pytest.raises(NotFound, match=name):
            batches.lease_batch(annotator_id=builders.find_annotator(curator).pk, campaign_name=name)


# Gold (what stands where: tests/annotation/queries/test_hiding.py)


def make_gold_of(campaign, number):
    """The first of its questions are gold from now on."""
    chosen = list(campaign.questions.order_by("pk")[:number])
    for question in chosen:
        builders.make_gold(question)
    return {question.pk for question in chosen}


def test_pages_with_gold_are_as_long_as_others(curator):
    campaign = make_campaign(40, by=curator, page_size=8, gold_rate=0.5)
    gold = make_gold_of(campaign, 20)
    pages = [builders.lease(curator, campaign) for _ in range(3)]

    assert [page.items.count() for page in pages] == [8, 8, 8]
    assert all(0 < len(questions_of(page) & gold) < 8 for page in pages)


def test_gold_stands_beside_a_question_that_is_asked_as_well(curator):
    campaign = make_campaign(6, by=curator, page_size=6, gold_rate=0.5)
    gold = make_gold_of(campaign, 3)
    items = list(builders.lease(curator, campaign).items.all())

    asked = {item.question_id for item in items} - gold
    assert len(items) == 6
    assert {item.beside_id for item in items if item.question_id in gold} == asked


def test_gold_holds_no_question(curator):
    campaign = make_campaign(6, by=curator, page_size=6, gold_rate=0.5)
    make_gold_of(campaign, 3)
    builders.lease(curator, campaign)

    assert [len(question.held_until) for question in campaign.questions.order_by("-is_gold")] == [0, 0, 0, 1, 1, 1]


def test_a_page_of_gold_alone_is_never_served_where_nothing_else_is_asked(curator):
    campaign = make_campaign(3, by=curator, gold_rate=0.5)
    make_gold_of(campaign, 3)

    assert batches.lease_batch(annotator_id=builders.find_annotator(curator).pk) is None


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_page_that_was_given_back_comes_again_as_it_was(curator, size):
    campaign = make_campaign(12, by=curator, gold_rate=0.3)
    make_gold_of(campaign, 6)
    drawn = set()
    for _ in range(6):
        batch = builders.lease(curator, campaign, size=size)
        drawn.add(frozenset(questions_of(batch)))
        batches.return_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    assert len(drawn) == 1


def test_a_page_that_was_taken_back_comes_again_as_it_was(curator):
    campaign = make_campaign(12, by=curator, page_size=4, gold_rate=0.3)
    make_gold_of(campaign, 6)
    batch = builders.vote(curator, campaign=campaign)
    votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    assert questions_of(builders.lease(curator, campaign)) == questions_of(batch)


def test_what_was_left_without_an_answer_comes_again_gold_and_other(curator):
    campaign = make_campaign(24, by=curator, page_size=6, gold_rate=0.3)
    make_gold_of(campaign, 10)
    batch = builders.lease(curator, campaign)
    builders.submit(batch, ["YES"])
    left = set(batch.items.exclude(position=1).values_list("question", flat=True))

    assert left <= questions_of(builders.lease(curator, campaign))


def test_an_annotator_meets_gold_only_once(curator):
    campaign = make_campaign(60, by=curator, page_size=10, gold_rate=0.5)
    gold = make_gold_of(campaign, 20)
    Question.objects.filter(is_gold=False).update(votes_wanted=10)
    seen = [questions_of(builders.vote(curator, campaign=campaign)) & gold for _ in range(6)]

    assert set().union(*seen) == gold
    assert sum(map(len, seen)) == len(gold)


def test_gold_that_was_shown_often_enough_hides_none_behind_it(curator):
    campaign = make_campaign(300, by=curator, page_size=10, gold_rate=0.5, gold_exposures=1)
    *spent, last = campaign.questions.order_by("pk")[:250]
    for lot, question in enumerate([*spent, last]):
        builders.make_gold(question)
        Question.objects.filter(pk=question.pk).update(lot=lot)
    Gold.objects.exclude(question=last).update(exposures=1)

    assert last.pk in questions_of(builders.lease(curator, campaign))


@pytest.mark.parametrize("end", ["voted", "returned", "expired", "undone"])
def test_gold_is_shown_to_no_more_annotators_than_its_exposures(curator, end):
    campaign = make_campaign(8, by=curator, page_size=8, gold_rate=0.5, gold_exposures=1)
    (gold,) = make_gold_of(campaign, 1)
    batch = builders.lease(curator, campaign)
    assert gold in questions_of(batch)
    if end == "returned":
        batches.return_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)
    elif end == "expired":
        builders.expire(batch)
    else:
        builders.submit(batch)
    if end == "undone":
        votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    assert gold not in questions_of(builders.lease(builders.make_crowd(1)[0], campaign))


@pytest.mark.parametrize("end", ["returned", "undone"])
def test_whoever_only_looks_is_stopped_for_a_while(curator, monkeypatch, end):
    monkeypatch.setattr(batches, "UNANSWERED_PAGES", 3)
    campaign = make_campaign(8, by=curator, page_size=2, gold_rate=0)
    for _ in range(3):
        batch = builders.lease(curator, campaign)
        if end == "returned":
            batches.return_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)
        else:
            builders.submit(batch)
            votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    with pytest.raises(Conflict, match="gave back 3 pages"):
        builders.lease(curator, campaign)


# Counting


def test_live_leases_and_votes_in_time_fill_what_is_wanted(curator):
    campaign = make_campaign(1, by=curator, gold_rate=0)
    Question.objects.update(votes_wanted=2)
    crowd = builders.make_crowd(3)
    builders.vote(crowd[0], "UNSURE", campaign=campaign)
    builders.lease(crowd[1], campaign)

    assert batches.lease_batch(annotator_id=builders.find_annotator(crowd[2]).pk) is None


@pytest.mark.parametrize("end", ["returned", "expired", "undone"])
def test_a_place_that_was_given_up_is_leased_again(curator, end):
    campaign = make_campaign(1, by=curator)
    Question.objects.update(votes_wanted=1)
    batch = builders.lease(curator, campaign)
    if end == "returned":
        batches.return_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)
    elif end == "expired":
        builders.expire(batch)
    else:
        builders.submit(batch)
        votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    assert questions_of(builders.lease(builders.make_crowd(1)[0], campaign)) == questions_of(batch)


def test_the_cap_holds_whatever_is_wanted(curator):
    campaign = make_campaign(1, by=curator, vote_cap=2)
    Question.objects.update(votes_wanted=50)
    crowd = builders.make_crowd(3)
    for user in crowd[:2]:
        builders.lease(user, campaign)

    assert batches.lease_batch(annotator_id=builders.find_annotator(crowd[2]).pk) is None


# Returning


def test_returning_twice_is_one_return(curator):
    batch = builders.lease(curator, make_campaign(by=curator))
    first = batches.return_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)
    again = batches.return_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)
    first.refresh_from_db()

    assert again.closed_at == first.closed_at


def test_a_page_that_was_sent_is_not_returned(curator):
    batch = builders.vote(curator, campaign=make_campaign(by=curator))

    with pytest.raises(Conflict, match="sent already"):
        batches.return_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)


def test_only_its_annotator_returns_a_page(curator):
    batch = builders.lease(curator, make_campaign(by=curator))
    other = builders.find_annotator(builders.make_crowd(1)[0])

    with pytest.raises(NotPermitted):
        batches.return_batch(annotator_id=other.pk, batch_id=batch.pk)
    with pytest.raises(NotFound):
        batches.return_batch(annotator_id=other.pk, batch_id=uuid4())


def test_a_lease_takes_a_fixed_number_of_queries(curator, django_assert_num_queries):
    campaign = make_campaign(30, by=curator, gold_rate=0)
    annotator = builders.find_annotator(curator)

    # savepoint, annotator with policies, history, next synset, places, find, gold, take, end of savepoint
    with django_assert_num_queries(9):
        batches.lease_batch(annotator_id=annotator.pk, campaign_name=campaign.name)
