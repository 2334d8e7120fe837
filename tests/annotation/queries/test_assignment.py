"""The walk through a synset's questions, held against looking at all of them."""

import random
from datetime import timedelta

import pytest
from django.utils.timezone import now

from annotation.actions import batches
from annotation.consensus.information import BANDS
from annotation.models import Batch, Question
from annotation.models.question import RING
from annotation.queries import assignment
from annotation.queries.assignment import Walk
from annotation.queries.hiding import Place
from tests import builders
from tests.annotation.actions.test_batches import make_campaign, questions_of

CAP = 10
HOUR = timedelta(hours=1)


@pytest.fixture
def ann(db):
    return builders.make_user("ann")


def scatter(campaign, seed):
    """Questions in all states of being wanted, voted on and held."""
    drawn = random.Random(seed)
    questions = list(campaign.questions.all())
    for question in questions:
        question.priority, question.lot = drawn.randrange(BANDS), drawn.randrange(RING)
        question.votes_wanted, question.votes_in_time = drawn.randrange(4), drawn.randrange(3)
        question.held_until = [now() + drawn.choice((HOUR, -HOUR)) for _ in range(drawn.randrange(3))]
    Question.objects.bulk_update(questions, ["priority", "lot", "votes_wanted", "votes_in_time", "held_until"])


def find_free_slowly(campaign, seen):
    """The twin: every question, one by one."""
    return {
        question.pk
        for question in campaign.questions.filter(state="OPEN", is_gold=False)
        if question.pk not in seen
        and question.votes_in_time + len(question.held_until) < min(question.votes_wanted, CAP)
    }


def begin(user, campaign, places=()):
    """A walk with what its queries need."""
    annotator, synset = builders.find_annotator(user), campaign.questions.first().synset_id
    secret = assignment.write_secret(annotator)
    parameters = {
        "annotator": annotator.pk,
        "campaign": campaign.pk,
        "synset": synset,
        "cap": CAP,
        "secret": secret,
        "circle": [],
    }
    return Walk(secret=secret, synset_id=synset, places=places), parameters


def walk_to_the_end(walk, parameters, *, wanted, share=0.0):
    found: list[Place] = []
    while not walk.has_ended:
        found += walk.find_free(wanted=wanted, parameters=parameters, share=share, found=found)
    return found


def questions_in(places):
    return [place.question for place in places if not place.gold]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("zone", [1, 3, 100])
def test_a_walk_finds_every_free_question_once(ann, monkeypatch, seed, zone):
    monkeypatch.setattr(assignment, "ZONE", zone)
    campaign = make_campaign(40, gold_rate=0)
    seen = questions_of(builders.vote(ann, campaign=campaign))
    builders.make_gold(campaign.questions.exclude(pk__in=seen).first())
    scatter(campaign, seed)
    places = [random.Random(seed).randrange(RING) for _ in range(BANDS)]

    found = questions_in(walk_to_the_end(*begin(ann, campaign, places), wanted=4))

    assert len(found) == len(set(found))
    assert set(found) == find_free_slowly(campaign, seen)


def test_what_tells_most_is_found_first(ann):
    campaign = make_campaign(60, gold_rate=0)
    scatter(campaign, 1)
    walk, parameters = begin(ann, campaign)

    found = questions_in(walk.find_free(wanted=60, parameters=parameters))
    priorities = dict(campaign.questions.values_list("pk", "priority"))

    assert found
    assert [priorities[pk] for pk in found] == sorted((priorities[pk] for pk in found), reverse=True)


def test_the_next_walk_begins_at_the_first_question_that_was_free(ann):
    campaign = make_campaign(10, gold_rate=0)
    Question.objects.update(priority=3, votes_wanted=1)
    for lot, question in enumerate(campaign.questions.order_by("pk")):
        Question.objects.filter(pk=question.pk).update(lot=lot, votes_in_time=lot < 4)
    walk, parameters = begin(ann, campaign, [0] * BANDS)
    walk.find_free(wanted=2, parameters=parameters)

    assert walk.places == [0, 0, 0, 4, 0, 0, 0, 0]


