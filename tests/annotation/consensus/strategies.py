"""Generated input of the consensus tests, and the way from lists of votes to arrays."""

from collections.abc import Sequence

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotation.consensus.decide import Rule
from annotation.consensus.model import Answer, Floats, Parameters
from annotation.consensus.votes import Votes

# Each item's votes: pairs (worker, answer) in recorded order.
Crowd = Sequence[Sequence[tuple[int, int]]]

WORKERS = 5

# Whole fits and recursions: fewer examples, and as long as they take.
patiently = settings(deadline=None, max_examples=50)

seeds = st.integers(0, 2**32 - 1)
verification_votes = st.tuples(st.integers(0, WORKERS - 1), st.integers(0, len(Answer) - 1))
verification_crowds = st.lists(st.lists(verification_votes, max_size=7), min_size=1, max_size=6)
rules = st.builds(
    Rule,
    target_error=st.sampled_from([0.003, 0.01, 0.03, 0.1, 0.3, 0.49]),
    vote_cap=st.integers(3, 10),
    minimum_yes=st.integers(1, 3),
    minimum_no=st.integers(1, 3),
    accept_tolerance=st.sampled_from([None, 0.0, 0.001, 0.05, 0.4]),
    reject_tolerance=st.sampled_from([None, 0.0, 0.001, 0.05, 0.4]),
)


@st.composite
def crowds(draw: st.DrawFn) -> Votes:
    """Votes of any answers, workers and items, those without votes included."""
    answers = draw(st.integers(1, 4))
    vote = st.tuples(st.integers(0, WORKERS - 1), st.integers(0, answers - 1))
    rows = draw(st.lists(st.lists(vote, max_size=6), max_size=9))
    return make_votes(rows, answers=answers)


def make_votes(rows: Crowd, *, workers: int = WORKERS, answers: int = len(Answer)) -> Votes:
    """One item for each list of votes."""
    return Votes.from_arrays(
        item=np.array([item for item, row in enumerate(rows) for _ in row], dtype=np.int32),
        worker=np.array([worker for row in rows for worker, _ in row], dtype=np.int32),
        answer=np.array([answer for row in rows for _, answer in row], dtype=np.int8),
        items=len(rows),
        workers=workers,
        answers=answers,
    )


def split_rows(votes: Votes) -> list[list[tuple[int, int]]]:
    """Each item's votes as pairs (worker, answer): the way back."""
    rows: list[list[tuple[int, int]]] = [[] for _ in range(votes.items)]
    for item, worker, answer in zip(votes.item.tolist(), votes.worker.tolist(), votes.answer.tolist(), strict=True):
        rows[item].append((worker, answer))
    return rows


@st.composite
def parameter_sets(draw: st.DrawFn, discounts: st.SearchStrategy[float] | None = None) -> Parameters:
    """Verification parameters of one to four states, far from those a service would have."""
    states = draw(st.integers(1, 4))
    shares = draw_rows(draw, 1, states)[0]
    return Parameters(
        shares=shares,
        meanings=draw_rows(draw, states, 2),
        responses=draw_rows(draw, states, len(Answer)),
        strengths=np.array(draw(st.lists(st.floats(0.5, 200), min_size=states, max_size=states))),
        discount=draw(st.sampled_from([0.0, 0.1, 0.45, 1.0]) if discounts is None else discounts),
    )


@st.composite
def tables(draw: st.DrawFn, *, states: int, workers: int = WORKERS, answers: int = len(Answer)) -> Floats:
    """Response tables [workers, states, answers]."""
    return draw_rows(draw, workers * states, answers).reshape(workers, states, answers)


def draw_rows(draw: st.DrawFn, rows: int, columns: int) -> Floats:
    """[rows, columns] of distributions without zeros."""
    weights = draw(st.lists(st.floats(0.02, 1), min_size=rows * columns, max_size=rows * columns))
    values = np.array(weights).reshape(rows, columns)
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def make_states(
    *,
    no: Sequence[float] = (0.85, 0.1, 0.05),
    yes: Sequence[float] = (0.1, 0.1, 0.8),
    share_of_yes: float = 0.4,
    certainty: float = 0.98,
    discount: float = 0.0,
    strength: float = 20.0,
) -> Parameters:
    """Verification with a state for no and one for yes."""
    return Parameters(
        shares=np.array([1 - share_of_yes, share_of_yes]),
        meanings=np.array([[certainty, 1 - certainty], [1 - certainty, certainty]]),
        responses=np.array([no, yes]),
        strengths=np.full(2, strength),
        discount=discount,
    )


def simulate_votes(
    *, seed: int, truth: NDArray[np.integer], worker_tables: Floats, votes_per_item: int
) -> tuple[Votes, NDArray[np.int8]]:
    """Votes of different workers drawn for each item from their tables [W, K, A]; and the truth as EM takes it."""
    chance = np.random.default_rng(seed)
    workers, _, answers = worker_tables.shape
    rows = [
        [
            (int(worker), int(chance.choice(answers, p=worker_tables[worker, kind])))
            for worker in chance.permutation(workers)[:votes_per_item]
        ]
        for kind in truth
    ]
    return make_votes(rows, workers=workers, answers=answers), truth.astype(np.int8)
