"""The two sums every round of EM is made of, over blocks of items.

Scores of items are sums over their votes, counts of workers are sums over their items: two products with the same
sparse 0/1 matrix, items by cells (a cell is one worker's one answer). Products run in compiled code of scipy over blocks:
for scores so small that they stay in the processor's cache, for counts so large that adding up tables of all workers takes little of it.

Sums are exact, so no result hangs on the order of the votes or on how items were split: what is summed stands on a grid
of binary fractions so coarse that float64 holds every sum without rounding.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import expit

from annotation.consensus.votes import Votes

Floats = NDArray[np.float64]

BLOCK = 1 << 14
# Shares of items: their sums stay exact up to 2**27 votes in one cell.
SHARE_GRID = 2.0**26
# Logarithms: sums of up to 2**20 votes stay exact.
LOG_GRID = 2.0**28
# Items that are counted at once, as a multiple of the number of cells.
COUNTED = 2
# Factors from 1 to the number of states, of so many items, whose product stays far from float64's limits.
FACTORS = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Expectation:
    """What one pass over the items gives.

    `counts[cells, states]` are expected votes in each cell by state of the item, `states[states]` expected items,
    `log_likelihood` the votes' natural log-likelihood, `change` the largest change of any item's share of a state
    since `shares[states - 1, items]` was last written.
    """

    counts: Floats
    states: Floats
    log_likelihood: float
    change: float


@dataclass(frozen=True, eq=False)
class Clamp:
    """Items whose class is known: for each of `items`, ascending, `log_factors[:, states]` stand for its states' shares.

    They are no sample of all items, so shares are neither taken to them nor learned from them.
    """

    items: NDArray[np.int64]
    log_factors: Floats

    def find(self, block: slice) -> tuple[int, int]:
        """From and to below, the places of a block's items."""
        first, last = np.searchsorted(self.items, [block.start, block.stop])
        return int(first), int(last)

    def count(self, block: slice) -> int:
        first, last = self.find(block)
        return last - first


class Kernel:
    """The votes as a matrix. `shares[states - 1, items]` hold each item's shares of all states but the first.

    States stand in rows: numpy is many times slower along short rows than along long ones.
    """

    def __init__(self, votes: Votes, *, states: int) -> None:
        self.states = states
        self.items = votes.items
        self.cells = votes.workers * votes.answers
        self.starts = votes.starts
        self.columns = votes.cells
        # The counts of a block are as large as a table of all workers, so there are few such blocks where there are many workers. Whole
        # BLOCKs, so that none of these has more votes than they.
        self.counted_at_once = BLOCK * max(1, math.ceil(COUNTED * self.cells / BLOCK))
        largest = int(np.diff(self.starts[_edges(self.items, self.counted_at_once)]).max(initial=0))
        self.ones = np.ones(largest)
        self.votes_of_cell = np.bincount(self.columns, minlength=self.cells).astype(np.float64)
        self.shares = np.zeros((states - 1, self.items))

    def blocks(self, *, counted: bool = False) -> Iterator[tuple[slice, scipy.sparse.csr_matrix]]:
        """Each block of items with its rows of the matrix; larger ones where they are `counted`."""
        edges = _edges(self.items, self.counted_at_once if counted else BLOCK)
        for low, high in pairwise(edges):
            first, last = self.starts[low], self.starts[high]
            rows = (self.starts[low : high + 1] - first).astype(np.int32)
            matrix = scipy.sparse.csr_matrix(
                (self.ones[: last - first], self.columns[first:last], rows), shape=(high - low, self.cells)
            )
            yield slice(int(low), int(high)), matrix

    def score(self, log_tables: Floats) -> Floats:
        """[items, columns]: the sum of `log_tables[cells, columns]` over each item's votes."""
        scores = np.empty((self.items, log_tables.shape[1]))
        for block, matrix in self.blocks():
            scores[block] = _multiply(matrix, log_tables)
        return scores

    def count(self) -> Expectation:
        """What the shares as they stand sum to."""
        return self._expectation(log_likelihood=-np.inf, change=np.inf)

    def expect(self, *, log_shares: Floats, log_tables: Floats, clamp: Clamp | None = None) -> Expectation:
        """One pass: new shares of every item from `log_shares[states]` and `log_tables[cells, states]`, and their sums.

        `clamp` replaces the shares of items whose class is known, and leaves them out of `states`.
        """
        contrast = on_grid(log_tables[:, 1:] - log_tables[:, :1], LOG_GRID)
        prior = (log_shares[1:] - log_shares[0])[:, np.newaxis]
        change = 0.0
        total = float(self.votes_of_cell @ log_tables[:, 0]) + self.items * float(log_shares[0])
        for block, matrix in self.blocks():
            scores = np.ascontiguousarray(_multiply(matrix, contrast).T)
            scores += prior
            if clamp is not None:
                total += _replace_known(scores, prior, clamp, block) - log_shares[0] * clamp.count(block)
            shares, log_sum = _share(scores)
            change = max(change, float(np.abs(shares - self.shares[:, block]).max(initial=0.0)))
            self.shares[:, block] = shares
            total += log_sum
        return self._expectation(log_likelihood=total, change=change, clamp=clamp)

    def _expectation(self, *, log_likelihood: float, change: float, clamp: Clamp | None = None) -> Expectation:
        counts = np.zeros((self.cells, self.states))
        for block, matrix in self.blocks(counted=True):
            counts[:, 1:] += _multiply(matrix.T, self.shares[:, block].T)
        counts[:, 0] = self.votes_of_cell - counts[:, 1:].sum(axis=1)
        others, items = self.shares.sum(axis=1), self.items
        if clamp is not None:
            others = others - self.shares[:, clamp.items].sum(axis=1)
            items -= len(clamp.items)
        states = np.concatenate([[items - others.sum()], others])
        return Expectation(counts=counts, states=states, log_likelihood=log_likelihood, change=change)


