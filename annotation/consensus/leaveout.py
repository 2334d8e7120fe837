"""Votes on known items as they would look if those items had taught nothing of the workers who voted on them."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from annotation.consensus.belief import sum_evidence
from annotation.consensus.fit import Course, clamp_items
from annotation.consensus.model import Floats, find_log_tables, take_logarithms
from annotation.consensus.votes import Votes


def leave_out(*, votes: Votes, truth: NDArray[np.int8], course: Course) -> Floats:
    """[V, S]: what each vote adds to the evidence of its item after a fit that knew `truth[items]` (`UNKNOWN`: not), under
    its worker's table without what the worker's votes on that very item taught.

    A fit that is told an item's truth trusts its voters accordingly, so how well it then does on that item says little
    (leave-one-out, Stone 1974). Only the workers' tables are cleared of the item; its part in the crowd's is one of very
    many. On items without a known truth nothing is left out.
    """
    counts, parameters = course.counts, course.parameters
    taught = _find_shares(votes, truth, course)[votes.item]
    on_item, same_answer = _count_repeats(votes)
    crowd = parameters.strengths * parameters.responses[:, votes.answer].T
    hits = np.maximum(counts[votes.worker, :, votes.answer] - taught * same_answer[:, np.newaxis], 0.0)
    of_worker = np.maximum(counts.sum(axis=2)[votes.worker] - taught * on_item[:, np.newaxis], hits)
    return take_logarithms((hits + crowd) / (of_worker + parameters.strengths))


def _find_shares(votes: Votes, truth: NDArray[np.int8], course: Course) -> Floats:
    """[items, S]: shares of the states of known items, as the fit believes them; 0 for others."""
    shares = np.zeros((votes.items, course.parameters.states))
    clamp = clamp_items(truth=truth, parameters=course.parameters)
    if clamp is not None:
        log_tables = find_log_tables(counts=course.counts, parameters=course.parameters)
        evidence = sum_evidence(votes=votes, log_tables=log_tables)
        shares[clamp.items] = softmax(evidence[clamp.items] + clamp.log_factors, axis=1)
    return shares


def _count_repeats(votes: Votes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[V] each: how many votes the same worker gave on the same item, and how many of them say the same."""
    pair = votes.item.astype(np.int64) * votes.workers + votes.worker
    return _count_equal(pair), _count_equal(pair * votes.answers + votes.answer)


def _count_equal(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    _, place, number = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(number[place])
