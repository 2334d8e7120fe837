"""Sets of questions whose estimates are to be made again."""

import pytest
from django.db import transaction
from django.db.models.expressions import RawSQL
from django.utils.timezone import now

from annotation.actions.due import make_due, take_due
from annotation.models import DueQuestions, Question
from annotation.queries import claims
from tests import builders
from tests.annotation.actions.test_batches import make_campaign, run_together

ALL = "true"


@pytest.fixture
def campaign(db):
    return make_campaign(5, by=builders.make_crowd(1)[0], gold_rate=0)


@transaction.atomic
def take(limit, campaign_id=None):
    return [question.id for question in take_due(limit=limit, campaign_id=campaign_id)]


def ids(campaign):
    return list(campaign.questions.order_by("pk").values_list("pk", flat=True))


def list_due():
    return list(Question.objects.due().order_by("pk").values_list("pk", flat=True))


@pytest.mark.django_db
def test_sets_have_a_hundred_questions_at_most():
    campaign = make_campaign(205, by=builders.make_crowd(1)[0], gold_rate=0)
    make_due(condition=ALL, values={}, at=now())

    assert [len(due.questions) for due in DueQuestions.objects.order_by("pk")] == [100, 100, 5]
    assert list_due() == list(campaign.questions.order_by("pk").values_list("pk", flat=True))


def test_sets_are_of_one_campaign_each(campaign):
    other = make_campaign(2, number=1930, by=builders.make_crowd(1)[0], gold_rate=0)
    make_due(condition=ALL, values={}, at=now())

    assert take(10, campaign_id=other.pk) == list(other.questions.order_by("pk").values_list("pk", flat=True))
    assert list_due() == list(campaign.questions.order_by("pk").values_list("pk", flat=True))


def test_no_more_are_taken_than_asked_for_and_the_rest_stays(campaign):
    make_due(condition=ALL, values={}, at=now())
    before = list_due()

    assert [take(2), take(2), take(2), take(2)] == [before[:2], before[2:4], before[4:], []]
    assert not DueQuestions.objects.exists()


def test_sets_that_are_not_needed_are_not_written(campaign):
    other = make_campaign(2, number=1930, by=builders.make_crowd(1)[0], gold_rate=0)
    make_due(condition=ALL, values={}, at=now())
    places = RawSQL("ctid::text", [])
    before = dict(DueQuestions.objects.annotate(place=places).values_list("campaign_id", "place"))
    take(2)
    after = dict(DueQuestions.objects.annotate(place=places).values_list("campaign_id", "place"))

    assert (after[other.pk], after[campaign.pk] == before[campaign.pk]) == (before[other.pk], False)


def test_gold_is_never_due(campaign):
    gold = campaign.questions.first()
    builders.make_gold(gold)
    make_due(condition=ALL, values={}, at=now())

    assert gold.pk not in list_due()
    assert len(list_due()) == 4


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_somebody_holds_keeps_nobody_waiting_behind_it(monkeypatch):
    monkeypatch.setattr(claims, "SETS_AT_ONCE", 1)
    user = builders.make_crowd(1)[0]
    held, behind = (make_campaign(3, number=number, by=user, gold_rate=0) for number in (1740, 1930))
    builders.make_due(*held.questions.all(), *behind.questions.all())

    with transaction.atomic():
        list(Question.objects.select_for_update(no_key=True).filter(campaign=held))
        assert run_together(take, [2]) == [ids(behind)[:2]]
    assert list_due() == [*ids(held), *ids(behind)[2:]]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_somebody_holds_stays_due_and_sets_of_another_worker_are_left_to_it():
    campaign = make_campaign(3, by=builders.make_crowd(1)[0], gold_rate=0)
    held, *others = campaign.questions.order_by("pk").values_list("pk", flat=True)
    make_due(condition=ALL, values={}, at=now())

    with transaction.atomic():
        list(Question.objects.select_for_update(no_key=True).filter(pk=held))
        assert run_together(take, [10]) == [others]
    assert list_due() == [held]
    with transaction.atomic():
        list(DueQuestions.objects.select_for_update())
        assert run_together(take, [10]) == [[]]
    assert take(10) == [held]
