import random
from dataclasses import replace

import numpy as np
import pytest

from annotation.consensus.fit import Plan, fit
from annotation.consensus.shards import (
    OF_ITEMS,
    Holder,
    Shard,
    count_gold_answers,
    join_shards,
    make_course,
    pack_course,
    pack_expectation,
    take_pass,
    unpack_course,
    unpack_expectation,
)
from annotation.consensus.start import GRADED
from annotation.consensus.votes import UNKNOWN, Votes

ITEMS, WORKERS, SYNSETS = 400, 30, 24
COLUMNS = {"votes": ("item", "worker", "answer"), None: OF_ITEMS}
PLAN = Plan(stages=2, last_rounds=30)


def make_shard(*, seed=0):
    """All items at once: workers of differing accuracy, some items with one vote or none, some with a known truth."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 2, ITEMS).astype(np.int8)
    item = np.repeat(np.arange(ITEMS), chance.integers(0, 7, ITEMS))
    worker = chance.integers(0, WORKERS, len(item))
    right = chance.random(len(item)) < np.linspace(0.55, 0.98, WORKERS)[worker]
    answer = np.where(chance.random(len(item)) < 0.1, 1, 2 * np.where(right, truth[item], 1 - truth[item]))
    votes = Votes.from_arrays(item=item, worker=worker, answer=answer, items=ITEMS, workers=WORKERS, answers=3)
    known = np.where(chance.random(ITEMS) < 0.2, truth, np.int8(UNKNOWN))
    drawn = (known != UNKNOWN) & (chance.random(ITEMS) < 0.7)
    said = np.where(chance.random(ITEMS) < 0.3, chance.uniform(0.05, 0.95, ITEMS), np.nan)
    item_id = np.arange(ITEMS) * 7 + 3
    return Shard(votes=votes, item_id=item_id, truth=known, drawn=drawn, prior=said, synset_id=item_id % SYNSETS)


def split(whole, shards):
    """In stripes of ids, so that a synset lies in several shards."""
    return [whole.select(whole.item_id // 20 % shards == shard) for shard in range(shards)]


def fit_in_shards(parts, course, *, clamped, seed=0):
    """Every value goes through bytes; shards are asked in a random order; now and then a holder is lost and made anew."""
    chance = random.Random(seed)
    holders, before, begun = {}, None, course.parameters
    while not course.finished:
        found = {}
        for number in chance.sample(range(len(parts)), len(parts)):
            if number not in holders or chance.random() < 0.2:
                holders[number] = Holder(Shard.from_bytes(parts[number].to_bytes()), start=begun, clamped=clamped)
                if before is not None:
                    holders[number].ask(before)
            found[number] = unpack_expectation(pack_expectation(holders[number].ask(course)))
        ordered = [found[number] for number in range(len(parts))]
        before, course = course, unpack_course(pack_course(take_pass(course, ordered, before=before)))
    return course


def describe(course):
    """All that must be the same to the last bit."""
    arrays = [course.counts, *(np.asarray(value) for value in vars(course.parameters).values())]
    return [array.tobytes() for array in arrays], course.rounds, course.stage, course.stage_rounds, course.converged


@pytest.mark.parametrize("shards", [1, 3, 8])
@pytest.mark.parametrize("clamped", [False, True])
def test_a_fit_in_shards_is_the_fit_in_one_place_to_the_last_bit(shards, clamped):
    whole = make_shard()
    counts = np.random.default_rng(1).integers(0, 9, (WORKERS, GRADED.states, 3)).astype(np.float64)
    start = make_course(parameters=GRADED, counts=counts, plan=PLAN)

    found = fit_in_shards(split(whole, shards), start, clamped=clamped, seed=shards)

    truth = whole.truth if clamped else None
    expected = fit(votes=whole.votes, start=GRADED, counts=counts, truth=truth, plan=PLAN)
    assert describe(found) == describe(expected)
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)


def test_the_whole_result_is_the_same_in_whatever_order_shards_end():
    parts = split(make_shard(), 5)
    start = make_course(parameters=GRADED, counts=np.zeros((WORKERS, GRADED.states, 3)), plan=PLAN)

    packed = {pack_course(fit_in_shards(parts, start, clamped=True, seed=seed)) for seed in range(4)}

    assert len(packed) == 1


def test_a_shard_without_items_adds_nothing():
    whole = make_shard()
    start = make_course(parameters=GRADED, counts=np.zeros((WORKERS, GRADED.states, 3)), plan=PLAN)
    nothing = whole.select(np.zeros(ITEMS, dtype=bool))

    found = fit_in_shards([nothing, whole, nothing], start, clamped=True)

    assert describe(found) == describe(fit_in_shards([whole], start, clamped=True))


def test_where_nothing_teaches_the_start_comes_back():
    whole = make_shard()
    nothing = whole.select(np.zeros(ITEMS, dtype=bool))
    start = make_course(parameters=GRADED, counts=np.zeros((WORKERS, GRADED.states, 3)), plan=PLAN)

    found = fit_in_shards([nothing, nothing], start, clamped=False)

    assert describe(found) == describe(fit(votes=nothing.votes, start=GRADED, plan=PLAN))


@pytest.mark.parametrize("shards", [1, 3, 8])
def test_shards_joined_are_what_was_split(shards):
    whole = make_shard()

    joined = join_shards(split(whole, shards))

    assert joined.to_bytes() == whole.to_bytes()


@pytest.mark.parametrize("far", [0, 2**40])
def test_a_shard_comes_back_from_bytes_in_the_same_types(far):
    whole = make_shard()
    whole = replace(whole, item_id=whole.item_id + far, synset_id=whole.synset_id + far)

    back = Shard.from_bytes(whole.to_bytes())

    for part, name in ((part, name) for part, names in COLUMNS.items() for name in names):
        expected, found = (getattr(getattr(each, part) if part else each, name) for each in (whole, back))
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_gold_answers_are_counted_by_worker_and_truth():
    whole = make_shard()
    expected = np.zeros((WORKERS, 2, 3), dtype=np.int64)
    for item, worker, answer in zip(whole.votes.item, whole.votes.worker, whole.votes.answer, strict=True):
        if whole.drawn[item]:
            expected[worker, whole.truth[item], answer] += 1

    assert count_gold_answers(whole).tolist() == expected.tolist()
    assert expected.sum() > 0
