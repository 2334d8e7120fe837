"""What the next vote is likely to be worth, whoever gives it."""

import numpy as np

from annotation.consensus.model import Floats, Parameters, tabulate
from annotation.consensus.workers import measure_bits

HALVINGS = 40
# Fewer are none: numbers so small that shares of them are no shares any more.
LEAST_VOTES = 1e-9


def foresee(*, counts: Floats, parameters: Parameters) -> Floats:
    """The table [S, A] of a voter as informative as the workers with `counts[W, S, A]` are on average over their votes.

    The crowd's mean table says too little where workers contradict each other: good ones and ones who say the opposite make a
    mean that says nothing, though each of their votes tells much. So the mean of those who do better than chance is mixed
    with blind answering until it tells, in bits, what votes told on average, if it tells more. The crowd's table where nobody
    has voted.
    """
    votes = counts.sum(axis=(1, 2))
    if parameters.classes != 2 or votes.sum() < LEAST_VOTES:
        return parameters.responses
    tables = tabulate(counts=counts, parameters=parameters)
    told = measure_bits(tables=tables, parameters=parameters)
    average = float((votes * told).sum() / votes.sum())
    helpful = votes * _is_helpful(tables, parameters)
    if helpful.sum() < LEAST_VOTES:
        return parameters.responses
    clear = np.einsum("w,wsa->sa", helpful, tables) / helpful.sum()
    blind = np.broadcast_to(parameters.shares @ clear, clear.shape)
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        mixed = middle * clear + (1 - middle) * blind
        tells_less = measure_bits(tables=mixed[np.newaxis], parameters=parameters)[0] < average
        low, high = (middle, high) if tells_less else (low, middle)
    mixed = high * clear + (1 - high) * blind
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))


def _is_helpful(tables: Floats, parameters: Parameters) -> Floats:
    """1 for workers who say the last answer (yes) more often of a yes than of a no, else 0."""
    yes, no = parameters.shares * parameters.meanings[:, 1], parameters.shares * parameters.meanings[:, 0]
    last = tables[:, :, -1]
    return np.asarray((last @ (yes / yes.sum()) > last @ (no / no.sum())).astype(np.float64))
