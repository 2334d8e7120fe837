"""The slow, obvious twins of the metrics: loops over items, and sums over the binomial distribution."""

import math
from collections.abc import Sequence
from statistics import fmean

Known = Sequence[tuple[float, bool]]


def slow_known(*, probability: Sequence[float], truth: Sequence[int]) -> Known:
    return [(p, t == 1) for p, t in zip(probability, truth, strict=True) if t != -1]


def slow_share(*, among: Sequence[bool]) -> float | None:
    return among.count(True) / len(among) if among else None


def slow_precision(known: Known) -> float | None:
    return slow_share(among=[t for p, t in known if p > 0.5])


def slow_recall(known: Known) -> float | None:
    return slow_share(among=[p > 0.5 for p, t in known if t])


def slow_specificity(known: Known) -> float | None:
    return slow_share(among=[not p > 0.5 for p, t in known if not t])


def slow_f1(known: Known) -> float | None:
    """The harmonic mean of precision and recall; 0 if there is something to find or found, but no hit."""
    either = [p > 0.5 and t for p, t in known if p > 0.5 or t]
    if not any(either):
        return 0.0 if either else None
    precision, recall = slow_precision(known), slow_recall(known)
    assert precision is not None
    assert recall is not None
    return 2 * precision * recall / (precision + recall)


def slow_nll(probabilities: Sequence[float]) -> float | None:
    return fmean(-math.log(max(p, 1e-12)) for p in probabilities) if probabilities else None


def slow_ece(*, known: Known, bins: int) -> float | None:
    error = 0.0
    for number in range(bins):
        inside = [(p, t) for p, t in known if min(int(p * bins), bins - 1) == number]
        if inside:
            distance = abs(fmean(p for p, _ in inside) - fmean(t for _, t in inside))
            error += len(inside) / len(known) * distance
    return error if known else None


def slow_macro(terms: Sequence[float | None]) -> float | None:
    defined = [term for term in terms if term is not None]
    return fmean(defined) if defined else None


def binomial_weight(*, errors: int, trials: int, probability: float) -> float:
    return math.comb(trials, errors) * probability**errors * (1 - probability) ** (trials - errors)


def slow_upper_bound(*, errors: int, trials: int, confidence: float) -> float:
    """The probability at which so few errors, or fewer, come up only 1 - confidence of the time, by bisection."""
    low, high = 0.0, 1.0
    while high - low > 1e-13:
        middle = (low + high) / 2
        so_few = sum(binomial_weight(errors=k, trials=trials, probability=middle) for k in range(errors + 1))
        low, high = (middle, high) if so_few > 1 - confidence else (low, middle)
    return high
