from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus import decide as engine
from annotation.consensus.belief import Estimates, estimate_votes
from annotation.consensus.decide import Decision, Rule, decide, settle
from annotation.consensus.model import Answer, Parameters, take_logarithms
from annotation.consensus.start import GRADED
from tests.annotation.consensus.slow import slow_costs, slow_decision
from tests.annotation.consensus.strategies import (
    WORKERS,
    Crowd,
    make_states,
    make_votes,
    parameter_sets,
    patiently,
    rules,
    tables,
    verification_crowds,
)

NO, UNSURE, YES = Answer
RULE = Rule(target_error=0.05, vote_cap=10)
SKILLED = make_states(no=(0.9, 0.05, 0.05), yes=(0.05, 0.05, 0.9), certainty=0.999)


def estimate(rows: Crowd, parameters: Parameters, log_prior: Any = None) -> Estimates:
    logs = np.tile(take_logarithms(parameters.responses), (WORKERS, 1, 1))
    return estimate_votes(votes=make_votes(rows), log_tables=logs, parameters=parameters, log_prior=log_prior)


def decide_answers(*answers: Answer, parameters: Parameters = SKILLED, rule: Rule = RULE) -> Decision:
    row = [(place % WORKERS, int(answer)) for place, answer in enumerate(answers)]
    return Decision(decide(estimate([row], parameters), parameters, rule)[0])


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), rule=rules, data=st.data())
def test_decisions_are_the_cheapest_by_a_recursion_over_what_may_come(
    rows: Crowd, parameters: Parameters, rule: Rule, data: st.DataObject
) -> None:
    logs = take_logarithms(data.draw(tables(states=parameters.states)))
    estimates = estimate_votes(votes=make_votes(rows), log_tables=logs, parameters=parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "DEPTH", 3)
        decisions = decide(estimates, parameters, rule)

    for row, decision in zip(rows, decisions, strict=True):
        if row:
            costs = slow_costs(votes=row, log_tables=logs, parameters=parameters, rule=rule, depth=3)
            assert costs[Decision(decision)] == pytest.approx(min(costs.values()), rel=1e-6)


@patiently
@given(rows=verification_crowds, target_error=st.sampled_from([0.011, 0.043, 0.13]))
def test_at_the_full_depth_decisions_equal_the_recursion(rows: Crowd, target_error: float) -> None:
    rule = Rule(target_error=target_error, vote_cap=12)

    decisions = decide(estimate(rows[:1], GRADED), GRADED, rule)

    logs = np.tile(take_logarithms(GRADED.responses), (WORKERS, 1, 1))
    slow = [slow_decision(votes=row, log_tables=logs, parameters=GRADED, rule=rule) for row in rows[:1]]
    assert decisions.tolist() == slow


@patiently
@given(rows=verification_crowds, rule=rules, data=st.data())
def test_what_was_known_beforehand_counts_as_shares_of_its_own(rows: Crowd, rule: Rule, data: st.DataObject) -> None:
    shares = data.draw(tables(states=1, workers=1, answers=2))[0, 0]
    known = np.tile(np.log(shares / SKILLED.shares), (len(rows), 1))

    decisions = decide(estimate(rows, SKILLED, log_prior=known), SKILLED, rule)

    other = replace(SKILLED, shares=shares)
    assert decisions.tolist() == decide(estimate(rows, other), other, rule).tolist()


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), rule=rules)
def test_other_items_change_no_decision(rows: Crowd, parameters: Parameters, rule: Rule) -> None:
    together = decide(estimate(rows, parameters), parameters, rule)

    alone = [decide(estimate([row], parameters), parameters, rule)[0] for row in rows]
    assert together.tolist() == alone


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), rule=rules, data=st.data())
def test_the_quick_way_decides_as_the_long_one_does(
    rows: Crowd, parameters: Parameters, rule: Rule, data: st.DataObject
) -> None:
    logs = take_logarithms(data.draw(tables(states=parameters.states)))
    estimates = estimate_votes(votes=make_votes(rows), log_tables=logs, parameters=parameters)
    quick, settled = decide(estimates, parameters, rule), settle(estimates, parameters, rule)

    with pytest.MonkeyPatch.context() as patch:
        # Everything is too close to call.
        patch.setattr(engine, "CLOSE", 2.0)
        long = decide(estimates, parameters, rule)

    assert quick.tolist() == long.tolist()
    assert settled.tolist() == [decision in (Decision.ACCEPT, Decision.REJECT) for decision in long]


def test_ways_that_cost_the_same_are_told_apart_exactly() -> None:
    costs = np.array([1.0, 1.0, np.inf, np.inf, 1.0])
    others = np.array([1.0 + 1e-12, 1.1, np.inf, 1.0, np.inf])

    assert engine._are_close(costs, others).tolist() == [True, False, False, False, False]


def test_many_items_of_one_length_are_decided_as_one_is() -> None:
    rows = [[(0, YES)] * 3, [(0, NO)] * 3, [(0, YES), (1, NO), (2, UNSURE)]] * engine.ITEMS_AT_ONCE

    decisions = decide(estimate(rows, SKILLED), SKILLED, RULE)

    assert decisions.tolist() == [Decision.ACCEPT, Decision.REJECT, Decision.ASK] * engine.ITEMS_AT_ONCE


# At the cap


