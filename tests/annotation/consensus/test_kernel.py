import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus import kernel as kernel_module
from annotation.consensus.kernel import Clamp, Expectation, Kernel, add_expectations
from annotation.consensus.model import Floats
from annotation.consensus.votes import Votes
from tests.annotation.consensus.strategies import crowds, draw_rows, make_votes, patiently, split_rows

# A share is floored to a multiple of 2**-26, a vote's logarithm rounded to one of 2**-28.
CLOSE = 1e-6


@dataclass(frozen=True)
class Pass:
    """One pass over votes: what it is asked with."""

    votes: Votes
    log_shares: Floats
    log_tables: Floats
    clamp: Clamp | None

    @property
    def states(self) -> int:
        return len(self.log_shares)

    def run(self) -> Expectation:
        return self.run_kernel()[1]

    def run_kernel(self) -> tuple[Kernel, Expectation]:
        kernel = Kernel(self.votes, states=self.states)
        return kernel, kernel.expect(log_shares=self.log_shares, log_tables=self.log_tables, clamp=self.clamp)


@st.composite
def passes(draw: st.DrawFn) -> Pass:
    votes = draw(crowds())
    states = draw(st.integers(1, 4))
    known = draw(st.sets(st.integers(0, votes.items - 1))) if votes.items else set()
    factors = np.log(draw_rows(draw, len(known), states)) if known else None
    return Pass(
        votes=votes,
        log_shares=np.log(draw_rows(draw, 1, states)[0]),
        log_tables=np.log(draw_rows(draw, votes.workers * votes.answers, states)),
        clamp=None if factors is None else Clamp(np.array(sorted(known), dtype=np.int64), factors),
    )


def slow_expect(asked: Pass) -> tuple[list[list[float]], list[list[float]], float]:
    """Each item's shares, each cell's counts and the log-likelihood, by loops; what is known of an item replaces the
    shares of all."""
    known = {} if asked.clamp is None else dict(zip(asked.clamp.items.tolist(), asked.clamp.log_factors, strict=True))
    counts = [[0.0] * asked.states for _ in range(asked.votes.workers * asked.votes.answers)]
    shares, log_likelihood = [], 0.0
    for item, row in enumerate(split_rows(asked.votes)):
        cells = [worker * asked.votes.answers + answer for worker, answer in row]
        joint = [
            math.exp(known.get(item, asked.log_shares)[k] + sum(asked.log_tables[cell][k] for cell in cells))
            for k in range(asked.states)
        ]
        log_likelihood += math.log(sum(joint))
        shares.append([value / sum(joint) for value in joint])
        for cell in cells:
            for k in range(asked.states):
                counts[cell][k] += shares[item][k]
    return shares, counts, log_likelihood


def select_items(asked: Pass, chosen: list[int]) -> Pass:
    """The same question to some of the items."""
    rows = split_rows(asked.votes)
    votes = make_votes([rows[item] for item in chosen], workers=asked.votes.workers, answers=asked.votes.answers)
    if asked.clamp is None:
        return replace(asked, votes=votes)
    known = dict(zip(asked.clamp.items.tolist(), asked.clamp.log_factors, strict=True))
    places = [place for place, item in enumerate(chosen) if item in known]
    factors = np.array([known[chosen[place]] for place in places]).reshape(-1, asked.states)
    return replace(asked, votes=votes, clamp=Clamp(np.array(places, dtype=np.int64), factors))


def exact(expectation: Expectation) -> tuple[bytes, bytes, float]:
    return expectation.counts.tobytes(), expectation.states.tobytes(), expectation.change


@patiently
@given(asked=passes())
def test_a_pass_equals_loops_over_items_states_and_votes(asked: Pass) -> None:
    shares, counts, log_likelihood = slow_expect(asked)

    kernel, expectation = asked.run_kernel()

    assert kernel.shares == pytest.approx(np.array(shares).reshape(-1, asked.states).T[1:], abs=CLOSE)
    assert expectation.counts == pytest.approx(np.array(counts).reshape(-1, asked.states), abs=60 * CLOSE)
    assert expectation.log_likelihood == pytest.approx(log_likelihood, abs=1e-5)


@patiently
@given(asked=passes())
def test_counts_sum_to_votes_and_states_to_the_items_of_which_nothing_is_known(asked: Pass) -> None:
    expectation = asked.run()

    assert expectation.counts.sum() == len(asked.votes)
    known = 0 if asked.clamp is None else len(asked.clamp.items)
    assert expectation.states.sum() == asked.votes.items - known
    assert (expectation.counts >= 0).all()
    assert (expectation.states >= 0).all()


