"""What the next votes may be, and what each way of going on costs on average, for many items at once.

Paths stand in rows and items in columns, and beliefs are ratios of two matrix products, so that a processor goes through
them many times faster than one path of one item after another; the last digits may hang on how many items there are.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.model import Answer, Floats, Parameters

Counts: TypeAlias = NDArray[np.int64]
# Items looked at together: what is written of them stays in the processor's cache.
ITEMS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Paths:
    """What the next votes may be, up to a depth: `counts[P, A]` of each answer, shortest first, and for each path that is
    not yet at the depth its successors `next[P', A]`. `levels` says where the paths of each length begin, and where the
    longest end."""

    counts: Counts
    next: Counts
    levels: tuple[int, ...]


@cache
def list_paths(depth: int) -> Paths:
    answers = len(Answer)
    levels = [[(0,) * answers]]
    for _ in range(depth):
        levels.append(sorted({_step(path, answer) for path in levels[-1] for answer in range(answers)}))
    paths = [path for level in levels for path in level]
    place = {path: index for index, path in enumerate(paths)}
    following = [[place[_step(path, answer)] for answer in range(answers)] for level in levels[:-1] for path in level]
    firsts = np.cumsum([0, *map(len, levels)]).tolist()
    return Paths(
        np.array(paths, dtype=np.int64), np.array(following, dtype=np.int64).reshape(-1, answers), tuple(firsts)
    )


def _step(path: tuple[int, ...], answer: int) -> tuple[int, ...]:
    return (*path[:answer], path[answer] + 1, *path[answer + 1 :])


@dataclass(frozen=True, kw_only=True)
class Charges:
    """Prices, in votes, of a wrong acceptance and of a wrong rejection, of leaving an item to a curator and of what a wrong
    guess costs there; and how many answers of YES and of NO the first two need."""

    accept: float
    reject: float
    undecided: float
    guess: float
    minimum_yes: int
    minimum_no: int


@dataclass(frozen=True, eq=False)
class Costs:
    """[X], in votes: of accepting now, of rejecting, of leaving the item to a curator, and of asking on (infinite where there
    are no more votes)."""

    accept: Floats
    reject: Floats
    dispute: Floats
    ask: Floats


def reckon(
    *, scores: Floats, counts: Counts, number: int, depth: int, parameters: Parameters, charges: Charges
) -> Costs:
    """The costs of X items with the same `number` of votes, `counts[X, A]` of each answer, whose `scores[X, S]` are the
    evidence and what was known before it; at most `depth` votes more are looked at."""
    blocks = [
        _reckon_block(scores[some], counts[some], number, depth, parameters, charges)
        for some in (slice(low, low + ITEMS_AT_ONCE) for low in range(0, len(scores), ITEMS_AT_ONCE))
    ]
    columns = zip(*((each.accept, each.reject, each.dispute, each.ask) for each in blocks), strict=True)
    return Costs(*(np.concatenate(column) for column in columns))


def _reckon_block(
    scores: Floats, counts: Counts, number: int, depth: int, parameters: Parameters, charges: Charges
) -> Costs:
    paths = list_paths(depth)
    weights, yes = _believe_along(scores, number, paths, parameters)
    wrong_reject = weights * yes
    wrong_accept = weights - wrong_reject
    dispute = charges.undecided * weights + charges.guess * np.minimum(wrong_accept, wrong_reject)
    accept = _charge(
        wrong_accept, charges.accept, paths.counts[:, Answer.YES], charges.minimum_yes - counts[:, Answer.YES]
    )
    reject = _charge(
        wrong_reject, charges.reject, paths.counts[:, Answer.NO], charges.minimum_no - counts[:, Answer.NO]
    )
    root = (accept[0].copy(), reject[0].copy(), dispute[0].copy())
    cheapest = np.minimum(np.minimum(accept, reject, out=accept), dispute, out=dispute)
    for level in range(depth - 1, 0, -1):
        here = slice(paths.levels[level], paths.levels[level + 1])
        onward = weights[here] + _sum_following(cheapest, paths.next[here])
        np.minimum(cheapest[here], onward, out=cheapest[here])
    ask = weights[0] + _sum_following(cheapest, paths.next[:1])[0] if depth else np.full(len(scores), np.inf)
    return Costs(*root, ask)


def _believe_along(scores: Floats, number: int, paths: Paths, parameters: Parameters) -> tuple[Floats, Floats]:
    """[P, X] each: the probability of the path, and that of yes after it."""
    log_paths = paths.counts @ np.log(parameters.expected_responses).T
    scores = (scores - scores.max(axis=1, keepdims=True)).T
    yes = np.empty((len(log_paths), scores.shape[1]))
    for length in range(len(paths.levels) - 1):
        here = slice(paths.levels[length], paths.levels[length + 1])
        shrunk = 1.0 + max(number + length - 1, 0) * parameters.discount
        shares, factors = np.exp(scores / shrunk), np.exp(log_paths[here] / shrunk)
        np.divide((factors * parameters.meanings[:, 1]) @ shares, factors @ shares, out=yes[here])
        if length == 0:
            now = shares / shares.sum(axis=0)
    return np.exp(log_paths) @ now, yes


def _charge(wrong: Floats, price: float, given: Counts, needed: Counts) -> Floats:
    if math.isinf(price):
        return np.full(wrong.shape, np.inf)
    charged = wrong * price
    lacking = np.flatnonzero(needed > 0)
    if len(lacking):
        charged[:, lacking] = np.where(given[:, np.newaxis] >= needed[lacking], charged[:, lacking], np.inf)
    return charged


def _sum_following(cheapest: Floats, following: Counts) -> Floats:
    return np.asarray(cheapest[following[:, 0]] + cheapest[following[:, 1]] + cheapest[following[:, 2]])
