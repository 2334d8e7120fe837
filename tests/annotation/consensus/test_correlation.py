from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus import correlation
from annotation.consensus.correlation import find_discount, measure_correlation
from annotation.consensus.fit import Plan, fit
from annotation.consensus.model import Floats, Parameters, tabulate
from annotation.consensus.shards import make_course
from annotation.consensus.start import share_by_votes, start_classes, start_two_states
from annotation.consensus.votes import Votes
from tests.annotation.consensus.strategies import WORKERS, Crowd, make_votes, seeds, verification_crowds

TWO = replace(start_two_states(), strengths=np.array([2.0, 4.0]))
NAMING = (0, 2)


def slow_correlation(rows: Crowd, tables: Floats, parameters: Parameters) -> float:
    """Loops over items, states and pairs of votes."""
    shared, possible, pairs = 0.0, 0.0, 0
    for row in rows:
        likely = [
            parameters.shares[s] * np.prod([tables[worker, s, answer] for worker, answer in row]) for s in range(2)
        ]
        for (ann, one), (bob, other) in combinations(row, 2):
            pairs += 1
            for state, share in enumerate(np.array(likely) / sum(likely)):
                a, b = (tables[worker, state, NAMING[state]] for worker in (ann, bob))
                shared += share * ((one == NAMING[state]) - a) * ((other == NAMING[state]) - b)
                possible += share * np.sqrt(a * (1 - a) * b * (1 - b))
    found = np.clip(shared / possible, -1, 1) if possible else 0.0
    usual = correlation.PAIRS_OF_THE_USUAL
    return float((pairs * found + usual * correlation.USUAL_CORRELATION) / (pairs + usual))


@given(verification_crowds)
def test_the_correlation_is_that_of_loops_over_pairs(rows: Crowd) -> None:
    course = make_course(parameters=TWO, counts=np.ones((WORKERS, 2, 3)), plan=Plan())

    found = measure_correlation(votes=make_votes(rows), course=course)

    tables = tabulate(counts=course.counts, parameters=TWO)
    assert found == pytest.approx(slow_correlation(rows, tables, TWO), abs=1e-3)


@given(verification_crowds, st.randoms())
def test_the_order_of_votes_and_items_changes_no_bit(rows: Crowd, chance: object) -> None:
    course = make_course(parameters=TWO, counts=np.ones((WORKERS, 2, 3)), plan=Plan())
    shuffled = [chance.sample(row, len(row)) for row in chance.sample(rows, len(rows))]  # type: ignore[attr-defined]

    found = [measure_correlation(votes=make_votes(each), course=course) for each in (rows, shuffled)]

    assert found[0] == found[1]


def simulate(seed: int, *, misled: float, items: int = 1500, votes: int = 6) -> Votes:
    """Workers who are right in 85 % of their votes; of items that mislead, so many, in half of them."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 2, items)
    accuracy = np.where(chance.random(items) < misled, 0.5, 0.85)
    rows = [
        [(worker, int(2 * (t if chance.random() < a else 1 - t))) for worker in range(votes)]
        for t, a in zip(truth, accuracy, strict=True)
    ]
    return make_votes(rows, workers=votes)


def measure(votes: Votes) -> float:
    first = fit(votes=votes, start=start_two_states(), shares=share_by_votes(votes=votes, verification=True))
    return measure_correlation(votes=votes, course=first)


@pytest.mark.parametrize("seed", range(3))
def test_independent_errors_do_not_correlate_and_shared_difficulty_does(seed: int) -> None:
    independent, misled = measure(simulate(seed, misled=0)), measure(simulate(seed, misled=0.3))

    assert abs(independent) < 0.02
    assert misled > independent + 0.01


@given(seeds.filter(bool))
def test_without_two_votes_on_an_item_errors_correlate_as_usual(seed: int) -> None:
    votes = make_votes([[(worker, seed % 3)] for worker in range(WORKERS)])
    course = make_course(parameters=TWO, counts=np.zeros((WORKERS, 2, 3)), plan=Plan())

    assert measure_correlation(votes=votes, course=course) == correlation.USUAL_CORRELATION


def test_no_votes_correlate_as_usual() -> None:
    course = make_course(parameters=start_classes(classes=3), counts=np.zeros((0, 3, 3)), plan=Plan())

    found = measure_correlation(votes=make_votes([], workers=0), course=course)

    assert found == correlation.USUAL_CORRELATION


@pytest.mark.parametrize(
    ("found", "verification", "expected"),
    [(-1, True, 0.05), (0, True, 0.05), (0.03, True, 0.14), (1, True, 0.25), (0, False, 0.25), (1, False, 1)],
)
def test_the_discount_grows_with_the_correlation_within_bounds(
    found: float, verification: bool, expected: float
) -> None:
    assert find_discount(correlation=found, verification=verification) == pytest.approx(expected)
