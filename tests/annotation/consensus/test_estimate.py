import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.estimate import Estimates, estimate_questions
from annotation.consensus.model import START, Answer, Parameters
from tests.annotation.consensus.slow import slow_log_odds
from tests.annotation.consensus.strategies import answers, crowds, estimate_crowd, parameter_sets

NO, UNSURE, YES = Answer


def estimate_bytes(estimates: Estimates) -> list[bytes]:
    return [
        array.tobytes()
        for array in (estimates.log_odds, estimates.probability, estimates.no, estimates.unsure, estimates.yes)
    ]


def test_one_yes_gives_the_probability_worked_out_by_hand() -> None:
    estimates = estimate_crowd([[YES]])

    # Easy-yes .071 * .845 = .059995 and hard-yes .113 * .402 = .045426 make .105421;
    # easy-no .704 * .013 = .009152 and hard-no .112 * .103 = .011536 make .020688.
    assert estimates.probability[0] == pytest.approx(0.105421 / (0.105421 + 0.020688), abs=1e-12)
    assert estimates.log_odds[0] == pytest.approx(math.log(0.105421 / 0.020688), abs=1e-12)


def test_one_answer_of_each_kind_gives_the_log_odds_worked_out_by_hand() -> None:
    estimates = estimate_crowd([[NO, UNSURE, YES]])

    easy_no, hard_no = 0.704 * 0.958 * 0.029 * 0.013, 0.112 * 0.588 * 0.309 * 0.103
    easy_yes, hard_yes = 0.071 * 0.072 * 0.083 * 0.845, 0.113 * 0.381 * 0.217 * 0.402
    assert estimates.log_odds[0] == pytest.approx(math.log((easy_yes + hard_yes) / (easy_no + hard_no)), abs=1e-12)


def test_narrow_index_types_do_not_overflow() -> None:
    votes_question = np.arange(100, dtype=np.int8)

    estimates = estimate_questions(
        votes_question=votes_question, votes_answer=np.full(100, YES, dtype=np.int8), questions=100, parameters=START
    )

    assert estimates.yes.tolist() == [1] * 100


def test_no_votes_give_the_share_of_the_yes_states() -> None:
    estimates = estimate_crowd([[]])

    assert estimates.probability[0] == pytest.approx(0.071 + 0.113, abs=1e-15)
    assert estimates.votes.tolist() == [0]


def test_unsure_speaks_for_yes_in_a_pool_of_mostly_no() -> None:
    estimates = estimate_crowd([[], [UNSURE]])

    assert estimates.probability[1] > estimates.probability[0]


def test_answers_are_counted_by_question() -> None:
    estimates = estimate_crowd([[YES, NO, YES], [], [UNSURE, NO]])

    assert estimates.no.tolist() == [1, 0, 1]
    assert estimates.unsure.tolist() == [0, 0, 1]
    assert estimates.yes.tolist() == [2, 0, 0]
    assert estimates.votes.tolist() == [3, 0, 2]


def test_no_questions_give_no_estimates() -> None:
    assert estimate_crowd([]).probability.shape == (0,)


def test_thousands_of_agreeing_votes_stay_finite() -> None:
    estimates = estimate_crowd([[YES] * 5000, [NO] * 5000])

    assert np.isfinite(estimates.log_odds).all()
    assert estimates.probability.tolist() == [1.0, pytest.approx(0.0, abs=1e-300)]


@given(crowd=crowds, parameters=parameter_sets())
def test_log_odds_equal_the_loop_over_states_and_votes(
    crowd: Sequence[Sequence[Answer]], parameters: Parameters
) -> None:
    estimates = estimate_crowd(crowd, parameters)

    slow = [slow_log_odds(votes=votes, parameters=parameters) for votes in crowd]
    assert estimates.log_odds.tolist() == pytest.approx(slow, abs=1e-11)
    assert estimates.probability.tolist() == pytest.approx([1 / (1 + math.exp(-x)) for x in slow], abs=1e-12)


@given(crowd=crowds, data=st.data())
def test_the_order_of_votes_changes_nothing_bit_for_bit(crowd: Sequence[Sequence[Answer]], data: st.DataObject) -> None:
    votes = [(question, answer) for question, row in enumerate(crowd) for answer in row]
    shuffled = np.array(data.draw(st.permutations(votes)), dtype=np.int64).reshape(-1, 2)

    estimates = estimate_questions(
        votes_question=shuffled[:, 0], votes_answer=shuffled[:, 1], questions=len(crowd), parameters=START
    )

    assert estimate_bytes(estimates) == estimate_bytes(estimate_crowd(crowd))


@given(crowd=crowds, parameters=parameter_sets())
def test_other_questions_change_nothing_bit_for_bit(crowd: Sequence[Sequence[Answer]], parameters: Parameters) -> None:
    together = estimate_crowd(crowd, parameters)

    alone = [estimate_crowd([votes], parameters) for votes in crowd]
    assert together.log_odds.tobytes() == b"".join(estimates.log_odds.tobytes() for estimates in alone)
    assert together.probability.tobytes() == b"".join(estimates.probability.tobytes() for estimates in alone)


@given(votes=answers)
def test_one_more_yes_never_lowers_and_one_more_no_never_raises(votes: Sequence[Answer]) -> None:
    less, same, more = estimate_crowd([[*votes, NO], votes, [*votes, YES]]).probability

    assert 0 <= less <= same <= more <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"questions": -1}, r"^questions: must not be negative, is -1$"),
        ({"votes_question": np.array([0, 2])}, r"^votes_question\[1\]: must be from 0 to 1, is 2$"),
        ({"votes_question": np.array([-1, 0])}, r"^votes_question\[0\]: must be from 0 to 1, is -1$"),
        ({"votes_answer": np.array([0, 3])}, r"^votes_answer\[1\]: must be from 0 to 2, is 3$"),
        ({"votes_answer": np.array([0.0, 1.0])}, r"^votes_answer: must be a one-dimensional array of whole numbers$"),
        ({"votes_question": np.array([[0, 1]])}, r"^votes_question: must be a one-dimensional array"),
        ({"votes_answer": np.array([0])}, r"^votes_answer: has 1 votes, votes_question has 2$"),
    ],
)
def test_bad_votes_are_refused_by_name_and_position(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"votes_question": np.array([0, 1]), "votes_answer": np.array([0, 2]), "questions": 2}

    with pytest.raises(ValueError, match=message):
        estimate_questions(**{**good, **change}, parameters=START)
