"""What is known of items before any vote: how common yes is in their synset, and what an importer said of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.model import Floats, Parameters

# How many items of its own the parent's shares weigh.
PARENT_WEIGHT = 100.0


def pool_shares(
    *, counts: Floats, parents: Sequence[Sequence[int]], shares: Floats, weight: float = PARENT_WEIGHT
) -> Floats:
    """Shares of states [T, S] of T synsets, each drawn to those of its parents:
    (counts + weight * parents' mean) / (total + weight), from the roots downwards (CONSENSUS: kappa).

    `counts[T, S]` are expected items by state, those of descendants not included. `parents[t]` are indices below t (a
    topological order); a synset without any is drawn to `shares[S]`, those of all items. ValueError for an order that is
    not topological.
    """
    pooled = np.empty_like(counts)
    for synset, above in enumerate(parents):
        if any(not 0 <= parent < synset for parent in above):
            raise ValueError(f"parents[{synset}]: must come before it, are {list(above)}")
        drawn = pooled[list(above)].mean(axis=0) if above else shares
        pooled[synset] = (counts[synset] + weight * drawn) / (counts[synset].sum() + weight)
    return pooled


def weigh_states(*, probability: NDArray[np.float64], parameters: Parameters) -> Floats:
    """Log factors of states [Q, S] from somebody's `probability[Q]` of yes before any vote (a classifier's score).

    By Bayes' rule against the share of yes that `parameters` give: log(m_k p / b + (1 - m_k) (1 - p) / (1 - b)), where m_k is
    the meaning of state k and b that share. NaN where nothing was said: factor 0. ValueError outside 0 to 1, both excluded.
    """
    said = ~np.isnan(probability)
    wrong = np.flatnonzero(said & ~((probability > 0) & (probability < 1)))
    if len(wrong):
        raise ValueError(f"probability[{wrong[0]}]: must be above 0 and below 1, is {probability[wrong[0]]}")
    yes = parameters.meanings[:, 1]
    base = float((parameters.shares * yes).sum())
    given = np.where(said, probability, base)[:, np.newaxis]
    factors = yes * given / base + (1 - yes) * (1 - given) / (1 - base)
    return np.where(said[:, np.newaxis], np.log(factors), 0.0)
