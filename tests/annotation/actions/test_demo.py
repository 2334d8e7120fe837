"""The demo campaign."""

import pytest
from django.utils.timezone import now

from annotation.actions import demo
from annotation.models import Campaign, Gold
from tests import builders


@pytest.fixture
def synset(db):
    return builders.make_synset(1740)


def open_demo(synset, truths, by):
    return demo.open_demo(
        name="demo", wnids=[synset.wnid], truths=truths, instructions="Look closely.", by=by, at=now()
    )


def know(candidates, answers):
    return {
        (candidate.synset.wnid, candidate.image.sha256_hex): answer
        for candidate, answer in zip(candidates, answers, strict=False)
    }


def test_one_true_and_one_wrong_picture_of_a_synset_are_gold(synset):
    truths = know(builders.make_candidates(synset, 5), ["YES", "NO", "YES", "NO", "YES"])
    campaign = open_demo(synset, truths, builders.make_user("carol", "curator"))

    assert campaign.state == "OPEN"
    assert sorted(Gold.objects.values_list("truth", flat=True)) == ["NO", "YES"]
    assert campaign.questions.count() == 5


def test_a_second_time_leaves_it_as_it_is(synset):
    curator = builders.make_user("carol", "curator")
    truths = know(builders.make_candidates(synset, 2), ["YES", "NO"])

    assert open_demo(synset, truths, curator) == open_demo(synset, truths, curator)
    assert (Campaign.objects.count(), Gold.objects.count()) == (1, 2)


def test_pictures_that_others_brought_are_asked_and_never_gold(synset):
    truths = know(builders.make_candidates(synset, 3), ["NO"])
    campaign = open_demo(synset, truths, builders.make_user("carol", "curator"))

    assert campaign.questions.count() == 3
    assert list(Gold.objects.values_list("truth", flat=True)) == ["NO"]
