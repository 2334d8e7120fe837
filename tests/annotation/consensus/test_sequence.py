import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus import decide as engine
from annotation.consensus.belief import estimate_votes, look_up
from annotation.consensus.decide import Decision, Rule, decide
from annotation.consensus.model import Answer, Floats, Parameters, take_logarithms
from annotation.consensus.sequence import FirstDecisions, count_votes_wanted, decide_in_order
from annotation.consensus.start import GRADED
from tests.annotation.consensus.slow import slow_first_decision, slow_votes_wanted
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
SKILLED = make_states(no=(0.9, 0.05, 0.05), yes=(0.05, 0.05, 0.9), certainty=0.999)
RULE = Rule(target_error=0.05, vote_cap=10)


@pytest.fixture(autouse=True, scope="module")
def few_votes_ahead():
    """The twins look at every path: a few votes ahead are enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "DEPTH", 3)
        yield


def pool(parameters: Parameters) -> Floats:
    return np.tile(take_logarithms(parameters.responses), (WORKERS, 1, 1))


def decide_rows(rows: Crowd, parameters: Parameters = SKILLED, rule: Rule = RULE) -> FirstDecisions:
    votes = make_votes(rows)
    added = look_up(votes=votes, log_tables=pool(parameters))
    return decide_in_order(votes=votes, added=added, parameters=parameters, rule=rule)


def want(rows: Crowd, parameters: Parameters = SKILLED, rule: Rule = RULE) -> list[int]:
    estimates = estimate_votes(votes=make_votes(rows), log_tables=pool(parameters), parameters=parameters)
    return list(count_votes_wanted(estimates=estimates, parameters=parameters, rule=rule).tolist())


def answer_all(*answers: Answer) -> list[tuple[int, int]]:
    return [(place % WORKERS, int(answer)) for place, answer in enumerate(answers)]


# Decisions in order


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), rule=rules, data=st.data())
def test_decisions_equal_a_look_after_every_vote_bit_for_bit(
    rows: Crowd, parameters: Parameters, rule: Rule, data: st.DataObject
) -> None:
    logs = take_logarithms(data.draw(tables(states=parameters.states)))
    known = np.log(data.draw(tables(states=1, workers=len(rows), answers=parameters.states))[:, 0])

    added = look_up(votes=make_votes(rows), log_tables=logs)
    first = decide_in_order(votes=make_votes(rows), added=added, parameters=parameters, rule=rule, log_prior=known)

    for item, row in enumerate(rows):
        for taken in range(len(row) + 1):
            estimates = estimate_votes(
                votes=make_votes([row[:taken]]), log_tables=logs, parameters=parameters, log_prior=known[[item]]
            )
            decision = decide(estimates, parameters, rule)[0]
            if decision != Decision.ASK:
                break
        found = (first.decision[item], first.votes[item], first.probability[item])
        assert found == (decision, taken, estimates.probability[0])


@patiently
@given(rows=verification_crowds)
def test_decisions_equal_the_slow_twins(rows: Crowd) -> None:
    rule = Rule(target_error=0.043, vote_cap=7)

    first = decide_rows(rows, GRADED, rule)

    slow = [slow_first_decision(votes=row, log_tables=pool(GRADED), parameters=GRADED, rule=rule) for row in rows]
    assert list(zip(first.decision.tolist(), first.votes.tolist(), strict=True)) == slow


@patiently
@given(rows=verification_crowds, more=verification_crowds)
def test_votes_after_the_decision_change_nothing(rows: Crowd, more: Crowd) -> None:
    first = decide_rows(rows)

    later = decide_rows([[*row, *extra] for row, extra in zip(rows, [*more, *[[]] * len(rows)], strict=False)])

    decided = first.decision != Decision.ASK
    assert (later.decision == first.decision)[decided].all()
    assert (later.votes == first.votes)[decided].all()
    assert (later.probability == first.probability)[decided].all()


def test_an_item_that_turned_later_keeps_its_first_decision() -> None:
    first = decide_rows([answer_all(YES, YES, YES, NO, NO, NO, NO, NO)])

    assert (first.decision[0], first.votes[0]) == (Decision.ACCEPT, 3)
    assert first.probability[0] > 0.99


def test_an_undecided_item_has_all_its_votes_and_what_is_believed_after_them() -> None:
    first = decide_rows([answer_all(YES, NO), []])

    assert first.decision.tolist() == [Decision.ASK, Decision.ASK]
    assert first.votes.tolist() == [2, 0]
    assert first.probability[1] == pytest.approx(float(SKILLED.shares @ SKILLED.meanings[:, 1]))


def test_no_items_give_no_decisions() -> None:
    assert decide_rows([]).decision.shape == (0,)


def test_the_cap_makes_a_dispute_of_what_is_undecided() -> None:
    first = decide_rows([answer_all(*[YES, NO] * 6)])

    assert (first.decision[0], first.votes[0]) == (Decision.DISPUTE, RULE.vote_cap)


# Votes wanted


@patiently
@given(rows=verification_crowds, cap=st.integers(2, 9))
def test_votes_wanted_equal_trying_agreeing_answers_one_by_one(rows: Crowd, cap: int) -> None:
    rule = Rule(target_error=0.043, vote_cap=cap)

    wanted = want(rows, GRADED, rule)

    assert wanted == [
        slow_votes_wanted(votes=row, log_tables=pool(GRADED), parameters=GRADED, rule=rule) for row in rows
    ]


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), rule=rules)
def test_only_items_to_be_asked_want_more_votes_and_never_beyond_the_cap(
    rows: Crowd, parameters: Parameters, rule: Rule
) -> None:
    estimates = estimate_votes(votes=make_votes(rows), log_tables=pool(parameters), parameters=parameters)

    wanted = count_votes_wanted(estimates=estimates, parameters=parameters, rule=rule)

    asking = decide(estimates, parameters, rule) == Decision.ASK
    assert (wanted[asking] > estimates.votes[asking]).all()
    assert (wanted[asking] <= rule.vote_cap).all()
    assert (wanted[~asking] == estimates.votes[~asking]).all()


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), rule=rules)
def test_first_decisions_spare_a_second_look_and_change_nothing(
    rows: Crowd, parameters: Parameters, rule: Rule
) -> None:
    estimates = estimate_votes(votes=make_votes(rows), log_tables=pool(parameters), parameters=parameters)
    first = decide_rows(rows, parameters, rule)

    wanted = count_votes_wanted(estimates=estimates, parameters=parameters, rule=rule, first=first)

    assert wanted.tolist() == count_votes_wanted(estimates=estimates, parameters=parameters, rule=rule).tolist()


def test_votes_wanted_count_the_votes_already_there() -> None:
    rows = [[], answer_all(YES), answer_all(YES, NO), answer_all(NO, NO), answer_all(*[YES, NO] * 4)]

    assert want(rows) == [3, 3, 5, 3, 10]


def test_what_nobody_can_settle_is_asked_to_the_cap() -> None:
    strict = Rule(target_error=0.05, vote_cap=6, accept_tolerance=0.0, reject_tolerance=0.0)

    assert want([[]], rule=strict) == [6]