@patiently
@given(
    row=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=4, max_size=8),
    parameters=parameter_sets(),
    accept=st.sampled_from([0.0, 0.003, 0.04, 0.2, 0.4]),
    reject=st.sampled_from([0.0, 0.003, 0.04, 0.2, 0.4]),
)
def test_at_the_cap_it_decides_what_is_as_sure_as_the_tolerance(
    row: list[tuple[int, int]], parameters: Parameters, accept: float, reject: float
) -> None:
    rule = Rule(target_error=0.1, vote_cap=4, accept_tolerance=accept, reject_tolerance=reject)
    answers = [answer for _, answer in row]
    estimates = estimate([row], parameters)
    yes = float(estimates.probability[0])

    decision = decide(estimates, parameters, rule)[0]

    may_accept = 1 - yes <= accept and answers.count(YES) >= rule.minimum_yes
    may_reject = yes <= reject and answers.count(NO) >= rule.minimum_no
    assert decision == (Decision.ACCEPT if may_accept else Decision.REJECT if may_reject else Decision.DISPUTE)


def test_without_tolerances_a_little_more_than_the_target_is_the_tolerance() -> None:
    named = replace(RULE, accept_tolerance=1.25 * 0.05, reject_tolerance=1.25 * 0.05)

    assert named.prices == RULE.prices


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), rule=rules)
def test_a_tolerance_of_nothing_decides_nothing(rows: Crowd, parameters: Parameters, rule: Rule) -> None:
    strict = replace(rule, accept_tolerance=0.0, reject_tolerance=0.0)

    decisions = decide(estimate(rows, parameters), parameters, strict)

    assert set(decisions.tolist()) <= {Decision.ASK, Decision.DISPUTE}


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), rule=rules)
def test_nothing_is_asked_beyond_the_cap(rows: Crowd, parameters: Parameters, rule: Rule) -> None:
    long = [row for row in rows if row and len(row) >= rule.vote_cap]

    decisions = decide(estimate(long, parameters), parameters, rule)

    assert Decision.ASK not in decisions


# Answers enough


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), rule=rules)
def test_decisions_rest_on_answers_enough(rows: Crowd, parameters: Parameters, rule: Rule) -> None:
    estimates = estimate(rows, parameters)

    decisions = decide(estimates, parameters, rule)

    assert (estimates.yes[decisions == Decision.ACCEPT] >= rule.minimum_yes).all()
    assert (estimates.no[decisions == Decision.REJECT] >= rule.minimum_no).all()
    assert (decisions[estimates.votes == 0] == Decision.ASK).all()


@pytest.mark.parametrize(("minimum", "decision"), [(3, Decision.ACCEPT), (4, Decision.ASK)])
def test_as_many_yes_are_needed_as_the_rule_says(minimum: int, decision: Decision) -> None:
    assert decide_answers(YES, YES, YES, rule=replace(RULE, minimum_yes=minimum)) == decision


@pytest.mark.parametrize(("minimum", "decision"), [(3, Decision.REJECT), (4, Decision.ASK)])
def test_as_many_no_are_needed_as_the_rule_says(minimum: int, decision: Decision) -> None:
    assert decide_answers(NO, NO, NO, rule=replace(RULE, minimum_no=minimum)) == decision


def test_unsure_alone_decides_nothing() -> None:
    telling = make_states(no=(0.1, 0.89, 0.01), yes=(0.1, 0.01, 0.89), certainty=0.999)

    assert estimate([[(0, int(UNSURE))] * 10], telling).probability[0] < 0.01
    assert decide_answers(*[UNSURE] * 10, parameters=telling) == Decision.DISPUTE


# What another vote is worth


@pytest.mark.parametrize(
    ("answers", "decision"),
    [
        ([], Decision.ASK),
        ([YES], Decision.ASK),
        ([YES, YES], Decision.ASK),
        ([YES, YES, YES], Decision.ACCEPT),
        ([NO, NO, NO], Decision.REJECT),
        ([YES, NO], Decision.ASK),
        ([YES, NO] * 5, Decision.DISPUTE),
    ],
)
def test_a_skilled_crowd_decides_these_votes_so(answers: list[Answer], decision: Decision) -> None:
    assert decide_answers(*answers) == decision


def test_an_item_that_no_vote_can_settle_is_not_asked_to_the_cap() -> None:
    blind = make_states(no=(0.34, 0.33, 0.33), yes=(0.33, 0.33, 0.34))

    assert decide_answers(YES, NO, parameters=blind) == Decision.DISPUTE


def test_a_lower_tolerance_asks_on_where_a_higher_one_accepts() -> None:
    sure = replace(RULE, accept_tolerance=0.0015)

    assert decide_answers(YES, YES, YES) == Decision.ACCEPT
    assert decide_answers(YES, YES, YES, rule=sure) == Decision.ASK


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"target_error": 0}, "target_error"),
        ({"target_error": 0.5}, "target_error"),
        ({"target_error": float("nan")}, "target_error"),
        ({"vote_cap": 0}, "vote_cap"),
        ({"vote_cap": 1001}, "vote_cap"),
        ({"minimum_yes": 0}, "minimum_yes"),
        ({"minimum_yes": 11}, "minimum_yes"),
        ({"minimum_no": 0}, "minimum_no"),
        ({"minimum_no": 11}, "minimum_no"),
        ({"accept_tolerance": -0.01}, "accept_tolerance"),
        ({"accept_tolerance": 0.5}, "accept_tolerance"),
        ({"reject_tolerance": float("nan")}, "reject_tolerance"),
        ({"reject_tolerance": 0.5}, "reject_tolerance"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_by_the_name_of_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: must be "):
        replace(RULE, **change)
