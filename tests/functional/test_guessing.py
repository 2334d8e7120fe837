"""The classifier that guesses gold finds what is there to find."""

import numpy as np
import pytest

from tests.functional.guessing import find_auc, guess


@pytest.fixture
def rows():
    """Figures that say nothing, of 20 annotators, a quarter of them of gold."""
    chance = np.random.default_rng(1)
    return chance.normal(size=(2000, 8)), chance.random(2000) < 0.25, np.repeat(np.arange(20), 100)


def test_where_nothing_is_told_guesses_are_chance(rows):
    figures, truth, groups = rows

    assert find_auc(guess(figures, truth, groups), truth) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("leak", "least"), [(10.0, 0.99), (1.0, 0.7)])
def test_a_figure_that_tells_is_found(rows, leak, least):
    figures, truth, groups = rows
    figures[:, 3] += leak * truth

    assert find_auc(guess(figures, truth, groups), truth) > least


def test_what_two_figures_tell_only_together_is_found(rows):
    figures, truth, groups = rows
    figures[:, 0] = np.where(truth, figures[:, 1], -figures[:, 1]) + 0.1 * figures[:, 0]

    assert find_auc(guess(figures, truth, groups), truth) > 0.8


def test_an_area_counts_pairs():
    assert find_auc([1, 2, 2, 3], [False, False, True, True]) == pytest.approx(0.875)
