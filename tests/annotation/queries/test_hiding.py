"""Where gold stands among the questions of a page."""

import random
from collections import Counter

import pytest

from annotation.queries.hiding import Place, digest, fill_places

PLACES = [Place(number) for number in range(4000)]
POOL = {10_000 + number: number % 2 == 0 for number in range(2000)}


def fill(places=PLACES, pool=POOL, *, secret="ann", rate=0.125):
    return fill_places(places, pool=pool, secret=secret, rate=rate)


def gold_of(filled):
    return {each.question: each.gold for each in filled if each.gold is not None}


@pytest.mark.parametrize("rate", [0.0, 0.0625, 0.125, 0.25, 0.5])
def test_such_a_share_of_all_that_is_asked_is_gold(rate):
    gold = len(gold_of(fill(PLACES[:2000], rate=rate)))

    assert gold / (gold + 2000) == pytest.approx(rate, abs=0.02)


def test_half_of_it_is_true():
    truths = Counter(POOL[gold] for gold in gold_of(fill()).values())

    assert truths[True] / truths.total() == pytest.approx(0.5, abs=0.06)


def test_no_gold_stands_in_two_places():
    chosen = list(gold_of(fill(rate=0.5)).values())

    assert len(chosen) == len(set(chosen)) == 2000


def test_what_stands_at_a_place_hangs_on_annotator_and_question_alone():
    some = random.Random(1).sample(PLACES, 400)
    alone = gold_of(fill(some[:40]))

    assert gold_of(fill(some)).keys() & {place.question for place in some[:40]} == alone.keys()
    assert alone == {question: gold for place in some[:40] for question, gold in gold_of(fill([place])).items()}


def test_each_annotator_has_gold_at_places_of_their_own():
    ann, bob = (gold_of(fill(secret=name)).keys() for name in ("ann", "bob"))

    assert len(ann & bob) < 0.3 * len(ann)


def test_gold_that_waits_for_an_answer_comes_again_where_it_stood():
    place, gold = next(iter(gold_of(fill()).items()))
    other = next(each for each in POOL if each != gold)

    assert gold_of(fill([Place(place, before=other)])) == {place: other}
    assert gold_of(fill([Place(place, before=1)])) == {place: gold}


def test_where_gold_was_answered_the_question_itself_is_asked():
    places = [Place(question, had=True) for question in gold_of(fill())]

    assert gold_of(fill(places)) == {}


def test_without_gold_each_place_has_its_question_and_with_one_kind_all_is_of_that():
    assert gold_of(fill(pool={})) == {}
    assert set(gold_of(fill(pool={1: True, 2: True}, rate=0.5)).values()) == {1, 2}


def test_gold_of_the_other_truth_is_taken_where_none_of_the_first_is_left():
    filled = gold_of(fill(pool=dict.fromkeys(range(9000, 9300), False), rate=0.5))

    assert len(filled) == 300


def test_a_digest_is_even_in_its_range():
    numbers = [digest(f"ann:{number}") / 2**48 for number in range(2000)]

    assert max(numbers) < 1
    assert sum(numbers) / len(numbers) == pytest.approx(0.5, abs=0.03)
