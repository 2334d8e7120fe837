import numpy as np
import pytest
from hypothesis import given

from annotation.consensus.decide import Decision, Rule
from annotation.consensus.model import START, Answer
from annotation.consensus.sequence import FirstDecisions, decide_in_order
from tests.annotation.consensus.slow import slow_decision, slow_log_odds
from tests.annotation.consensus.strategies import crowds, parameter_sets, rules

RULE = Rule(target_error=0.05, vote_cap=10)
YES, NO, UNSURE = Answer.YES, Answer.NO, Answer.UNSURE


def decide_crowd(crowd, *, parameters=START, rule=RULE) -> FirstDecisions:
    return decide_in_order(
        votes_question=np.array([index for index, votes in enumerate(crowd) for _ in votes], dtype=np.int64),
        votes_answer=np.array([vote for votes in crowd for vote in votes], dtype=np.int8),
        questions=len(crowd),
        parameters=parameters,
        rule=rule,
    )


def slow_first_decision(*, votes, parameters, rule):
    """(decision, votes it took) by looking after every vote; (ASK, 0) where none was met."""
    for taken in range(1, len(votes) + 1):
        decision = slow_decision(votes=votes[:taken], parameters=parameters, rule=rule)
        if decision != Decision.ASK:
            return decision, taken
    return Decision.ASK, 0


@given(crowd=crowds, parameters=parameter_sets(), rule=rules.filter(lambda rule: rule.vote_cap >= 3))
def test_agrees_with_a_twin_that_looks_after_every_vote(crowd, parameters, rule):
    expected = [slow_first_decision(votes=votes, parameters=parameters, rule=rule) for votes in crowd]

    first = decide_crowd(crowd, parameters=parameters, rule=rule)

    assert list(zip(first.decision, first.votes, strict=True)) == expected


@given(crowd=crowds, parameters=parameter_sets())
def test_the_probability_is_the_one_at_the_deciding_vote(crowd, parameters):
    first = decide_crowd(crowd, parameters=parameters)

    for votes, decision, taken, probability in zip(crowd, first.decision, first.votes, first.probability, strict=True):
        if decision != Decision.ASK:
            log_odds = slow_log_odds(votes=votes[:taken], parameters=parameters)
            assert probability == pytest.approx(1 / (1 + np.exp(-log_odds)), rel=1e-9)


@given(crowd=crowds, more=crowds)
def test_votes_after_the_decision_change_nothing(crowd, more):
    first = decide_crowd(crowd)
    longer = [votes + extra for votes, extra in zip(crowd, more + [[]] * len(crowd), strict=False)]

    later = decide_crowd(longer)

    decided = first.decision != Decision.ASK
    assert (later.decision == first.decision)[decided].all()
    assert (later.probability == first.probability)[decided].all()


def test_a_question_that_turned_later_keeps_its_first_decision():
    first = decide_crowd([[YES, YES, YES, NO, NO, NO, NO]])

    assert first.decision[0] == Decision.ACCEPT
    assert first.votes[0] <= 3
    assert first.probability[0] > 0.99


def test_questions_without_votes_are_asked():
    first = decide_crowd([[], [NO, NO, NO], []])

    assert list(first.decision) == [Decision.ASK, Decision.REJECT, Decision.ASK]


def test_no_votes_at_all_decide_nothing():
    assert list(decide_crowd([[], []]).decision) == [Decision.ASK, Decision.ASK]


def test_the_cap_makes_a_dispute_of_what_is_undecided():
    first = decide_crowd([[UNSURE] * 11], rule=Rule(target_error=0.05, vote_cap=10))

    assert (first.decision[0], first.votes[0]) == (Decision.DISPUTE, 10)


def test_a_question_out_of_range_is_named():
    with pytest.raises(ValueError, match=r"^votes_question\[1\]: must be from 0 to 0, is 1$"):
        decide_in_order(
            votes_question=np.array([0, 1]), votes_answer=np.array([0, 0]), questions=1, parameters=START, rule=RULE
        )
