import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln

from annotation.consensus.model import Floats
from annotation.consensus.strengths import DEFAULT_STRENGTH, ENOUGH_WORKERS, HIGHEST_STRENGTH, learn_crowd
from tests.annotation.consensus.strategies import draw_rows, patiently, tables

CROWD = np.array([[0.7, 0.2, 0.1]])
STRENGTHS = np.array([DEFAULT_STRENGTH])


def slow_likelihood(counts: Floats, responses: Floats, strengths: Floats) -> float:
    """The Dirichlet-multinomial log-likelihood of the workers' counts [W, S, A], but for what counts alone say."""
    total = 0.0
    for state, (row, strength) in enumerate(zip(responses, strengths, strict=True)):
        for own in counts[:, state]:
            total += gammaln(strength) - gammaln(strength + own.sum())
            total += sum(gammaln(n + strength * c) - gammaln(strength * c) for n, c in zip(own, row, strict=True))
    return total


def draw_workers(seed: int, *, strength: float, workers: int = 60, votes: int = 100) -> Floats:
    """Counts of workers [W, 1, 3] whose rows are drawn round the crowd's."""
    chance = np.random.default_rng(seed)
    rows = chance.dirichlet(strength * CROWD[0], size=workers)
    return np.array([[chance.multinomial(votes, row)] for row in rows], dtype=np.float64)


@st.composite
def worker_counts(draw: st.DrawFn) -> Floats:
    """Counts of enough workers: [W, 2, 3], in every state at least one vote each."""
    workers = draw(st.integers(ENOUGH_WORKERS, 14))
    votes = draw(st.sampled_from([1.0, 3.0, 50.0, 2000.0]))
    return votes * draw_rows(draw, workers * 2, 3).reshape(workers, 2, 3) + 1.0


@patiently
@given(counts=worker_counts(), data=st.data())
def test_what_is_learned_makes_the_counts_likelier(counts: Floats, data: st.DataObject) -> None:
    responses = data.draw(tables(states=2, workers=1))[0]
    strengths = np.array(data.draw(st.lists(st.floats(1, 500), min_size=2, max_size=2)))

    learned = learn_crowd(counts=counts, responses=responses, strengths=strengths)

    before = slow_likelihood(counts, responses, strengths)
    assert slow_likelihood(counts, *learned) >= before - 1e-9 * abs(before)


@patiently
@given(counts=worker_counts())
def test_the_learned_table_can_be_used_as_parameters(counts: Floats) -> None:
    responses, strengths = learn_crowd(counts=counts, responses=np.tile(CROWD, (2, 1)), strengths=np.tile(STRENGTHS, 2))

    assert responses.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert (responses > 0).all()
    assert ((strengths > 0) & (strengths <= HIGHEST_STRENGTH)).all()


def test_workers_who_answer_alike_make_the_crowd_strong() -> None:
    alike = np.tile([[[70.0, 20.0, 10.0]]], (40, 1, 1))

    responses, strengths = learn_crowd(counts=alike, responses=CROWD, strengths=STRENGTHS)

    assert responses[0] == pytest.approx(CROWD[0], abs=0.02)
    assert strengths[0] > 1.4 * DEFAULT_STRENGTH


def test_workers_who_answer_each_in_their_own_way_make_the_crowd_weak() -> None:
    spread = np.tile(100 * np.eye(3)[:, np.newaxis], (20, 1, 1))

    _, strengths = learn_crowd(counts=spread, responses=CROWD, strengths=STRENGTHS)

    assert strengths[0] < 1


@pytest.mark.parametrize("strength", [2.0, 10.0, 40.0])
def test_a_few_looks_recover_the_strength_of_a_simulated_crowd(strength: float) -> None:
    counts = draw_workers(5, strength=strength, workers=200)
    responses, strengths = np.full((1, 3), 1 / 3), STRENGTHS

    for _ in range(5):
        responses, strengths = learn_crowd(counts=counts, responses=responses, strengths=strengths)

    assert strengths[0] == pytest.approx(strength, rel=0.3)
    assert responses[0] == pytest.approx(CROWD[0], abs=0.1)


def test_a_few_workers_give_their_sum_and_a_vote_for_each_answer_and_the_strength_stays() -> None:
    counts = np.tile([[[8.0, 1.0, 1.0]]], (ENOUGH_WORKERS - 1, 1, 1))

    responses, strengths = learn_crowd(counts=counts, responses=CROWD, strengths=STRENGTHS)

    assert responses[0] == pytest.approx(np.array([72 + 2.1, 9 + 0.6, 9 + 0.3]) / 93)
    assert strengths.tolist() == STRENGTHS.tolist()


def test_workers_without_a_vote_say_nothing() -> None:
    counts = draw_workers(1, strength=10.0, workers=20)
    silent = np.concatenate([counts, np.zeros((30, 1, 3))])

    with_silent = learn_crowd(counts=silent, responses=CROWD, strengths=STRENGTHS)

    without = learn_crowd(counts=counts, responses=CROWD, strengths=STRENGTHS)
    assert [part.tolist() for part in with_silent] == [part.tolist() for part in without]


def test_many_workers_of_whom_most_hardly_voted_are_taken_together() -> None:
    busy, idle = np.tile([[[2.0, 0.0, 0.0]]], (10, 1, 1)), np.tile([[[0.0, 0.5, 0.4]]], (100, 1, 1))

    responses, strengths = learn_crowd(counts=np.concatenate([busy, idle]), responses=CROWD, strengths=STRENGTHS)

    assert responses[0] == pytest.approx(np.array([20 + 2.1, 50 + 0.6, 40 + 0.3]) / 113)
    assert strengths.tolist() == STRENGTHS.tolist()


def test_no_workers_change_nothing() -> None:
    responses, strengths = learn_crowd(counts=np.zeros((0, 1, 3)), responses=CROWD, strengths=STRENGTHS)

    assert responses[0] == pytest.approx(CROWD[0])
    assert strengths.tolist() == STRENGTHS.tolist()


def test_an_answer_nobody_gives_keeps_a_little() -> None:
    counts = np.tile([[[9.0, 0.0, 1.0]]], (20, 1, 1))

    responses, _ = learn_crowd(counts=counts, responses=CROWD, strengths=STRENGTHS)

    assert 0 < responses[0, 1] < 0.01


def test_what_is_given_stays_as_it_was() -> None:
    responses, strengths = CROWD.copy(), STRENGTHS.copy()

    learn_crowd(counts=draw_workers(1, strength=10.0), responses=responses, strengths=strengths)

    assert (responses.tolist(), strengths.tolist()) == (CROWD.tolist(), STRENGTHS.tolist())
