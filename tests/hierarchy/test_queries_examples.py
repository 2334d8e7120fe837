import random

import pytest
from django.db.models import Q

from hierarchy.models import Candidate, Closure, Synset
from hierarchy.queries import examples
from hierarchy.queries.examples import list_example_pictures
from hierarchy.queries.visibility import labels_visible_to
from tests.hierarchy.excerpt import (
    START,
    day,
    find_word,
    import_excerpt,
    label_candidate,
    make_labelled,
    publish_release,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def excerpt():
    import_excerpt()


def mark(word, safety):
    Synset.objects.filter(words__0=word).update(safety=safety)


def list_words(word, *, everything=True, limit=10):
    labels = list_example_pictures(find_word(word).pk, everything=everything, limit=limit)
    return [label.synset.words[0] for label in labels]


def list_unless(hidden, *, limit):
    labels = list_example_pictures(find_word("dog").pk, everything=True, limit=limit, hidden=Q(candidate__in=hidden))
    return [label.candidate_id for label in labels]


def test_accepted_pictures_come_nearest_synset_first_up_to_the_limit():
    make_labelled("corgi", "ACCEPTED")
    make_labelled("dog", "ACCEPTED", "REJECTED", None)
    make_labelled("lynx", "ACCEPTED")

    assert list_words("dog") == ["dog", "corgi"]
    assert list_words("dog", limit=1) == ["dog"]


def test_of_one_synset_the_most_certain_come_first():
    sure, surer = make_labelled("dog", None, None)
    label_candidate(sure, "ACCEPTED", at=START, probability=0.9)
    label_candidate(surer, "ACCEPTED", at=START, probability=0.99)

    found = list_example_pictures(find_word("dog").pk, everything=True, limit=10)

    assert [label.candidate_id for label in found] == [surer.pk, sure.pk]


def test_everybody_sees_those_of_the_newest_release():
    make_labelled("dog", "ACCEPTED", at=day(0))
    make_labelled("corgi", "ACCEPTED", at=day(2))
    publish_release("first", frozen_at=day(1))

    assert list_words("dog", everything=False) == ["dog"]


@pytest.mark.parametrize("safety", ["SENSITIVE", "OFFENSIVE"])
def test_pictures_of_a_synset_that_is_not_for_all_are_for_curators(safety):
    make_labelled("dog", "ACCEPTED")
    make_labelled("corgi", "ACCEPTED")
    publish_release("first", frozen_at=day(1))
    mark("corgi", safety)

    assert list_words("dog", everything=False) == ["dog"]
    assert list_words("dog", everything=True) == ["dog", "corgi"]


def test_an_image_proposed_for_such_a_synset_too_is_for_curators():
    (candidate,) = make_labelled("dog", "ACCEPTED")
    publish_release("first", frozen_at=day(1))
    Candidate.objects.create(image_id=candidate.image_id, synset=find_word("lynx"), collected_at=START)
    mark("lynx", "OFFENSIVE")

    assert list_words("dog", everything=False) == []


def test_two_queries_bring_images_and_synsets(django_assert_num_queries):
    make_labelled("dog", "ACCEPTED", "ACCEPTED")
    dog = find_word("dog").pk

    with django_assert_num_queries(2):
        for label in list_example_pictures(dog, everything=True, limit=10):
            assert label.candidate.image.width
            assert label.synset.words


def test_what_is_hidden_is_left_out_however_many_are_hidden(monkeypatch):
    monkeypatch.setattr(examples, "AT_ONCE", 2)
    candidates = make_labelled("dog", *["ACCEPTED"] * 5)

    assert list_unless(candidates[:4], limit=2) == [candidates[4].pk]


def test_only_so_many_labels_are_looked_at(monkeypatch):
    monkeypatch.setattr(examples, "LOOKED_AT", 3)
    candidates = make_labelled("dog", *["ACCEPTED"] * 5)

    assert list_unless(candidates[:2], limit=5) == [candidates[2].pk]


def test_only_so_many_of_the_nearest_synsets_are_looked_at(monkeypatch):
    monkeypatch.setattr(examples, "SYNSETS", 1)
    make_labelled("corgi", "ACCEPTED")
    make_labelled("puppy", "ACCEPTED")

    assert len(list_words("dog")) == 1


def test_current_labels_are_shown_before_any_release_where_they_are_asked_for():
    make_labelled("dog", "ACCEPTED")
    dog = find_word("dog").pk

    assert list_example_pictures(dog, everything=False, limit=10) == []
    assert len(list_example_pictures(dog, everything=False, limit=10, current=True)) == 1


def list_slowly(synset_id, *, everything):
    """The slow twin: all visible labels at or below, sorted."""
    distances = dict(Closure.objects.filter(ancestor_id=synset_id).values_list("descendant_id", "distance"))
    labels = [
        label
        for label in labels_visible_to(everything=everything)
        if label.verdict == "ACCEPTED" and label.candidate.synset_id in distances
    ]
    return sorted(labels, key=lambda label: (distances[label.synset_id], -label.probability, label.pk))


@pytest.mark.parametrize("everything", [True, False])
def test_every_synset_shows_the_first_of_all_below_it(everything):
    chance = random.Random(4)
    for word in ("dog", "corgi", "puppy", "lynx", "domestic cat"):
        for candidate in make_labelled(word, *[None] * 4):
            superseded_at = chance.choice([None, day(1), day(3)])
            label_candidate(
                candidate,
                chance.choice(["ACCEPTED", "ACCEPTED", "REJECTED"]),
                at=day(chance.choice([0, 2]) if superseded_at != day(1) else 0),
                probability=chance.choice([0.9, 0.99]),
                superseded_at=superseded_at,
            )
    publish_release("first", frozen_at=day(2))

    for synset in Synset.objects.all():
        found = list_example_pictures(synset.pk, everything=everything, limit=7)
        assert found == list_slowly(synset.pk, everything=everything)[:7]
