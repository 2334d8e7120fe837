from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.consensus.belief import look_up
from annotation.consensus.calibrate import (
    DISCOUNTS,
    TOLERANCES,
    calibrate_meanings,
    choose_tolerances,
    cross_validate,
)
from annotation.consensus.decide import Decision, Rule
from annotation.consensus.goldreplay import Runs, run_gold
from annotation.consensus.metrics import upper_bound
from annotation.consensus.model import Parameters, take_logarithms
from tests.annotation.consensus.slow_learn import slow_loss, slow_objective, slow_tolerances, slow_trial
from tests.annotation.consensus.strategies import make_states, seeds, simulate_votes

PARAMETERS = make_states(discount=0.1)


def make_runs(
    seed: int,
    *,
    gold: int = 40,
    votes: int = 5,
    together: float = 0.0,
    share_of_yes: float = 0.4,
    orders: int = 2,
    said: float = 0.0,
) -> Runs:
    """Gold whose voters answer as `PARAMETERS` say, but take `together` of the items for their opposite; `said` is how far
    apart log priors are."""
    chance = np.random.default_rng(seed)
    truth = (chance.random(gold) < share_of_yes).astype(np.int8)
    seen = np.where(chance.random(gold) < together, 1 - truth, truth)
    tables = np.broadcast_to(PARAMETERS.responses, (8, 2, 3))
    crowd, _ = simulate_votes(seed=seed, truth=seen, worker_tables=tables, votes_per_item=votes)
    added = look_up(votes=crowd, log_tables=take_logarithms(tables))
    log_prior = said * chance.normal(size=(gold, 2))
    return run_gold(votes=crowd, truth=truth, added=added, vote_cap=5, log_prior=log_prior, orders=orders, seed=seed)


def keep(parameters: Parameters, *, no: float, yes: float) -> Parameters:
    return replace(parameters, meanings=np.array([[1 - no, no], [1 - yes, yes]]))


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 1.0]))
def test_meanings_are_the_best_of_a_grid(seed: int, together: float, said: float) -> None:
    runs = make_runs(seed, gold=12, votes=3, together=together, said=said)

    fitted = calibrate_meanings(runs=runs, parameters=PARAMETERS)

    found = slow_objective(runs=runs, parameters=fitted, prior=PARAMETERS.meanings)
    grid = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99]
    tried = [keep(fitted, no=no, yes=yes) for no, yes in product(grid, grid)]
    best = min(slow_objective(runs=runs, parameters=each, prior=PARAMETERS.meanings) for each in tried)
    assert found <= best + 0.02


@settings(max_examples=5, deadline=None)
@given(seeds)
def test_the_discount_is_one_of_those_tried_and_no_worse_than_the_one_we_came_with(seed: int) -> None:
    runs = make_runs(seed, gold=15, together=0.2)

    fitted = calibrate_meanings(runs=runs, parameters=PARAMETERS)

    assert fitted.discount in {*DISCOUNTS, PARAMETERS.discount}
    assert slow_loss(runs=runs, parameters=fitted) <= slow_loss(runs=runs, parameters=PARAMETERS) + 1e-9


def test_where_a_third_of_gold_is_voted_wrong_together_states_mean_less() -> None:
    fitted = calibrate_meanings(runs=make_runs(1, gold=300, together=0.33), parameters=PARAMETERS)

    assert 0.2 < fitted.meanings[0, 1] < 0.45
    assert 0.2 < fitted.meanings[1, 0] < 0.45


def test_where_votes_are_independent_states_keep_their_meanings() -> None:
    fitted = calibrate_meanings(runs=make_runs(2, gold=300), parameters=PARAMETERS)

    assert np.abs(fitted.meanings - PARAMETERS.meanings).max() < 0.03
    assert fitted.discount <= 0.15


def test_meanings_change_nothing_else() -> None:
    fitted = calibrate_meanings(runs=make_runs(3), parameters=PARAMETERS)

    assert fitted.shares is PARAMETERS.shares
    assert fitted.responses is PARAMETERS.responses
    assert fitted.strengths is PARAMETERS.strengths


def test_without_gold_parameters_come_back() -> None:
    runs = make_runs(4)
    nothing = runs.select(np.zeros(len(runs.truth), dtype=bool))

    assert calibrate_meanings(runs=nothing, parameters=PARAMETERS) is PARAMETERS


def test_the_held_out_loss_is_smaller_for_the_better_model() -> None:
    runs = make_runs(5, gold=200, together=0.2)
    good = calibrate_meanings(runs=runs, parameters=PARAMETERS)
    # Whoever takes votes for their opposite starts far from the truth and is held to it.
    bad = replace(good, shares=np.array([0.001, 0.999]))

    assert cross_validate(runs=runs, parameters=good) < cross_validate(runs=runs, parameters=bad)


def test_what_is_known_of_items_beforehand_lowers_the_held_out_loss() -> None:
    runs = make_runs(5, gold=200, votes=2)
    told = np.where(runs.truth == 1, 1.0, -1.0)

    helped = replace(runs, log_prior=np.stack([-told, told], axis=1))

    assert cross_validate(runs=helped, parameters=PARAMETERS) < cross_validate(runs=runs, parameters=PARAMETERS) - 0.05


