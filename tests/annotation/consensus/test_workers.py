"""Skills of workers against slow twins, and the rule for spam at its edges."""

import math

import numpy as np
import pytest
from scipy.stats import beta

from annotation.consensus.metrics import upper_bound
from annotation.consensus.model import Answer, Parameters
from annotation.consensus.workers import find_spam, judge_workers, measure_bits
from tests.annotation.slow import FOUR

SURE = Parameters(
    shares=np.array([0.5, 0.5]),
    meanings=np.array([[1.0, 0.0], [0.0, 1.0]]),
    responses=np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]),
    strengths=np.array([20.0, 20.0]),
    discount=0.0,
)
NOTHING = np.zeros((1, 2, 3), dtype=np.int64)


def judge(counts, parameters=SURE, gold=NOTHING):
    return judge_workers(
        counts=np.array([counts], dtype=np.float64), parameters=parameters, gold_answers=np.asarray(gold)
    )


def test_a_worker_without_votes_is_believed_to_be_as_the_crowd():
    skills = judge(np.zeros((2, 3)))

    assert skills.votes.tolist() == [0]
    assert [rate.mean[0] for rate in (skills.sensitivity, skills.specificity, skills.unsure)] == pytest.approx(
        [0.8, 0.8, 0.1]
    )
    assert skills.sensitivity.low[0] < 0.8 < skills.sensitivity.high[0]


def test_rates_are_those_of_the_votes_where_there_are_many():
    skills = judge([[9000, 500, 500], [100, 1000, 8900]])

    assert skills.specificity.mean[0] == pytest.approx(0.9, abs=0.001)
    assert skills.sensitivity.mean[0] == pytest.approx(0.89, abs=0.001)
    assert skills.unsure.mean[0] == pytest.approx(0.075, abs=0.001)
    assert skills.votes.tolist() == [20_000]
    for rate in (skills.sensitivity, skills.specificity, skills.unsure):
        assert 0 < rate.high[0] - rate.low[0] < 0.02


def test_an_interval_holds_nine_tenths_of_the_belief():
    skills = judge([[0, 0, 0], [5, 2, 30]])

    # Of the crowd's 20 votes on yes-items, 16 are YES.
    believed = beta(30 + 16, 7 + 4)
    assert skills.sensitivity.mean[0] == pytest.approx(believed.mean())
    assert [skills.sensitivity.low[0], skills.sensitivity.high[0]] == pytest.approx(believed.ppf([0.05, 0.95]))


def test_votes_on_items_in_between_count_for_both_truths():
    counts = np.zeros((4, 3))
    counts[2] = [0, 0, 100]
    skills, crowd = judge(counts, FOUR), judge(np.zeros((4, 3)), FOUR)

    # State 2 means yes in 80 of 100 items; the crowd weighs as much as its strengths say, on items that are yes.
    of_yes = FOUR.shares * FOUR.meanings[:, 1] / (FOUR.shares @ FOUR.meanings[:, 1])
    hits = 80 + sum(of_yes * FOUR.strengths * FOUR.responses[:, Answer.YES])
    assert skills.sensitivity.mean[0] == pytest.approx(hits / (80 + sum(of_yes * FOUR.strengths)))
    assert skills.specificity.mean[0] < crowd.specificity.mean[0]


def slow_bits(table, parameters):
    """H(truth) - H(truth | vote), state by state."""
    joint = [[0.0] * len(Answer) for _ in range(2)]
    for state, share in enumerate(parameters.shares):
        for truth in range(2):
            for answer in Answer:
                joint[truth][answer] += share * parameters.meanings[state][truth] * table[state][answer]
    votes = [joint[0][answer] + joint[1][answer] for answer in Answer]
    before = -sum(sum(row) * math.log2(sum(row)) for row in joint)
    after = -sum(row[a] * math.log2(row[a] / votes[a]) for row in joint for a in Answer if row[a] > 0)
    return before - after


def test_bits_agree_with_a_slow_twin():
    tables = np.random.default_rng(1).dirichlet(np.ones(3), size=(20, 4))

    bits = measure_bits(tables=tables, parameters=FOUR)

    assert bits == pytest.approx([slow_bits(table, FOUR) for table in tables], abs=1e-12)


def test_who_answers_the_same_whatever_is_asked_tells_nothing():
    blind = np.tile([0.2, 0.1, 0.7], (1, 2, 1))
    perfect = np.array([[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])

    assert measure_bits(tables=blind, parameters=SURE) == pytest.approx([0], abs=1e-12)
    assert measure_bits(tables=perfect, parameters=SURE) == pytest.approx([1])


def gold(*, no, yes):
    return np.array([[no, yes]])


@pytest.mark.parametrize(
    ("no", "yes", "spam"),
    [
        ([0, 0, 15], [0, 0, 15], True),  # YES to everything
        ([15, 0, 0], [15, 0, 0], True),
        ([0, 40, 0], [0, 40, 0], False),  # UNSURE of everything
        ([20, 180, 0], [0, 180, 20], False),  # often UNSURE, never wrong
        ([20, 60, 20], [20, 60, 20], True),  # often UNSURE, else guesses
        ([10, 3, 7], [10, 3, 7], False),  # guesses, and too few to be sure
        ([200, 50, 150], [200, 50, 150], True),
        ([0, 0, 14], [0, 0, 100], False),  # too few of one truth
        ([0, 0, 100], [0, 0, 14], False),
        ([0, 0, 0], [0, 0, 0], False),
        ([8, 0, 7], [7, 0, 8], False),  # guesses, and too few to be sure
        ([50, 0, 50], [50, 0, 50], True),  # guesses, surely
        ([0, 0, 15], [15, 0, 0], True),  # always wrong
        ([60, 0, 40], [40, 0, 60], False),  # 0.2 better than guesses
        ([15, 0, 0], [0, 0, 15], False),
    ],
)
def test_spam_is_whoever_surely_does_no_better_than_guess(no, yes, spam):
    assert find_spam(gold_answers=gold(no=no, yes=yes)).tolist() == [spam]


def test_the_bound_for_spam_is_rarely_passed_by_a_worker_who_is_good_enough():
    random = np.random.default_rng(2)
    # Sensitivity .5 and specificity .7: exactly at the limit.
    asked = 40
    yes, no = random.binomial(asked, 0.5, 4000), random.binomial(asked, 0.7, 4000)
    answers = np.zeros((4000, 2, 3), dtype=np.int64)
    answers[:, 0, Answer.NO], answers[:, 0, Answer.YES] = no, asked - no
    answers[:, 1, Answer.YES], answers[:, 1, Answer.NO] = yes, asked - yes

    assert find_spam(gold_answers=answers).mean() <= 0.05
    assert upper_bound(errors=0, trials=15, confidence=0.95) < 0.2


def test_no_workers_are_no_skills():
    skills = judge_workers(
        counts=np.zeros((0, 2, 3)), parameters=SURE, gold_answers=np.zeros((0, 2, 3), dtype=np.int64)
    )

    assert (len(skills.bits), len(skills.spam), len(skills.sensitivity.mean)) == (0, 0, 0)
