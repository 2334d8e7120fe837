import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.consensus.baselines import (
    HARD_STATES,
    dawid_skene,
    decide_as_published,
    decide_as_specified,
    fit_as_specified,
    tabulate_confidence,
    take_majority,
)
from annotation.consensus.decide import Decision
from annotation.consensus.model import Answer, tabulate, take_logarithms
from annotation.consensus.votes import UNKNOWN, Votes
from tests.annotation.consensus.slow_learn import (
    slow_confidence,
    slow_crossing,
    slow_dawid_skene,
    slow_prefixes,
    slow_published,
)
from tests.annotation.consensus.strategies import (
    Crowd,
    crowds,
    make_states,
    make_votes,
    seeds,
    simulate_votes,
    split_rows,
    verification_crowds,
)

ROUNDS = 12


def simulate(seed: int, *, items: int = 60, votes: int = 5, workers: int = 12) -> tuple[Votes, np.ndarray]:
    """A crowd that is right more often than not, each worker in a way of its own."""
    chance = np.random.default_rng(seed)
    tables = np.stack([chance.dirichlet([8, 1, 2], workers), chance.dirichlet([2, 1, 8], workers)], axis=1)
    truth = (chance.random(items) < 0.4).astype(np.int8)
    return simulate_votes(seed=seed, truth=truth, worker_tables=tables, votes_per_item=votes)


@given(verification_crowds)
def test_a_majority_is_the_share_of_yes_and_unsure_counts_as_no(rows: Crowd) -> None:
    found = take_majority(votes=make_votes(rows), verification=True)

    for row, (no, yes) in zip(rows, found, strict=True):
        said = [answer == Answer.YES for _, answer in row]
        assert yes == (sum(said) / len(said) if said else 0)
        assert no == 1 - yes


@given(crowds())
def test_a_majority_of_classes_is_each_ones_share_of_the_votes(votes: Votes) -> None:
    found = take_majority(votes=votes, verification=False)

    for row, shares in zip(split_rows(votes), found, strict=True):
        for answer, share in enumerate(shares):
            expected = sum(own == answer for _, own in row) / len(row) if row else 1 / votes.answers
            assert share == pytest.approx(expected)


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(2, 4))
def test_dawid_skene_is_that_of_a_loop(seed: int, classes: int) -> None:
    chance = np.random.default_rng(seed)
    truth = chance.integers(classes, size=25)
    tables = np.stack([chance.dirichlet(1 + 6 * np.eye(classes)[k], 8) for k in range(classes)], axis=1)
    votes, _ = simulate_votes(seed=seed, truth=truth, worker_tables=tables, votes_per_item=4)

    found, course = dawid_skene(votes=votes, rounds=ROUNDS, tolerance=0.0)

    expected = slow_dawid_skene(rows=split_rows(votes), workers=8, classes=classes, rounds=course.rounds)
    assert np.abs(found - np.array(expected)).max() < 1e-3


def test_dawid_skene_on_one_vote_each_takes_the_vote() -> None:
    rows = [[(item % 5, item % 3)] for item in range(9)]

    found, _ = dawid_skene(votes=make_votes(rows))

    assert found.argmax(axis=1).tolist() == [item % 3 for item in range(9)]


def test_dawid_skene_finds_those_who_say_the_opposite() -> None:
    tables = np.array([[[0.9, 0.1], [0.1, 0.9]]] * 5 + [[[0.1, 0.9], [0.9, 0.1]]] * 3)
    truth = np.arange(80) % 2
    votes, _ = simulate_votes(seed=3, truth=truth, worker_tables=tables, votes_per_item=8)

    found, _ = dawid_skene(votes=votes)

    assert (found.argmax(axis=1) == truth).mean() > 0.97


