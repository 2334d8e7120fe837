"""What the next vote is expected to tell, against a slow twin."""

import math

import numpy as np
import pytest

from annotation.consensus.belief import estimate_evidence
from annotation.consensus.information import BANDS, expect_information, find_bands
from annotation.consensus.model import Answer, take_logarithms
from tests.annotation.slow import FOUR


def estimate(counts, log_prior=None):
    counts = np.array(counts, dtype=np.int64)
    logs = take_logarithms(FOUR.responses)
    return estimate_evidence(evidence=counts @ logs.T, counts=counts, parameters=FOUR, log_prior=log_prior)


def slow_information(given):
    """Mean divergence, in bits, of what would be believed after the next vote from what is believed now."""
    states = [
        share * math.prod(row[answer] ** given[answer] for answer in Answer)
        for share, row in zip(FOUR.shares, FOUR.responses, strict=True)
    ]
    total = sum(states)
    before = [sum(s * m[k] for s, m in zip(states, FOUR.meanings, strict=True)) / total for k in (0, 1)]
    bits = 0.0
    for answer in Answer:
        then = [state * row[answer] for state, row in zip(states, FOUR.responses, strict=True)]
        after = [sum(s * m[k] for s, m in zip(then, FOUR.meanings, strict=True)) / sum(then) for k in (0, 1)]
        bits += sum(then) / total * sum(a * math.log2(a / b) for a, b in zip(after, before, strict=True))
    return bits


def test_information_agrees_with_a_slow_twin():
    counts = [[no, unsure, yes] for no in range(4) for unsure in range(3) for yes in range(4)]

    found = expect_information(estimates=estimate(counts), parameters=FOUR)

    assert found == pytest.approx([slow_information(given) for given in counts], abs=1e-8)


def test_a_question_that_stands_even_comes_before_one_that_is_all_but_settled():
    bands = find_bands(expect_information(estimates=estimate([[0, 0, 6], [1, 0, 1], [6, 0, 0]]), parameters=FOUR))

    assert bands[1] > bands[0] == bands[2] == 0


def test_a_prior_moves_the_band():
    yes = np.log(np.array([[0.001, 0.001, 1.0, 1.0]]))
    sure = find_bands(expect_information(estimates=estimate([[0, 0, 0]], log_prior=yes), parameters=FOUR))
    open_ = find_bands(expect_information(estimates=estimate([[0, 0, 0]]), parameters=FOUR))

    assert sure != open_


def test_bands_are_few():
    assert find_bands(np.array([0.0, 0.0624, 0.0626, 0.2, 0.5, 1.0])).tolist() == [0, 0, 1, 3, BANDS - 1, BANDS - 1]
