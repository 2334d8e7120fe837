"""Which gold is asked, and where."""

from collections import Counter

import pytest

from annotation.queries.hiding import Asked, Place, choose_gold, digest, find_share

PLACES = [Place(number, gold=True) for number in range(1000)]
POOL = {10_000 + number: number % 2 == 0 for number in range(2000)}


def choose(places=PLACES, pool=POOL, *, secret="ann"):
    return choose_gold(places, pool=pool, secret=secret)


@pytest.mark.parametrize("rate", [0.0, 0.0625, 0.125, 0.5])
def test_gold_beside_such_a_share_of_questions_is_such_a_rate_of_all(rate):
    share = find_share(rate, POOL)

    assert share / (1 + share) == pytest.approx(rate)


def test_without_gold_there_is_no_place_for_any():
    assert find_share(0.125, {}) == 0


def test_half_of_it_is_true():
    truths = Counter(POOL[asked.gold] for asked in choose())

    assert truths[True] / truths.total() == pytest.approx(0.5, abs=0.06)


def test_no_gold_is_asked_in_two_places():
    assert len({asked.gold for asked in choose()}) == len(PLACES)


def test_questions_and_gold_keep_their_order():
    mixed = [Place(1), Place(2, gold=True), Place(3), Place(3, gold=True)]

    assert [(asked.question, asked.gold is not None) for asked in choose(mixed)] == [
        (place.question, place.gold) for place in mixed
    ]


def test_what_is_asked_at_a_place_hangs_on_annotator_and_question_alone():
    alone = [choose([place])[0] for place in PLACES[:20]]

    assert alone == [choose([place], dict(reversed(POOL.items())))[0] for place in PLACES[:20]]
    assert len({choose([PLACES[0]], secret=name)[0].gold for name in "abcdefgh"}) > 4


def test_gold_that_waits_for_an_answer_comes_again_where_it_was():
    (usual,) = choose([Place(7, gold=True)])
    other = next(gold for gold in POOL if gold != usual.gold)

    assert choose([Place(7, gold=True, before=other)]) == [Asked(7, other)]
    assert choose([Place(7, gold=True, before=1)]) == [usual]


def test_places_for_which_no_gold_is_left_go():
    found = choose([Place(1), *PLACES[:5]], {1: True, 2: True})

    assert [asked.gold for asked in found] == [None, *sorted({1, 2}, key=[asked.gold for asked in found].index)]


def test_gold_of_the_other_truth_is_taken_where_none_of_the_first_is_left():
    assert len(choose(PLACES[:300], dict.fromkeys(range(9000, 9300), False))) == 300


def test_a_digest_is_even_in_its_range():
    numbers = [digest(f"ann:{number}") / 2**48 for number in range(2000)]

    assert max(numbers) < 1
    assert sum(numbers) / len(numbers) == pytest.approx(0.5, abs=0.03)
