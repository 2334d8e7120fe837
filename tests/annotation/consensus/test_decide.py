from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from annotation.consensus.decide import Decision, Rule, decide, votes_wanted
from annotation.consensus.model import START, Answer, Parameters
from tests.annotation.consensus.slow import slow_decision, slow_votes_wanted
from tests.annotation.consensus.strategies import crowds, estimate_crowd, parameter_sets, rules

NO, UNSURE, YES = Answer
RULE = Rule(target_error=0.05, vote_cap=10)


def decide_votes(votes: Sequence[Answer], rule: Rule = RULE) -> Decision:
    return Decision(decide(estimate_crowd([votes]), rule)[0])


def test_the_nominal_threshold_is_a_fifth_of_the_target_error() -> None:
    assert RULE.nominal_threshold == pytest.approx(0.01)


def test_one_no_may_reject() -> None:
    assert decide_votes([NO], Rule(target_error=0.49, vote_cap=10)) == Decision.REJECT


def test_one_yes_never_accepts_however_probable() -> None:
    lenient = Rule(target_error=0.49, vote_cap=10)
    mostly_yes = replace(START, state_shares=(0.1, 0.1, 0.7, 0.1))

    estimates = estimate_crowd([[YES], [YES, YES]], mostly_yes)

    assert estimates.probability[0] > 1 - lenient.nominal_threshold
    assert decide(estimates, lenient).tolist() == [Decision.ASK, Decision.ACCEPT]


@pytest.mark.parametrize(
    ("votes", "decision"),
    [
        ([], Decision.ASK),
        ([NO, NO], Decision.ASK),
        ([NO, NO, NO], Decision.REJECT),
        ([YES, YES], Decision.ASK),
        ([YES, YES, YES], Decision.ACCEPT),
        ([YES, NO] * 4, Decision.ASK),
        ([YES, NO, NO, NO, NO] * 2, Decision.DISPUTE),
    ],
)
def test_the_start_values_decide_these_votes_so(votes: Sequence[Answer], decision: Decision) -> None:
    assert decide_votes(votes) == decision


def test_the_last_vote_before_a_dispute_may_still_decide() -> None:
    assert decide_votes([YES, YES, YES], Rule(target_error=0.05, vote_cap=3)) == Decision.ACCEPT
    assert decide_votes([YES, YES, NO], Rule(target_error=0.05, vote_cap=3)) == Decision.DISPUTE


def test_unsure_alone_never_accepts() -> None:
    votes = [UNSURE] * 40

    assert estimate_crowd([votes]).probability[0] < 0.5
    assert decide_votes(votes) == Decision.DISPUTE


def test_a_probability_without_enough_agreeing_answers_does_not_decide() -> None:
    careful = Rule(target_error=0.05, vote_cap=10, minimum_yes=4, minimum_no=5)

    assert decide_votes([YES] * 3, careful) == Decision.ASK
    assert decide_votes([YES] * 4, careful) == Decision.ACCEPT
    assert decide_votes([NO] * 4, careful) == Decision.ASK
    assert decide_votes([NO] * 5, careful) == Decision.REJECT


@given(crowd=crowds, parameters=parameter_sets(), rule=rules)
def test_decisions_equal_the_decision_on_each_question_alone(
    crowd: Sequence[Sequence[Answer]], parameters: Parameters, rule: Rule
) -> None:
    decisions = decide(estimate_crowd(crowd, parameters), rule)

    slow = [slow_decision(votes=votes, parameters=parameters, rule=rule) for votes in crowd]
    assert decisions.tolist() == slow


@given(crowd=crowds, parameters=parameter_sets(), rule=rules)
def test_votes_wanted_equals_trying_agreeing_answers_one_by_one(
    crowd: Sequence[Sequence[Answer]], parameters: Parameters, rule: Rule
) -> None:
    wanted = votes_wanted(estimate_crowd(crowd, parameters), parameters, rule)

    assert wanted.tolist() == [slow_votes_wanted(votes=votes, parameters=parameters, rule=rule) for votes in crowd]


@given(crowd=crowds, rule=rules)
def test_only_questions_to_be_asked_want_more_votes_and_never_beyond_the_cap(
    crowd: Sequence[Sequence[Answer]], rule: Rule
) -> None:
    estimates = estimate_crowd(crowd)

    wanted = votes_wanted(estimates, START, rule)

    asking = decide(estimates, rule) == Decision.ASK
    assert (wanted[asking] > estimates.votes[asking]).all()
    assert (wanted[asking] <= rule.vote_cap).all()
    assert (wanted[~asking] == estimates.votes[~asking]).all()


def test_votes_wanted_counts_the_votes_already_there() -> None:
    estimates = estimate_crowd([[], [YES], [YES, NO], [NO, NO, NO], [YES, NO, UNSURE] * 3])

    assert votes_wanted(estimates, START, RULE).tolist() == [3, 3, 5, 3, 10]


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
    ],
)
def test_a_rule_that_cannot_work_is_refused_by_the_name_of_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: must be "):
        Rule(**({"target_error": 0.05, "vote_cap": 10} | change))
