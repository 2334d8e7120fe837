import numpy as np
import pytest
from hypothesis import given

from annotation.consensus.model import Answer
from annotation.consensus.start import (
    DEFAULT_DOUBT,
    FIRST_ACCURACY,
    GRADED,
    share_by_votes,
    start_classes,
    start_two_states,
)
from annotation.consensus.votes import Votes
from tests.annotation.consensus.strategies import Crowd, crowds, make_votes, patiently, split_rows, verification_crowds

NO, UNSURE, YES = Answer


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_of_many_classes_each_has_its_state_and_its_answer(classes: int) -> None:
    start = start_classes(classes=classes)

    assert (start.states, start.answers, start.classes) == (classes, classes, classes)
    assert np.diag(start.responses) == pytest.approx(FIRST_ACCURACY + (1 - FIRST_ACCURACY) / classes)
    assert np.diag(start.meanings) == pytest.approx(1 - DEFAULT_DOUBT * (1 - 1 / classes))


def test_of_one_class_everything_is_certain() -> None:
    start = start_classes(classes=1)

    assert (start.shares.tolist(), start.meanings.tolist(), start.responses.tolist()) == ([1.0], [[1.0]], [[1.0]])


def test_two_states_answer_as_the_graded_states_of_either_side_together() -> None:
    start = start_two_states()

    for side in (0, 1):
        weights = [share * meaning[side] for share, meaning in zip(GRADED.shares, GRADED.meanings, strict=True)]
        for answer in Answer:
            mixed = sum(w * row[answer] for w, row in zip(weights, GRADED.responses, strict=True)) / sum(weights)
            assert start.responses[side, answer] == pytest.approx(mixed)
        assert start.shares[side] == pytest.approx(sum(weights))


def test_graded_states_go_from_clearly_no_to_clearly_yes() -> None:
    yes = GRADED.meanings[:, 1]
    assert yes[0] == yes.min() < 0.02
    assert yes[-1] == yes.max() > 0.98
    assert GRADED.responses[0, NO] > 0.9
    assert GRADED.responses[-1, YES] > 0.8


def test_a_first_yes_speaks_for_yes_and_a_first_no_for_no() -> None:
    no, yes = start_two_states().responses

    assert yes[YES] > no[YES]
    assert yes[NO] < no[NO]


@patiently
@given(rows=verification_crowds)
def test_in_verification_an_unsure_is_half_a_yes(rows: Crowd) -> None:
    shares = share_by_votes(votes=make_votes(rows), verification=True)

    for found, row in zip(shares, rows, strict=True):
        given_answers = [answer for _, answer in row]
        yes = (given_answers.count(YES) + given_answers.count(UNSURE) / 2) / len(row) if row else 0.5
        assert found.tolist() == pytest.approx([1 - yes, yes])


@patiently
@given(votes=crowds())
def test_else_each_class_has_the_share_of_its_answers(votes: Votes) -> None:
    shares = share_by_votes(votes=votes, verification=False)

    assert shares.shape == (votes.items, votes.answers)
    for found, row in zip(shares, split_rows(votes), strict=True):
        counts = [sum(answer == kind for _, answer in row) for kind in range(votes.answers)]
        assert found.tolist() == pytest.approx([n / len(row) if row else 1 / votes.answers for n in counts])
