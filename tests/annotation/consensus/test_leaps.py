import numpy as np
import pytest

from annotation.consensus.leaps import FIRST_LENGTH, GROWTH, Point, bound_next, leap

LIMIT = np.array([[[5.0, 1.0], [2.0, 8.0]]])
EVEN = np.array([0.5, 0.5])


def make_points(*, ratio, away, shares=(EVEN, EVEN, EVEN)):
    """Three in a row, each nearer to the limit than the one before by the same ratio."""
    return [Point(own, LIMIT + away * ratio**number) for number, own in enumerate(shares)]


@pytest.mark.parametrize("ratio", [0.3, 0.9, 0.99])
def test_a_row_that_nears_a_limit_evenly_is_there_at_once(ratio):
    found, length = leap(*make_points(ratio=ratio, away=0.5), longest=1000.0)

    assert found.counts == pytest.approx(LIMIT)
    assert length == pytest.approx(1 / (1 - ratio))


def test_no_leap_is_longer_than_is_allowed():
    points = make_points(ratio=0.99, away=0.5)

    found, length = leap(*points, longest=4.0)

    assert length == 4.0
    assert np.all(points[2].counts > found.counts)
    assert np.all(found.counts > LIMIT)


@pytest.mark.parametrize("ratio", [1.0, 0.0, -0.5])
def test_a_row_that_points_no_further_than_its_last_point_gives_that(ratio):
    points = make_points(ratio=ratio, away=0.5)

    found, length = leap(*points, longest=1000.0)

    assert (found, length) == (points[2], 0.0)


def test_wherever_it_leads_counts_stay_at_least_0_and_shares_a_distribution():
    shares = [np.array([share, 1 - share]) for share in (0.3, 0.1, 0.001)]

    found, length = leap(*make_points(ratio=0.9, away=-50.0, shares=shares), longest=3.0)

    assert length == 3.0
    assert found.counts.min() == 0
    assert found.shares.min() > 0
    assert found.shares.sum() == pytest.approx(1)


def test_shares_go_on_as_they_went():
    shares = [np.array([0.5, 0.5]), np.array([0.4, 0.6]), np.array([0.33, 0.67])]

    found, _ = leap(*make_points(ratio=0.9, away=1.0, shares=shares), longest=3.0)

    assert found.shares[0] < 0.33


def test_leaps_that_were_as_long_as_allowed_may_be_longer_and_those_that_fell_short_must_be_shorter():
    longest = FIRST_LENGTH * GROWTH**2

    assert bound_next(longest=longest, length=longest, fell=False) == longest * GROWTH
    assert bound_next(longest=longest, length=longest - 1, fell=False) == longest
    assert bound_next(longest=longest, length=longest, fell=True) == longest / GROWTH
    assert bound_next(longest=longest, length=2.0, fell=True) == FIRST_LENGTH


def test_shares_stay_shares_however_far_a_leap_goes():
    rare = [np.array([1 - 1e-6 * 1.3**number, 1e-6 * 1.3**number]) for number in range(3)]
    points = [Point(own, LIMIT + 1e-4 * number) for number, own in enumerate(rare)]
    points[2] = Point(rare[2], points[2].counts + 1e-12)

    found, length = leap(*points, longest=5000.0)

    assert length > 1000
    assert np.isfinite(found.shares).all()
    assert found.shares.sum() == pytest.approx(1)