@pytest.mark.parametrize("zone", [3, 100])
def test_a_walk_finds_each_place_for_gold_once_beside_a_share_of_the_questions(ann, monkeypatch, zone):
    monkeypatch.setattr(assignment, "ZONE", zone)
    campaign = make_campaign(400, gold_rate=0)

    found = walk_to_the_end(*begin(ann, campaign), wanted=9, share=1 / 3)
    beside = [place.question for place in found if place.gold]

    assert len(beside) == len(set(beside))
    assert len(beside) / 400 == pytest.approx(1 / 3, abs=0.08)
    assert len(questions_in(found)) == 400


def test_places_for_gold_lie_anywhere_among_the_questions(ann):
    campaign = make_campaign(90, gold_rate=0)
    kinds = [place.gold for place in walk_to_the_end(*begin(ann, campaign), wanted=200, share=1.0)]

    assert 30 < sum(kinds[:90]) < 60


def test_a_place_for_gold_goes_when_others_have_answered_its_question(ann):
    campaign = make_campaign(3, gold_rate=0)
    filled = campaign.questions.first()
    Question.objects.filter(pk=filled.pk).update(votes_in_time=filled.votes_wanted)

    found = walk_to_the_end(*begin(ann, campaign), wanted=9, share=1.0)

    assert sorted(place.gold for place in found) == [False, False, True, True]
    assert filled.pk not in {place.question for place in found}


def test_a_place_for_gold_stays_when_its_question_was_answered_and_is_over_when_gold_was(ann):
    campaign = make_campaign(4, gold_rate=0.5, page_size=2)
    builders.make_gold(campaign.questions.first())
    page = next(filter(is_of_gold, (builders.vote(ann, campaign=campaign) for _ in range(3))))
    item = page.items.exclude(beside=None).get()
    places = {place.question for place in walk_to_the_end(*begin(ann, campaign), wanted=9, share=1.0) if place.gold}

    assert places == set(campaign.questions.filter(is_gold=False).values_list("pk", flat=True)) - {item.beside_id}


def is_of_gold(page):
    return page.items.exclude(beside=None).exists()


def test_a_walk_goes_on_behind_what_its_annotator_has_seen(ann, monkeypatch):
    monkeypatch.setattr(assignment, "ZONE", 8)
    campaign = make_campaign(200, gold_rate=0, page_size=4)
    band = campaign.questions.first().priority
    start = begin(ann, campaign)[0].places[band]
    seen = set().union(*(questions_of(builders.vote(ann, campaign=campaign)) for _ in range(30)))
    place = builders.lease(ann, campaign).places[band]

    lots = Question.objects.filter(pk__in=seen).values_list("lot", flat=True)
    behind = sum((lot - start) % RING < (place - start) % RING for lot in lots)
    assert len(seen) == 120
    assert behind >= 60


def test_a_page_given_back_moves_no_place(ann):
    campaign = make_campaign(30, gold_rate=0, page_size=5)
    builders.vote(ann, campaign=campaign)
    places = []
    for _ in range(3):
        page = builders.lease(ann, campaign)
        places.append(Batch.objects.get(pk=page.pk).places)
        batches.return_batch(annotator_id=page.annotator_id, batch_id=page.pk)

    assert places == [places[0]] * 3


def test_annotators_begin_at_places_of_their_own(ann):
    campaign = make_campaign(5, gold_rate=0)
    walks = [begin(user, campaign)[0].places for user in builders.make_crowd(5)]

    assert len({tuple(places) for places in walks}) == 5
    assert all(0 <= place < RING for places in walks for place in places)


def test_the_next_synset_is_the_one_behind_in_the_campaigns_order_and_then_the_first(ann):
    synsets = [builders.make_synset(number) for number in (1, 2, 3, 4)]
    for synset in synsets:
        builders.make_candidates(synset, 1)
    campaign = builders.make_open_campaign(synsets, gold_rate=0)
    Question.objects.filter(synset=3).update(state="DISPUTED")

    def find(position, passed=()):
        return assignment.find_next_synset(campaign=campaign, position=position, passed=passed)

    assert [find(0), find(1), find(2), find(4), find(2, [4])] == [1, 2, 4, 1, 1]
    assert find(0, [1, 2, 4]) is None
