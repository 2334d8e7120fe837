"""Votes of a made-up crowd, the same for the same seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.start import GRADED
from annotation.consensus.votes import Votes

VOTES_AN_ITEM = 5
ITEMS_A_WORKER = 1000
SHARE_OF_YES = 0.3
# Of saying no and yes, on a no and on a yes: right .82 and .67 of the time on average.
PLAIN_PRIORS = ((9.0, 2.0), (3.0, 6.0))
# The busiest of a hundred workers votes some eighty times as often as the idlest.
SPREAD_OF_ACTIVITY = 1.0
CHUNK = 1_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Crowd:
    """By worker: `share`, the part of all votes by them and those before, and how they answer in each state of an item."""

    share: NDArray[np.float64]
    # [W, S, A]: sums of the probabilities of the answers up to each.
    below: NDArray[np.float64]


def generate_votes(*, votes: int, seed: int = 1, graded: bool = False) -> tuple[Votes, NDArray[np.bool_]]:
    """About that many votes and the items' truth: five different workers on each item, a worker for every thousand items.

    Answers are 0 no and 1 yes, and all items are as difficult. `graded`: answers are the service's (0 no, 1 unsure, 2 yes),
    items and workers are drawn from the model's start values, which were fitted on real votes.
    """
    random, items = np.random.default_rng(seed), max(votes // VOTES_AN_ITEM, 1)
    crowd = _gather_crowd(random, workers=max(items // ITEMS_A_WORKER, 2 * VOTES_AN_ITEM), graded=graded)
    if graded:
        state = random.choice(GRADED.states, items, p=GRADED.shares / GRADED.shares.sum()).astype(np.int8)
        truth = random.random(items) < GRADED.meanings[state, 1]
    else:
        truth = random.random(items) < SHARE_OF_YES
        state = truth.astype(np.int8)
    worker = np.empty((items, VOTES_AN_ITEM), dtype=np.int32)
    answer = np.empty((items, VOTES_AN_ITEM), dtype=np.int8)
    for start in range(0, items, CHUNK):
        part = slice(start, min(start + CHUNK, items))
        worker[part] = _choose_workers(random, crowd, items=len(state[part]))
        answer[part] = _answer(random, crowd, worker=worker[part], state=state[part])
    made = Votes(
        item=np.repeat(np.arange(items, dtype=np.int32), VOTES_AN_ITEM),
        worker=worker.reshape(-1),
        answer=answer.reshape(-1),
        items=items,
        workers=len(crowd.share),
        answers=crowd.below.shape[2],
    )
    return made, truth


def _gather_crowd(random: np.random.Generator, *, workers: int, graded: bool) -> Crowd:
    activity = random.lognormal(sigma=SPREAD_OF_ACTIVITY, size=workers)
    priors = GRADED.strengths[:, None] * GRADED.responses if graded else PLAIN_PRIORS
    tables = np.stack([random.dirichlet(prior, workers) for prior in priors], axis=1)
    return Crowd(share=np.cumsum(activity) / activity.sum(), below=np.cumsum(tables, axis=2))


def _choose_workers(random: np.random.Generator, crowd: Crowd, *, items: int) -> NDArray[np.int64]:
    """[items, 5], each row drawn again until its workers differ."""
    chosen = np.empty((items, VOTES_AN_ITEM), dtype=np.int64)
    wrong = np.arange(items)
    while len(wrong):
        drawn = np.searchsorted(crowd.share, random.random((len(wrong), VOTES_AN_ITEM)))
        chosen[wrong] = np.minimum(drawn, len(crowd.share) - 1)
        ordered = np.sort(chosen[wrong], axis=1)
        wrong = wrong[(ordered[:, 1:] == ordered[:, :-1]).any(axis=1)]
    return chosen


def _answer(
    random: np.random.Generator, crowd: Crowd, *, worker: NDArray[np.int32], state: NDArray[np.int8]
) -> NDArray[np.int8]:
    below = crowd.below[worker, state[:, None], :-1]
    return (random.random((*worker.shape, 1)) > below).sum(axis=2).astype(np.int8)