def add_expectations(parts: Sequence[Expectation]) -> Expectation:
    """The expectation over all items from those over parts of them: the same counts, bit for bit, however they were split."""
    return Expectation(
        counts=np.asarray(sum(part.counts for part in parts)),
        states=np.asarray(sum(part.states for part in parts)),
        log_likelihood=math.fsum(part.log_likelihood for part in parts),
        change=max(part.change for part in parts),
    )


def _edges(items: int, size: int) -> NDArray[np.int64]:
    return np.append(np.arange(0, items, size), items)


def on_grid(values: Floats, grid: float) -> Floats:
    """The nearest multiples of 1 / grid."""
    return np.asarray(np.rint(values * grid) / grid)


def _multiply(matrix: scipy.sparse.spmatrix, columns: Floats) -> Floats:
    """The product [rows, n] of the matrix with `columns[matrix columns, n]`."""
    # One column goes the way of vectors, which is the quicker one.
    if columns.shape[1] == 1:
        return np.asarray(matrix @ np.ascontiguousarray(columns[:, 0])).reshape(-1, 1)
    return np.asarray(matrix @ np.ascontiguousarray(columns))


def _replace_known(scores: Floats, prior: Floats, clamp: Clamp, block: slice) -> float:
    """Puts what is known of clamped items in the place of the shares in their scores; returns the sum of their first states'
    factors."""
    first, last = clamp.find(block)
    factors = clamp.log_factors[first:last]
    scores[:, clamp.items[first:last] - block.start] += (factors[:, 1:] - factors[:, :1]).T - prior
    return float(factors[:, 0].sum())


def _share(scores: Floats) -> tuple[Floats, float]:
    """Shares of all states but the first, whose score is 0; and the sum of the logarithms of the items' sums."""
    if len(scores) == 1:
        shares = expit(scores)
        top, factors = np.maximum(scores[0], 0.0), np.maximum(shares[0], 1.0 - shares[0])
        log_sum = float(top.sum()) - _sum_logarithms(factors)
    else:
        top = scores.max(axis=0, initial=0.0)
        shares = np.exp(scores - top)
        factors = shares.sum(axis=0) + np.exp(-top)
        shares /= factors
        log_sum = float(top.sum()) + _sum_logarithms(factors)
    # Downwards, so that the first state's share never falls below 0.
    return np.floor(shares * SHARE_GRID) / SHARE_GRID, log_sum


def _sum_logarithms(factors: Floats) -> float:
    """The logarithm of the product, one logarithm for many factors."""
    whole = len(factors) // FACTORS * FACTORS
    products = factors[:whole].reshape(-1, FACTORS).prod(axis=1)
    return float(np.log(products).sum() + np.log(factors[whole:]).sum())