@given(verification_crowds.filter(lambda rows: any(rows)), st.integers(2, 6))
def test_the_table_of_2009_counts_every_draw_of_the_subsets_votes(rows: Crowd, largest: int) -> None:
    subset = np.arange(len(rows))

    table = tabulate_confidence(votes=make_votes(rows), subset=subset, largest=largest)

    for yes in range(largest + 1):
        for no in range(largest + 1 - yes):
            assert table[yes, no] == pytest.approx(slow_confidence(rows=rows, yes=yes, no=no))


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 8))
def test_the_rule_of_2009_stops_where_a_loop_does(seed: int, cap: int) -> None:
    votes, _ = simulate(seed, items=30)

    found = decide_as_published(votes=votes, vote_cap=cap, seed=seed)

    # The subset is drawn inside: found again from its share and seed.
    subset = np.random.default_rng(seed).permutation(30)[:6]
    table = tabulate_confidence(votes=votes, subset=subset, largest=10)
    expected = [slow_published(row=row, table=table, vote_cap=cap) for row in split_rows(votes)]
    assert list(zip(found.decision.tolist(), found.votes.tolist(), strict=True)) == expected


@settings(max_examples=10, deadline=None)
@given(seeds, st.integers(2, 6), st.sampled_from([0.02, 0.1]))
def test_section_three_without_gold_stops_where_a_loop_does(seed: int, cap: int, target: float) -> None:
    votes, _ = simulate(seed)
    nothing = np.full(votes.items, UNKNOWN, dtype=np.int8)
    course = fit_as_specified(votes=votes, truth=nothing)

    found = decide_as_specified(
        votes=votes, gold_votes=votes, truth=nothing, course=course, target_error=target, vote_cap=cap
    )

    logs = take_logarithms(tabulate(counts=course.counts, parameters=course.parameters))
    expected = [
        slow_crossing(row=row, parameters=course.parameters, log_tables=logs, target_error=target, vote_cap=cap)
        for row in split_rows(votes)
    ]
    assert list(zip(found.decision.tolist(), found.votes.tolist(), strict=True)) == expected


def test_section_three_stops_within_the_target_on_the_gold_it_was_tuned_on() -> None:
    votes, truth = simulate(5, items=300)
    course = fit_as_specified(votes=votes, truth=truth)

    found = decide_as_specified(
        votes=votes, gold_votes=votes, truth=truth, course=course, target_error=0.05, vote_cap=5
    )

    for decision, wrong in ((Decision.ACCEPT, 0), (Decision.REJECT, 1)):
        decided = found.decision == decision
        assert decided.sum() > 50
        # Gold was replayed in other orders than this one.
        assert (truth[decided] == wrong).mean() < 0.08


def test_section_three_where_nothing_teaches_keeps_the_table_it_starts_with() -> None:
    votes = make_votes([[(item % 5, item % 3)] for item in range(9)])

    course = fit_as_specified(votes=votes, truth=np.full(9, UNKNOWN, dtype=np.int8))

    assert np.array_equal(course.parameters.responses, HARD_STATES.responses)


def test_the_crowds_table_of_section_three_is_the_sum_of_all_counts_with_one_more_of_each_answer() -> None:
    votes, _ = simulate(6)
    course = fit_as_specified(votes=votes, truth=np.full(votes.items, UNKNOWN, dtype=np.int8))

    pooled = course.counts.sum(axis=0) + 1
    assert course.parameters.responses == pytest.approx(pooled / pooled.sum(axis=1, keepdims=True), abs=0.02)
    assert set(course.parameters.strengths.tolist()) == {20.0}


def test_prefixes_of_the_twins_add_up() -> None:
    logs = take_logarithms(np.broadcast_to(make_states().responses, (5, 2, 3)))

    steps = list(slow_prefixes(row=[(0, 2), (1, 2), (2, 0)], log_tables=logs, vote_cap=2))

    assert [counts for _, counts in steps] == [[0, 0, 1], [0, 0, 2]]
    assert steps[1][0] == [2 * log for log in steps[0][0]]
