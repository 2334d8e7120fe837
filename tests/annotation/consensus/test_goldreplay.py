import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.belief import look_up
from annotation.consensus.goldreplay import ORDERS, Runs, run_gold, weigh_runs
from annotation.consensus.model import Floats, take_logarithms
from annotation.consensus.votes import UNKNOWN
from tests.annotation.consensus.slow_learn import slow_prefixes
from tests.annotation.consensus.strategies import (
    WORKERS,
    Crowd,
    make_states,
    make_votes,
    seeds,
    tables,
    verification_crowds,
)

CAP = 4
log_tables = tables(states=2).map(take_logarithms)


def replay(rows: Crowd, tables: Floats, *, orders: int = ORDERS, seed: int = 0, shuffle: bool = True) -> Runs:
    """All items are gold: even ones no, odd ones yes."""
    truth = np.arange(len(rows), dtype=np.int8) % 2
    return run_gold(
        votes=make_votes(rows),
        truth=truth,
        added=look_up(votes=make_votes(rows), log_tables=tables),
        vote_cap=CAP,
        orders=orders,
        seed=seed,
        shuffle=shuffle,
    )


def describe(runs: Runs) -> list[tuple[object, ...]]:
    arrays = (runs.truth, runs.available, runs.evidence, runs.counts)
    return [tuple(array[run].tolist() for array in arrays) for run in range(len(runs.truth))]


@given(verification_crowds, log_tables)
def test_runs_in_recorded_order_are_those_of_a_loop(rows: Crowd, tables: Floats) -> None:
    runs = replay(rows, tables, orders=1, shuffle=False)

    voted = [item for item, row in enumerate(rows) if row]
    assert runs.item.tolist() == voted
    for run, item in enumerate(voted):
        expected = list(slow_prefixes(row=rows[item], log_tables=tables, vote_cap=CAP))
        assert runs.available[run] == len(expected) == min(len(rows[item]), CAP)
        # Beyond its votes a run repeats the last.
        for number in range(CAP):
            evidence, counts = expected[min(number, len(expected) - 1)]
            assert runs.evidence[run, number].tolist() == evidence
            assert runs.counts[run, number].tolist() == counts


@given(verification_crowds, log_tables, seeds)
def test_every_run_takes_its_items_votes_once_each(rows: Crowd, tables: Floats, seed: int) -> None:
    runs = replay(rows, tables, seed=seed)

    assert len(runs.truth) == ORDERS * sum(bool(row) for row in rows)
    for run, item in enumerate(runs.item):
        left = [answer for _, answer in rows[item]]
        steps = np.diff(runs.counts[run, : runs.available[run]], axis=0, prepend=0)
        for step in steps:
            left.remove(int(step.argmax()))
        assert len(left) == max(len(rows[item]) - CAP, 0)
        assert runs.truth[run] == item % 2


@given(verification_crowds, log_tables, seeds, st.permutations(range(WORKERS)), st.data())
def test_runs_hang_neither_on_names_nor_on_the_order_of_votes(
    rows: Crowd, tables: Floats, seed: int, names: list[int], data: st.DataObject
) -> None:
    renamed = np.empty_like(tables)
    renamed[names] = tables
    shuffled = [[(names[worker], answer) for worker, answer in data.draw(st.permutations(row))] for row in rows]

    again = replay(shuffled, renamed, seed=seed)

    assert describe(again) == describe(replay(rows, tables, seed=seed))


def test_every_run_has_its_items_prior_and_is_otherwise_the_same() -> None:
    votes, truth = make_votes([[(0, 2), (1, 0)], [], [(1, 0)]]), np.array([1, 0, 0], dtype=np.int8)
    added = np.arange(6.0).reshape(3, 2)
    log_prior = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])

    runs = run_gold(votes=votes, truth=truth, added=added, vote_cap=3, log_prior=log_prior)

    without = run_gold(votes=votes, truth=truth, added=added, vote_cap=3)
    assert np.array_equal(runs.log_prior, log_prior[runs.item])
    assert not without.log_prior.any()
    assert describe(runs) == describe(without)


def test_items_without_votes_or_truth_are_not_asked() -> None:
    votes = make_votes([[(0, 2)], [], [(1, 0)]])
    truth = np.array([1, 0, UNKNOWN], dtype=np.int8)

    runs = run_gold(votes=votes, truth=truth, added=np.zeros((2, 2)), vote_cap=3, orders=2)

    assert runs.item.tolist() == [0, 0]


def test_no_gold_gives_no_runs_of_the_right_shape() -> None:
    votes = make_votes([[(0, 2)]])

    runs = run_gold(votes=votes, truth=np.full(1, UNKNOWN, dtype=np.int8), added=np.zeros((1, 2)), vote_cap=3)

    assert runs.evidence.shape == (0, 3, 2)
    assert runs.counts.shape == (0, 3, 3)
    assert runs.log_prior.shape == (0, 2)


def make_clear_runs(*, no: int, yes: int) -> Runs:
    """Gold whose votes say plainly what it is."""
    parameters = make_states(share_of_yes=0.1, certainty=1 - 1e-9)
    rows = [[(worker, 0) for worker in range(5)]] * no + [[(worker, 2) for worker in range(5)]] * yes
    truth = np.array([0] * no + [1] * yes, dtype=np.int8)
    logs = take_logarithms(np.broadcast_to(parameters.responses, (5, 2, 3)))
    votes = make_votes(rows)
    runs = run_gold(votes=votes, truth=truth, added=look_up(votes=votes, log_tables=logs), vote_cap=5)
    return weigh_runs(runs=runs, parameters=parameters)


def test_gold_that_was_chosen_half_and_half_weighs_as_all_items_are() -> None:
    runs = make_clear_runs(no=20, yes=20)

    yes = runs.weight[runs.truth == 1].sum() / runs.weight.sum()
    assert abs(yes - 0.1) < 0.01


def test_gold_that_was_drawn_at_random_weighs_one_each() -> None:
    runs = make_clear_runs(no=36, yes=4)

    assert set(runs.weight.tolist()) == {1.0}


def test_gold_of_one_class_weighs_one_each() -> None:
    runs = make_clear_runs(no=0, yes=10)

    assert set(runs.weight.tolist()) == {1.0}


def test_gold_that_votes_hardly_tell_apart_weighs_one_each() -> None:
    parameters = make_states(share_of_yes=0.1, certainty=1 - 1e-9)
    said = [[(worker, answer) for worker in range(5)] for answer in (0, 2)]
    # Two in five of either class are taken for the other one.
    votes = make_votes([said[0]] * 12 + [said[1]] * 8 + [said[1]] * 12 + [said[0]] * 8)
    truth = np.array([0] * 20 + [1] * 20, dtype=np.int8)
    logs = take_logarithms(np.broadcast_to(parameters.responses, (5, 2, 3)))
    runs = run_gold(votes=votes, truth=truth, added=look_up(votes=votes, log_tables=logs), vote_cap=5)

    assert set(weigh_runs(runs=runs, parameters=parameters).weight.tolist()) == {1.0}
