"""Binary Dawid-Skene as a plain compiled loop over the votes: what a round costs at the least in code anybody would write.

python -m benchmarks.loop VOTES        ours and the loop in turn on the same arrays; prints one JSON object
"""

import json
import sys

import numpy as np
from numba import njit
from numpy.typing import NDArray

from annotation.consensus.baselines import dawid_skene
from annotation.consensus.votes import Votes
from benchmarks.generate import generate_votes
from benchmarks.measure import compare

ROUNDS = 20
REPEATS = 3
# No change is smaller.
NEVER = -np.inf


def _run_rounds(
    item: NDArray[np.int32],
    worker: NDArray[np.int32],
    answer: NDArray[np.int8],
    items: int,
    workers: int,
    rounds: int,
) -> NDArray[np.float64]:
    """[items] P(yes), from the share of yes among an item's votes."""
    votes, yes = np.zeros(items), np.zeros(items)
    for vote in range(len(item)):
        votes[item[vote]] += 1
        yes[item[vote]] += answer[vote]
    probability = yes / votes
    for _ in range(rounds):
        counts = np.full((workers, 2, 2), 1e-10)
        for vote in range(len(item)):
            held = probability[item[vote]]
            counts[worker[vote], 0, answer[vote]] += 1 - held
            counts[worker[vote], 1, answer[vote]] += held
        weight = np.empty((workers, 2))
        for w in range(workers):
            for a in range(2):
                if_yes = counts[w, 1, a] / (counts[w, 1, 0] + counts[w, 1, 1])
                if_no = counts[w, 0, a] / (counts[w, 0, 0] + counts[w, 0, 1])
                weight[w, a] = np.log(if_yes / if_no)
        prior = probability.mean()
        log_odds = np.full(items, np.log(prior / (1 - prior)))
        for vote in range(len(item)):
            log_odds[item[vote]] += weight[worker[vote], answer[vote]]
        for i in range(items):
            probability[i] = 1 / (1 + np.exp(-log_odds[i]))
    return probability


run_rounds = njit(_run_rounds)


def run_loop(votes: Votes, *, rounds: int) -> NDArray[np.float64]:
    probability: NDArray[np.float64] = run_rounds(
        votes.item, votes.worker, votes.answer, votes.items, votes.workers, rounds
    )
    return probability


def time_rounds(*, votes: int) -> dict[str, float]:
    """Nanoseconds a vote and round, of the rounds after the first: neither compiling nor arranging counts.

    `agreement` is the share of items of which both say the same.
    """
    made, _ = generate_votes(votes=votes)
    held = run_loop(made, rounds=ROUNDS) > 0.5
    agreement = float((held == _run_ours(made, rounds=ROUNDS)).mean())
    short, long = (
        compare(
            ours=lambda rounds: _run_ours(made, rounds=rounds),
            limit=lambda rounds: run_loop(made, rounds=rounds),
            inputs=[rounds] * REPEATS,
        )
        for rounds in (1, 1 + ROUNDS)
    )
    each = 1e9 / ROUNDS / len(made)
    return {"ours": (long.ours - short.ours) * each, "limit": (long.limit - short.limit) * each, "agreement": agreement}


def _run_ours(votes: Votes, *, rounds: int) -> NDArray[np.bool_]:
    """Which items are yes."""
    probability, _ = dawid_skene(votes=votes, rounds=rounds, tolerance=NEVER, least_rise=NEVER)
    return np.asarray(probability[:, 1] > 0.5)


if __name__ == "__main__":
    json.dump(time_rounds(votes=int(sys.argv[1])), sys.stdout)
