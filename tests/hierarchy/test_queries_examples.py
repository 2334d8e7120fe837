import pytest

from hierarchy.models import Candidate, Synset
from hierarchy.queries.examples import list_example_pictures
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
    return [label.candidate.synset.words[0] for label in labels]


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


def test_one_query_brings_images_and_synsets(django_assert_num_queries):
    make_labelled("dog", "ACCEPTED", "ACCEPTED")
    dog = find_word("dog").pk

    with django_assert_num_queries(1):
        for label in list_example_pictures(dog, everything=False, limit=10):
            assert label.candidate.image.width
            assert label.candidate.synset.words
