"""How far workers err together, as far as votes alone show it.

Workers who err independently agree, given an item's true state, no more often than their tables say. What they agree beyond
that is the correlation of their errors (Dawid and Skene's assumption, tested as in Albert and Dodd, Biometrics 2004). Where
many err together an item is taken to be in the wrong state, and their agreement with it: so votes show only a part.
"""

import math

import numpy as np
from scipy.special import softmax

from annotation.consensus.fit import Course, arrange_by_cell
from annotation.consensus.kernel import Kernel
from annotation.consensus.model import Floats, tabulate
from annotation.consensus.votes import Votes

# The discount is the least and SLOPE * correlation, up to the highest. These values lose least over seven public sets of
# votes together. Classes that look alike mislead more of a crowd at once than a yes and a no do. For a yes and a no, more
# would gain nothing once votes are in, and questions would be given up before they are asked.
LEAST_DISCOUNT, HIGHEST_DISCOUNT = 0.05, 0.25
LEAST_DISCOUNT_OF_CLASSES, HIGHEST_DISCOUNT_OF_CLASSES = 0.25, 1.0
SLOPE = 3.0
# The mean over the same sets, and how many pairs of votes on the same item it weighs.
USUAL_CORRELATION = 0.065
PAIRS_OF_THE_USUAL = 400
# Numbers on this grid have sums and squares without rounding, so the order of votes and items changes nothing.
GRID = 2.0**14


def find_discount(*, correlation: float, verification: bool) -> float:
    """The discount (model.Parameters) for votes whose errors correlate so, where no gold says better."""
    least, highest = (
        (LEAST_DISCOUNT, HIGHEST_DISCOUNT) if verification else (LEAST_DISCOUNT_OF_CLASSES, HIGHEST_DISCOUNT_OF_CLASSES)
    )
    return min(max(least + SLOPE * correlation, least), highest)


def measure_correlation(*, votes: Votes, course: Course) -> float:
    """The correlation of errors between two workers on the same item after a fit with one state for each class: their
    covariance given the state over what it would be if one always erred with the other, all pairs of votes taken together.

    An error is to give, or not to give, the answer that names the state. It is held to `USUAL_CORRELATION`, which it is
    where no item has two votes. At least -1 and at most 1.
    """
    tables = tabulate(counts=course.counts, parameters=course.parameters)
    kernel = Kernel(votes, states=course.parameters.states)
    shares = _find_shares(kernel, tables, course.log_shares)
    errors, spreads = _find_errors(tables)
    shared = _sum_pairs(kernel, errors, shares)
    possible = _sum_pairs(kernel, spreads, shares)
    number = np.diff(kernel.starts)
    pairs = float((number * (number - 1)).sum()) / 2
    found = np.clip(shared / possible, -1.0, 1.0) if possible > 0 else 0.0
    weight = pairs if possible > 0 else 0.0
    return float((weight * found + PAIRS_OF_THE_USUAL * USUAL_CORRELATION) / (weight + PAIRS_OF_THE_USUAL))


def _find_shares(kernel: Kernel, tables: Floats, log_shares: Floats) -> Floats:
    scores = kernel.score(arrange_by_cell(_on_grid(np.log(tables)))) + log_shares
    return np.asarray(softmax(scores, axis=1))


def _find_errors(tables: Floats) -> tuple[Floats, Floats]:
    """[W, S, A] each: how far an answer is from what was to be expected in the state, and the standard deviation of that."""
    _, states, answers = tables.shape
    naming = np.rint(np.arange(states) * (answers - 1) / max(states - 1, 1)).astype(np.int64)
    expected = tables[:, np.arange(states), naming, np.newaxis]
    given = np.equal.outer(naming, np.arange(answers))
    spreads = np.sqrt(expected * (1 - expected))
    return given - expected, np.broadcast_to(spreads, tables.shape)


def _sum_pairs(kernel: Kernel, values: Floats, shares: Floats) -> float:
    """Sum over items and states, weighed by `shares[items, S]`, of the products of `values[W, S, A]` over pairs of votes."""
    rounded = arrange_by_cell(_on_grid(values))
    products = kernel.score(rounded) ** 2 - kernel.score(rounded**2)
    return math.fsum((shares * products).ravel()) / 2


def _on_grid(values: Floats) -> Floats:
    return np.asarray(np.rint(values * GRID) / GRID)