@patiently
@given(asked=passes(), data=st.data())
def test_the_order_of_votes_changes_nothing_bit_for_bit(asked: Pass, data: st.DataObject) -> None:
    shuffled = [data.draw(st.permutations(row)) for row in split_rows(asked.votes)]
    votes = make_votes(shuffled, workers=asked.votes.workers, answers=asked.votes.answers)

    other = replace(asked, votes=votes).run()

    assert exact(other) == exact(asked.run())
    assert other.log_likelihood == asked.run().log_likelihood


@patiently
@given(asked=passes(), data=st.data())
def test_expectations_of_any_partition_add_up_to_the_whole_bit_for_bit(asked: Pass, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, 3), min_size=asked.votes.items, max_size=asked.votes.items))
    parts = [[item for item, place in enumerate(places) if place == part] for part in range(4)]

    whole = add_expectations([select_items(asked, part).run() for part in parts])

    assert exact(whole) == exact(asked.run())
    assert whole.log_likelihood == pytest.approx(asked.run().log_likelihood, abs=1e-9)


@patiently
@given(asked=passes(), block=st.integers(1, 4), counted=st.sampled_from([0.0, 0.1, 0.3, 1.0]))
def test_the_size_of_blocks_changes_nothing_bit_for_bit(asked: Pass, block: int, counted: float) -> None:
    whole = asked.run()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_module, "BLOCK", block)
        patch.setattr(kernel_module, "COUNTED", counted)
        in_blocks = asked.run()

    assert exact(in_blocks) == exact(whole)
    assert in_blocks.log_likelihood == pytest.approx(whole.log_likelihood, abs=1e-9)


def test_a_block_between_two_that_are_counted_may_have_more_votes_than_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_module, "BLOCK", 4)
    votes = make_votes([[(0, 1)] * number for number in [1] * 4 + [5] * 4], workers=1)

    blocks = list(Kernel(votes, states=2).blocks())

    assert [matrix.sum() for _, matrix in blocks] == [4, 20]


@patiently
@given(asked=passes())
def test_counting_the_shares_as_they_stand_gives_the_counts_of_the_pass(asked: Pass) -> None:
    kernel, expectation = asked.run_kernel()

    counted = kernel.count()

    assert counted.counts.tobytes() == expectation.counts.tobytes()
    assert counted.states.sum() == asked.votes.items
    assert asked.clamp is not None or counted.states.tobytes() == expectation.states.tobytes()


@patiently
@given(asked=passes())
def test_scores_are_sums_over_each_items_votes(asked: Pass) -> None:
    scores = Kernel(asked.votes, states=asked.states).score(asked.log_tables)

    rows = split_rows(asked.votes)
    cells = [[worker * asked.votes.answers + answer for worker, answer in row] for row in rows]
    slow = [[sum(asked.log_tables[cell][k] for cell in row) for k in range(asked.states)] for row in cells]
    assert scores == pytest.approx(np.array(slow).reshape(-1, asked.states), abs=1e-12)


def test_the_change_is_how_far_the_shares_moved_since_the_last_pass() -> None:
    votes = make_votes([[(0, 2)], [(1, 0)]])
    log_tables = np.log(np.tile([[0.8, 0.1], [0.1, 0.1], [0.1, 0.8]], (votes.workers, 1)))
    kernel = Kernel(votes, states=2)

    first = kernel.expect(log_shares=np.log([0.5, 0.5]), log_tables=log_tables)
    again = kernel.expect(log_shares=np.log([0.5, 0.5]), log_tables=log_tables)

    assert first.change == pytest.approx(8 / 9, abs=CLOSE)
    assert again.change == 0


def test_a_clamped_item_takes_the_shares_its_factors_leave() -> None:
    votes = make_votes([[(0, 2)], [(0, 2)]])
    log_tables = np.log(np.tile([[0.8, 0.1], [0.1, 0.1], [0.1, 0.8]], (votes.workers, 1)))
    clamp = Clamp(np.array([1]), np.log([[1.0, 1e-12]]))
    kernel = Kernel(votes, states=2)

    kernel.expect(log_shares=np.log([0.5, 0.5]), log_tables=log_tables, clamp=clamp)

    assert kernel.shares[0].tolist() == [pytest.approx(8 / 9, abs=CLOSE), 0.0]


@pytest.mark.parametrize("states", [2, 6])
def test_hundreds_of_factors_and_thousands_of_votes_stay_finite(states: int) -> None:
    votes = make_votes([[(0, 2)] * 5000, *[[(1, 0)]] * 500])
    log_tables = np.log(np.linspace(0.001, 0.9, votes.workers * 3 * states)).reshape(-1, states)

    expectation = Kernel(votes, states=states).expect(
        log_shares=np.full(states, -np.log(states)), log_tables=log_tables
    )

    assert math.isfinite(expectation.log_likelihood)
    assert np.isfinite(expectation.counts).all()
    assert expectation.states.sum() == votes.items