def test_the_held_out_loss_is_above_that_of_what_was_learned() -> None:
    runs = make_runs(6, gold=60, together=0.2)
    fitted = calibrate_meanings(runs=runs, parameters=PARAMETERS)

    seen = slow_loss(runs=runs, parameters=fitted) / 60

    assert cross_validate(runs=runs, parameters=PARAMETERS) > seen - 1e-9


@settings(max_examples=8, deadline=None)
@given(seeds, st.sampled_from([0.02, 0.1, 0.3]), st.sampled_from([0.0, 0.1, 0.4]), st.sampled_from([0.0, 1.0]))
def test_tolerances_are_those_of_a_loop(seed: int, target: float, together: float, said: float) -> None:
    runs = make_runs(seed, gold=70, votes=3, together=together, said=said)
    # Every other item's last vote is missing.
    short = replace(runs, available=np.where(runs.item % 2, runs.available, 2))
    rule = Rule(target_error=target, vote_cap=3)

    chosen = choose_tolerances(runs=short, parameters=PARAMETERS, rule=rule)

    expected = slow_tolerances(runs=short, parameters=PARAMETERS, rule=rule)
    assert chosen.accept.tolerance == expected[Decision.ACCEPT]
    assert chosen.reject.tolerance == expected[Decision.REJECT]


def test_a_calibration_tells_what_its_rule_does_on_gold() -> None:
    runs = make_runs(7, gold=60, together=0.1)
    rule = Rule(target_error=0.1, vote_cap=5)

    chosen = choose_tolerances(runs=runs, parameters=PARAMETERS, rule=rule)

    trial = slow_trial(runs=runs, parameters=PARAMETERS, rule=chosen.apply(rule))
    decisions = [decision for decision, _ in trial]
    assert chosen.gold == 60
    assert chosen.votes == pytest.approx(np.mean([votes for _, votes in trial]))
    assert chosen.accept.decided == decisions.count(Decision.ACCEPT) / 2
    assert chosen.reject.decided == decisions.count(Decision.REJECT) / 2
    assert chosen.undecided == pytest.approx(1 - (chosen.accept.decided + chosen.reject.decided) / 60)


@settings(max_examples=5, deadline=None)
@given(seeds, st.sampled_from([0.05, 0.2]))
def test_no_side_is_wrong_more_often_on_gold_than_the_target(seed: int, target: float) -> None:
    runs = make_runs(seed, gold=80, together=0.15)

    chosen = choose_tolerances(runs=runs, parameters=PARAMETERS, rule=Rule(target_error=target, vote_cap=5))

    for side in (chosen.accept, chosen.reject):
        assert side.wrong <= target * side.decided or side.tolerance == min(TOLERANCES)


def test_the_bound_on_the_error_is_clopper_and_pearsons_of_the_worse_whole_numbers() -> None:
    chosen = choose_tolerances(
        runs=make_runs(8, gold=80, together=0.1, orders=3),
        parameters=PARAMETERS,
        rule=Rule(target_error=0.2, vote_cap=5),
    )

    side = chosen.reject
    bound = upper_bound(errors=int(np.ceil(side.wrong)), trials=int(np.ceil(side.decided)), confidence=0.95)
    assert side.highest_error == bound
    assert side.highest_error > side.wrong / side.decided


def test_votes_that_are_wrong_together_leave_decisions_to_curators() -> None:
    runs = make_runs(9, gold=200, together=0.4)
    parameters = calibrate_meanings(runs=runs, parameters=PARAMETERS)

    chosen = choose_tolerances(runs=runs, parameters=parameters, rule=Rule(target_error=0.05, vote_cap=5))

    assert chosen.accept.decided + chosen.reject.decided < 4
    assert chosen.undecided > 0.97


def test_little_gold_never_loosens_a_tolerance() -> None:
    rule = Rule(target_error=0.05, vote_cap=5)

    chosen = choose_tolerances(runs=make_runs(10, gold=20), parameters=PARAMETERS, rule=rule)

    assert max(chosen.accept.tolerance, chosen.reject.tolerance) <= rule.uncalibrated


def test_gold_of_one_class_leaves_tolerances_as_they_are() -> None:
    rule = Rule(target_error=0.05, vote_cap=5)

    chosen = choose_tolerances(runs=make_runs(12, gold=60, share_of_yes=1.0), parameters=PARAMETERS, rule=rule)

    assert chosen.gold == 60
    assert chosen.accept.tolerance == chosen.reject.tolerance == rule.uncalibrated


def test_without_gold_tolerances_are_those_of_no_calibration() -> None:
    runs = make_runs(11)
    nothing = runs.select(np.zeros(len(runs.truth), dtype=bool))

    rule = Rule(target_error=0.05, vote_cap=5)
    chosen = choose_tolerances(runs=nothing, parameters=PARAMETERS, rule=rule)

    assert chosen.gold == 0
    assert chosen.accept.tolerance == chosen.reject.tolerance == rule.uncalibrated


def test_gold_that_stands_for_many_is_no_surer_than_so_much_gold() -> None:
    runs = make_runs(1, gold=220, share_of_yes=0.9)
    weighed = replace(runs, weight=np.where(runs.truth == 0, 10.0, 0.1))

    found = choose_tolerances(runs=weighed, parameters=PARAMETERS, rule=Rule(target_error=0.05, vote_cap=5))

    # 200 accepted ones of weight 0.1 are as good as two chances to accept wrongly.
    assert found.accept.decided <= 2.5
    assert found.accept.highest_error > 0.5
