"""How much a crowd's table says about one of its workers, learned from how much workers differ."""

import numpy as np
from scipy.special import digamma

from annotation.consensus.model import Floats

DEFAULT_STRENGTH = 20.0
LOWEST_STRENGTH = 0.5
HIGHEST_STRENGTH = 2000.0
# With fewer workers than this, how they differ cannot be told from chance.
ENOUGH_WORKERS = 10
ROUNDS = 60
SMALLEST_CHANGE = 1e-4


def learn_crowd(*, counts: Floats, responses: Floats, strengths: Floats) -> tuple[Floats, Floats]:
    """The crowd's table [S, A] and strengths [S] under which the workers' `counts[W, S, A]` are likeliest.

    Each state's rows are draws from a Dirichlet-multinomial with parameters strength * responses, fitted by the fixed point
    of Minka (Estimating a Dirichlet distribution, 2000, section 3) from the values given. With fewer than
    `ENOUGH_WORKERS` workers who voted, or where most votes are of workers with less than one in that state, how they differ
    cannot be told: the crowd is the sum of all votes, held to the values given by a vote for each answer, and the strength
    stays.
    """
    new_responses, new_strengths = responses.copy(), strengths.copy()
    for state in range(counts.shape[1]):
        everybody = counts[:, state]
        busy = everybody[everybody.sum(axis=1) >= 1]
        if len(busy) < ENOUGH_WORKERS or busy.sum() < everybody.sum() / 2:
            pooled = everybody.sum(axis=0) + counts.shape[2] * responses[state]
            new_responses[state] = pooled / pooled.sum()
            continue
        alpha = _fit_dirichlet(busy, strengths[state] * responses[state])
        strength = alpha.sum()
        new_responses[state] = alpha / strength
        new_strengths[state] = np.clip(strength, LOWEST_STRENGTH, HIGHEST_STRENGTH)
    return new_responses, new_strengths


def _fit_dirichlet(counts: Floats, alpha: Floats) -> Floats:
    votes = counts.sum(axis=1)
    for _ in range(ROUNDS):
        whole = alpha.sum()
        above = (digamma(counts + alpha) - digamma(alpha)).sum(axis=0)
        below = (digamma(votes + whole) - digamma(whole)).sum()
        # An answer nobody gives keeps a little, so that its logarithm stays finite.
        new = np.maximum(alpha * above / below, 1e-3)
        if new.sum() > HIGHEST_STRENGTH:
            new = new * (HIGHEST_STRENGTH / new.sum())
        settled = np.all(np.abs(new - alpha) < SMALLEST_CHANGE * alpha)
        alpha = new
        if settled:
            break
    return np.asarray(alpha)
