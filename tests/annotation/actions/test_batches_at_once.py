"""Leases that many annotators ask for at the same moment."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Count
from django.utils.timezone import now

from annotation.actions import batches, campaigns, drawing
from annotation.models import Batch, BatchItem, Question, Vote
from hierarchy.errors import Conflict
from tests import builders
from tests.annotation.actions.test_batches import make_campaign, questions_of, run_together

LOOK = timedelta(milliseconds=300)


def find_overshot(votes_wanted):
    """Questions whose votes in time and live leases together pass what they ask for."""
    voted = dict(Vote.objects.values_list("question_id").filter(late=False).annotate(Count("pk")))
    open_items = BatchItem.objects.filter(batch__closed_at=None, batch__expires_at__gt=now())
    leases = dict(open_items.values_list("question_id").annotate(Count("question")))
    return [pk for pk in voted.keys() | leases.keys() if voted.get(pk, 0) + leases.get(pk, 0) > votes_wanted]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_many_annotators_at_once_never_pass_what_is_asked_for():
    crowd = builders.make_crowd(13)
    campaign = make_campaign(8, by=crowd[0], page_size=3, gold_rate=0)
    Question.objects.update(votes_wanted=3)

    def work(user):
        for turn in range(6):
            batch = batches.lease_batch(annotator_id=builders.find_annotator(user).pk, campaign_name=campaign.name)
            if batch is None:
                return
            if turn % 3 < 2:
                builders.submit(batch)
            else:
                batches.return_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    run_together(work, crowd[1:])

    assert find_overshot(3) == []
    assert Vote.objects.count() == 3 * 8


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_nobody_is_told_that_nothing_is_left_while_others_only_hold_it():
    crowd = builders.make_crowd(11)
    campaign = make_campaign(4, by=crowd[0], gold_rate=0)
    Question.objects.update(votes_wanted=10)

    found = run_together(lambda user: builders.lease(user, campaign), crowd[1:])

    assert [len(questions_of(batch)) >= 1 for batch in found] == [True] * 10
    assert find_overshot(10) == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_one_annotator_on_many_devices_gets_three_pages():
    user = builders.make_crowd(1)[0]
    make_campaign(12, by=user, page_size=2)

    def work(_):
        try:
            return builders.lease(user)
        except Conflict:
            return None

    pages = [batch for batch in run_together(work, range(6)) if batch is not None]
    taken = [pk for batch in pages for pk in questions_of(batch)]

    assert len(pages) == 3
    assert len(taken) == len(set(taken)) == 6


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_lease_does_not_wait_for_a_curators_hand_on_the_campaign():
    user = builders.make_crowd(1)[0]
    campaign = make_campaign(2, by=user)

    def work(_):
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        return builders.lease(user, campaign)

    with transaction.atomic():
        campaigns.pause_campaign(name=campaign.name, by=user, at=now())
        [batch] = run_together(work, [None])

    assert batch.campaign == campaign


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_votes_that_come_at_the_moment_of_expiry_are_late_when_the_place_was_leased_again():
    first, second = builders.make_crowd(2)
    campaign = make_campaign(1, by=first)
    Question.objects.update(votes_wanted=1)
    batch = builders.lease(first, campaign)
    builders.set_expiry(batch, now() + LOOK)
    batch.refresh_from_db()
    leased, receipts = threading.Event(), []

    def send(_):
        leased.wait(10)
        receipts.append(builders.submit(batch))

    def lease_again():
        with transaction.atomic():
            time.sleep(LOOK.total_seconds())
            builders.lease(second, campaign)
            leased.set()
            # The vote now waits for the question that this transaction holds.
            time.sleep(LOOK.total_seconds())

    run_together(lambda part: part(None) if part is send else lease_again(), [send, lease_again])

    assert [receipt.late for receipt in receipts] == [True]
    assert find_overshot(1) == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_place_that_was_filled_while_its_row_was_being_locked_is_not_filled_twice(monkeypatch):
    nap = f"FROM (SELECT pg_sleep({LOOK.total_seconds()})) AS nap, unnest(%(found)s"
    slow = drawing.TAKE.replace("FROM unnest(%(found)s", nap)
    assert slow != drawing.TAKE
    monkeypatch.setattr(drawing, "TAKE", slow)
    crowd = builders.make_crowd(2)
    campaign = make_campaign(1, by=crowd[0], gold_rate=0)
    Question.objects.update(votes_wanted=1)

    def work(number):
        # The second begins to lock before the first has committed, and gets the row after that.
        time.sleep(number * LOOK.total_seconds() / 2)
        annotator = builders.find_annotator(crowd[number])
        return batches.lease_batch(annotator_id=annotator.pk, campaign_name=campaign.name)

    run_together(work, range(2))

    assert find_overshot(1) == []
    assert Batch.objects.count() == 1
