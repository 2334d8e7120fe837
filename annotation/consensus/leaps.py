"""Leaps: where a row of rounds is heading, at once.

Along directions in which the likelihood is nearly flat, EM creeps: every round goes on a little less far than the one before.
From three points in a row a leap goes as far as they point to: SQUAREM, scheme S3, of Varadhan and Roland (Simple and globally
convergent methods for accelerating the convergence of any EM algorithm, Scandinavian Journal of Statistics 35, 2008).
"""

from dataclasses import dataclass

import numpy as np

from annotation.consensus.model import Floats

# A round is a leap of length 1. The longest one allowed grows with every leap that was as long and did not fall short, and
# shrinks with every one that did; it begins short, since the first rounds of a fit point nowhere yet.
FIRST_LENGTH = 4.0
GROWTH = 2.0
# Shares are prolonged as logarithms; no state dies out by a leap.
SMALLEST_SHARE = 1e-9


@dataclass(frozen=True, eq=False)
class Point:
    """What a round is asked with: shares of states [S] and expected votes of workers [W, S, A]."""

    shares: Floats
    counts: Floats


def leap(first: Point, second: Point, third: Point, *, longest: float) -> tuple[Point, float]:
    """The point to which three in a row point, and how long the leap is; the third itself, and 0, where they are no more apart
    than a round."""
    step = second.counts - first.counts
    bend = third.counts - second.counts - step
    # Not by BLAS, whose sums hang on how many threads it has.
    bent = float((bend * bend).sum())
    length = min(longest, float(np.sqrt((step * step).sum() / bent))) if bent > 0 else 0.0
    if length <= 1:
        return third, 0.0
    counts = first.counts + 2 * length * step + length**2 * bend
    one, two, three = (np.log(point.shares) for point in (first, second, third))
    prolonged = one + 2 * length * (two - one) + length**2 * (three - 2 * two + one)
    shares = np.exp(prolonged - prolonged.max())
    shares = np.maximum(shares / shares.sum(), SMALLEST_SHARE)
    return Point(shares / shares.sum(), np.maximum(counts, 0.0)), length


def bound_next(*, longest: float, length: float, fell: bool) -> float:
    """The longest leap allowed after one of this length, which fell short of where it began, or did not."""
    if fell:
        return max(min(longest, length) / GROWTH, FIRST_LENGTH)
    return longest * GROWTH if length >= longest else longest
