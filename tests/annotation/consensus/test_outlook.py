import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.model import Floats, Parameters, tabulate
from annotation.consensus.outlook import foresee
from annotation.consensus.start import GRADED, start_classes, start_two_states
from annotation.consensus.workers import measure_bits

TWO = start_two_states()
GOOD, CONTRARY = [[90.0, 5.0, 5.0], [5.0, 5.0, 90.0]], [[5.0, 5.0, 90.0], [90.0, 5.0, 5.0]]
SPAM = [[1.0, 1.0, 98.0], [1.0, 1.0, 98.0]]

crowds = st.lists(st.lists(st.floats(0, 50), min_size=6, max_size=6), min_size=1, max_size=4)


def average_bits(counts: Floats, parameters: Parameters) -> float:
    """What votes told on average, worker by worker."""
    votes = [float(own.sum()) for own in counts]
    bits = [
        float(measure_bits(tables=tabulate(counts=own[np.newaxis], parameters=parameters), parameters=parameters)[0])
        for own in counts
    ]
    return sum(vote * bit for vote, bit in zip(votes, bits, strict=True)) / sum(votes)


def tell(table: Floats, parameters: Parameters = TWO) -> float:
    return float(measure_bits(tables=table[np.newaxis], parameters=parameters)[0])


@pytest.mark.parametrize("crowd", [[GOOD], [GOOD, SPAM], [GOOD, GOOD, CONTRARY], [GOOD, CONTRARY, SPAM]])
def test_the_next_vote_tells_what_votes_told_on_average_or_what_helpful_ones_tell(
    crowd: list[list[list[float]]],
) -> None:
    counts = np.array(crowd)

    table = foresee(counts=counts, parameters=TWO)

    tables = tabulate(counts=counts, parameters=TWO)
    helpful = [own for own in tables if own[1, 2] > own[0, 2]]
    # Those who help are all that the next vote can be made of.
    expected = min(average_bits(counts, TWO), tell(np.mean(helpful, axis=0)))
    assert tell(table) == pytest.approx(expected, abs=1e-6)


def test_workers_who_contradict_each_other_tell_more_than_their_mean() -> None:
    counts = np.array([GOOD, CONTRARY])

    mean = tabulate(counts=counts, parameters=TWO).mean(axis=0)

    assert tell(mean) < 0.05 < 0.2 < tell(foresee(counts=counts, parameters=TWO))


@given(crowds)
def test_answers_in_each_state_are_shares_and_yes_is_said_more_often_of_a_yes(rows: list[list[float]]) -> None:
    table = foresee(counts=np.array(rows).reshape(-1, 2, 3), parameters=TWO)

    assert table.sum(axis=1) == pytest.approx([1, 1])
    assert (table > 0).all()
    assert table[1, 2] >= table[0, 2] - 1e-12


@pytest.mark.parametrize(
    ("parameters", "counts"),
    [
        (GRADED, np.zeros((3, GRADED.states, 3))),
        (GRADED, np.zeros((0, GRADED.states, 3))),
        (start_classes(classes=3), np.ones((2, 3, 3))),
    ],
)
def test_without_votes_and_for_classes_the_crowd_answers(parameters: Parameters, counts: Floats) -> None:
    assert foresee(counts=counts, parameters=parameters).tolist() == parameters.responses.tolist()


def test_votes_too_few_to_have_shares_are_none() -> None:
    counts = np.array([[[5e-324, 0.0, 0.0], [0.0, 0.0, 5e-324]]])

    assert foresee(counts=counts, parameters=TWO).tolist() == TWO.responses.tolist()
