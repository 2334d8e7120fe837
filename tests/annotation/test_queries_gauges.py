"""What the database says when it is asked for metrics."""

import pytest
from django.db import DatabaseError, connection

from annotation.models import Estimate, Gold, Question
from annotation.queries.gauges import DRIFT, GAUGES, Gauge, read_gauge
from tests import builders

# Each reads in a transaction of its own.
pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
BY_NAME = {gauge.name.removeprefix("veriset_"): gauge for gauge in (*GAUGES, DRIFT)}


def read(name):
    found = read_gauge(BY_NAME[name])
    return found[""] if "" in found else dict(found)


def test_an_empty_database_has_nothing_to_tell():
    assert {name: read(name) or 0 for name in BY_NAME} == dict.fromkeys(BY_NAME, 0)


def test_leases_are_live_until_they_expire():
    builders.make_question()
    batch = builders.lease(builders.make_user("ann"))
    assert (read("live_leases"), read("expired_leases")) == (1, 0)

    builders.expire(batch)

    assert (read("live_leases"), read("expired_leases")) == (0, 1)


def test_votes_are_due_until_they_are_estimated_and_then_agree_with_their_estimates():
    builders.make_snapshot()
    builders.make_question()
    builders.vote(builders.make_user("ann"))
    assert read("due_sets") == 1
    assert 0 < read("due_oldest_seconds") < 60

    builders.estimate_all()

    assert (read("due_sets"), read("due_oldest_seconds")) == (0, 0)
    assert (read("waiting_questions"), read("recompute_drift"), read("over_redundancy")) == (1, 0, 0)


def test_an_estimate_that_does_not_follow_from_its_votes_shows():
    builders.make_snapshot()
    builders.make_question()
    builders.vote(builders.make_user("ann"))
    builders.estimate_all()

    Estimate.objects.update(log_odds=9, probability=0.9999)

    assert read("recompute_drift") == 1


def test_a_question_with_more_votes_than_allowed_shows():
    builders.make_question(vote_cap=3)
    Question.objects.update(votes_wanted=3)
    for name in ("ann", "bob", "cem"):
        builders.vote(builders.make_user(name))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE annotation_policy DISABLE TRIGGER USER")
        cursor.execute("UPDATE annotation_policy SET vote_cap = 2")
        cursor.execute("ALTER TABLE annotation_policy ENABLE TRIGGER USER")

    assert read("over_redundancy") == 1


def test_gold_is_told_by_how_much_of_it_was_shown():
    question = builders.make_question(gold_exposures=4)
    builders.make_gold(question)
    assert read("gold_questions") == {"none": 1}

    for exposures, share in ((1, "below half"), (2, "half"), (4, "all")):
        Gold.objects.update(exposures=exposures)
        assert read("gold_questions") == {share: 1}


def test_disputes_are_told_while_they_are_open():
    builders.make_dispute()

    assert read("open_disputes") == 1
    assert Question.objects.filter(state="DISPUTED").exists()


def test_what_takes_too_long_is_given_up():
    with pytest.raises(DatabaseError, match="statement timeout"):
        read_gauge(Gauge("slow", "Takes its time.", "SELECT pg_sleep(20)"))
