from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.belief import look_up
from annotation.consensus.fit import Course, Plan, fit
from annotation.consensus.leaveout import leave_out
from annotation.consensus.model import Floats, Parameters, find_log_tables
from annotation.consensus.shards import make_course
from annotation.consensus.start import GRADED, start_two_states
from annotation.consensus.votes import UNKNOWN
from tests.annotation.consensus.strategies import WORKERS, Crowd, make_votes, verification_crowds

TWO = replace(start_two_states(), strengths=np.array([3.0, 5.0]))


def count(rows: Crowd, truth: list[int], *, without: tuple[int, int] | None = None) -> Floats:
    """How often each worker gave each answer to items of each class; `without` leaves out one worker on one item."""
    counts = np.zeros((WORKERS, 2, 3))
    for item, row in enumerate(rows):
        for worker, answer in row:
            if (worker, item) != without:
                counts[worker, truth[item], answer] += 1
    return counts


def make(counts: Floats, parameters: Parameters = TWO) -> Course:
    return make_course(parameters=parameters, counts=counts, plan=Plan())


@given(verification_crowds, st.data())
def test_a_vote_counts_as_if_its_worker_had_never_voted_on_its_item(rows: Crowd, data: st.DataObject) -> None:
    truth = data.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows)))

    added = leave_out(votes=make_votes(rows), truth=np.array(truth, dtype=np.int8), course=make(count(rows, truth)))

    each = [(item, worker, answer) for item, row in enumerate(rows) for worker, answer in row]
    for vote, (item, worker, answer) in enumerate(each):
        kept = count(rows, truth, without=(worker, item))
        # The state of an item that is known is its class alone, for the other one nothing is left out.
        here = truth[item]
        expected = find_log_tables(counts=kept, parameters=TWO)[worker, here, answer]
        assert added[vote, here] == pytest.approx(expected, abs=1e-7)


@given(verification_crowds)
def test_nothing_is_left_out_where_nothing_is_known(rows: Crowd) -> None:
    votes, course = make_votes(rows), make(count(rows, [0] * len(rows)))

    added = leave_out(votes=votes, truth=np.full(len(rows), UNKNOWN, dtype=np.int8), course=course)

    tables = find_log_tables(counts=course.counts, parameters=TWO)
    assert added == pytest.approx(look_up(votes=votes, log_tables=tables), abs=1e-8)


def test_a_worker_who_knows_no_other_item_counts_as_the_crowd() -> None:
    rows = [[(0, 2), (1, 2), (2, 0)]] + [[(1, 2), (2, 2), (3, 1)], [(1, 0), (2, 0), (3, 0)]] * 10
    votes, truth = make_votes(rows), np.array([1] + [1, 0] * 10, dtype=np.int8)
    course = fit(votes=votes, start=GRADED, truth=truth)

    added = leave_out(votes=votes, truth=truth, course=course)

    crowd = course.parameters.responses[:, 2]
    assert np.exp(added[0]) == pytest.approx(crowd, abs=1e-3)
    # Who voted elsewhere, too, does not.
    assert np.abs(np.exp(added[1]) - crowd).max() > 0.05
