"""What annotators may know of their accuracy."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from annotation.actions.accuracies import record_accuracies
from annotation.models import Accuracy, Annotator, Gold
from tests import builders

pytestmark = pytest.mark.django_db
PICTURES = 36


@pytest.fixture
def campaign():
    """All its questions are gold, one in twelve of which is no."""
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, PICTURES)
    return builders.make_open_campaign([synset], page_size=PICTURES, gold_rate=0)


def answer(campaign, count):
    """The number of somebody who said yes so often."""
    page = builders.lease(builders.make_crowd(1)[0], campaign)
    builders.submit(page, ["YES"] * count)
    return page.annotator_id


def make_gold(campaign, wrong):
    for place, question in enumerate(campaign.questions.order_by("pk")):
        builders.make_gold(question, "NO" if place < wrong else "YES")


@pytest.mark.parametrize(("wrong", "percent"), [(0, 100), (3, 90), (4, 90), (36, 0)])
def test_it_is_told_in_steps_of_five_per_cent(campaign, wrong, percent):
    number = answer(campaign, PICTURES)
    make_gold(campaign, wrong)

    assert record_accuracies(at=now()) == 1

    assert (Accuracy.objects.get().annotator_id, Accuracy.objects.get().percent) == (number, percent)


def test_twenty_nine_answers_are_too_few(campaign):
    answer(campaign, 29)
    make_gold(campaign, 0)

    assert record_accuracies(at=now()) == 0


def test_what_votes_settled_says_nothing(campaign):
    answer(campaign, PICTURES)
    make_gold(campaign, 0)
    Gold.objects.update(source="SETTLED")

    assert record_accuracies(at=now()) == 0


def test_it_is_found_anew_a_day_later_and_not_before(campaign):
    answer(campaign, PICTURES)
    make_gold(campaign, 0)
    moment = now()
    record_accuracies(at=moment)
    Gold.objects.update(truth="NO")

    assert record_accuracies(at=moment + timedelta(hours=19)) == 0
    assert Accuracy.objects.get().percent == 100
    assert record_accuracies(at=moment + timedelta(hours=21)) == 1
    assert Accuracy.objects.get().percent == 0


def test_deleted_accounts_have_none(campaign):
    number = answer(campaign, PICTURES)
    make_gold(campaign, 0)
    Annotator.objects.filter(pk=number).update(user=None)

    assert record_accuracies(at=now()) == 0
