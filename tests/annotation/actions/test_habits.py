"""How often each annotator is checked."""

import pytest

from annotation.actions import votes
from annotation.actions.votes import GivenVote
from annotation.consensus import signals
from annotation.models import BatchItem, Conduct, Gold
from annotation.rules import find_gold_rate
from tests import builders

pytestmark = pytest.mark.django_db
FEW = 6


@pytest.fixture
def campaign(monkeypatch):
    """Six questions, three of them gold; few answers tell already."""
    for name in ("LEAST_ANSWERS", "KNOWN_GOLD", "PROVEN_GOLD"):
        monkeypatch.setattr(signals, name, 3)
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, FEW)
    campaign = builders.make_open_campaign([synset], gold_rate=0.5, page_size=FEW)
    for question in campaign.questions.order_by("pk")[:3]:
        builders.make_gold(question)
    campaign.questions.update(votes_wanted=10)
    return campaign


def answer_all(campaign, name, *, gold="YES", other="NO", milliseconds=1500):
    """A page of all six."""
    page = builders.lease(builders.make_user(name), campaign)
    given = [
        GivenVote(position=item.position, answer=other if item.beside_id is None else gold, milliseconds=milliseconds)
        for item in page.items.all()
    ]
    votes.submit_batch(annotator_id=page.annotator_id, batch_id=page.pk, votes=given, key=name)
    return page.annotator


def find_conduct(*annotators):
    builders.estimate_all()
    counts = dict.fromkeys(
        [annotator.pk for annotator in annotators], [[1.0, 1.0, 1.0]] * len(builders.CLEAR.responses)
    )
    builders.make_snapshot(counts=counts)
    return [Conduct.objects.get(annotator=annotator) for annotator in annotators]


def test_whoever_does_well_on_gold_is_checked_less(campaign):
    (conduct,) = find_conduct(answer_all(campaign, "ann"))

    assert (conduct.gold, conduct.right, conduct.checked) == (3, 3, "LESS")


def test_whoever_misses_gold_is_checked_as_usual(campaign):
    (conduct,) = find_conduct(answer_all(campaign, "ann", gold="NO", other="YES"))

    assert (conduct.gold, conduct.right, conduct.checked) == (3, 0, "USUAL")


def test_haste_and_sameness_bring_more_checks(campaign):
    quick, same, *_ = find_conduct(
        answer_all(campaign, "quick", milliseconds=50),
        answer_all(campaign, "same", other="YES"),
        *(answer_all(campaign, f"calm-{number}") for number in range(3)),
    )

    assert (quick.hurried, quick.monotonous, quick.checked) == (True, False, "MORE")
    assert (same.hurried, same.monotonous, same.checked) == (False, True, "MORE")


def test_conduct_is_found_anew_with_each_snapshot(campaign):
    ann = answer_all(campaign, "ann")
    find_conduct(ann)
    Conduct.objects.update(checked="MORE")

    assert find_conduct(ann)[0].checked == "LESS"


def test_those_who_make_the_same_mistakes_are_one_circle_and_checked_more(campaign, monkeypatch):
    monkeypatch.setattr("annotation.actions.habits.find_circles", lambda answers: {who: 1 for who, _, _ in answers})
    (conduct,) = find_conduct(answer_all(campaign, "ann"))

    assert (conduct.circle, conduct.checked) == (1, "MORE")


def test_one_of_a_circle_is_asked_a_question(campaign):
    first, other = builders.make_crowd(2)
    page = builders.lease(first, campaign, size=3)
    circle = page.annotator_id
    for user in (first, other):
        builders.make_conduct(builders.find_annotator(user), circle=circle)

    asked = list(page.items.filter(beside=None).values_list("question", flat=True))
    theirs = builders.lease(other, campaign).items
    assert asked
    assert not theirs.filter(question__in=asked).exists()
    assert not theirs.filter(beside__in=asked).exists()


def test_what_two_of_a_circle_are_asked_is_not_always_gold():
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, 60)
    campaign = builders.make_open_campaign([synset], gold_rate=0.5, page_size=12)
    for question in campaign.questions.order_by("pk")[:20]:
        builders.make_gold(question)
    first, other = builders.make_crowd(2)
    for user in (first, other):
        builders.make_conduct(builders.find_annotator(user), circle=builders.find_annotator(first).pk)
    pages = [builders.vote(first, campaign=campaign), builders.lease(first, campaign)]

    known = BatchItem.objects.filter(batch__in=pages)
    theirs = [item.question_id for _ in range(3) for item in builders.lease(other, campaign).items.all()]
    assert known.filter(question__in=Gold.objects.values("question")).exists()
    assert Gold.objects.filter(question__in=theirs).exists()
    assert not known.filter(question__in=theirs).exists()


@pytest.mark.parametrize(
    ("rate", "checked", "expected"),
    [(0.125, "MORE", 0.25), (0.125, "USUAL", 0.125), (0.125, "LESS", 0.0625), (0.3, "MORE", 0.35), (0.5, "MORE", 0.5)],
)
def test_the_share_of_gold_follows_how_often_somebody_is_checked(rate, checked, expected):
    assert find_gold_rate(rate, checked) == expected
