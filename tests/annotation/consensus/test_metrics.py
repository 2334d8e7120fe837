from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotation.consensus import metrics
from annotation.consensus.decide import Decision
from annotation.consensus.metrics import (
    Score,
    calibrated_ece_quantile,
    clopper_pearson,
    count_errors,
    expected_calibration_error,
    realised_error,
    score_binary,
    score_classes,
    upper_bound,
)
from tests.annotation.consensus.slow_metrics import (
    binomial_weight,
    slow_ece,
    slow_f1,
    slow_known,
    slow_macro,
    slow_nll,
    slow_precision,
    slow_recall,
    slow_share,
    slow_specificity,
    slow_upper_bound,
)

ACCEPT, REJECT, ASK, DISPUTE = Decision

probabilities = st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0])
items = st.lists(st.tuples(probabilities, st.integers(-1, 1)), max_size=30)
binomials = st.integers(0, 40).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@st.composite
def class_items(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Probabilities of one to four classes, and truth."""
    classes = draw(st.integers(1, 4))
    weights = st.lists(st.integers(0, 5), min_size=classes, max_size=classes).filter(any)
    rows = draw(st.lists(st.tuples(weights, st.integers(-1, classes - 1)), max_size=20))
    weight = np.array([row for row, _ in rows], dtype=np.float64).reshape(-1, classes)
    return weight / weight.sum(axis=1, keepdims=True), np.array([truth for _, truth in rows], dtype=np.int8)


def split(pairs: list[tuple[float, int]]) -> dict[str, Any]:
    return {
        "probability": np.array([p for p, _ in pairs], dtype=np.float64),
        "truth": np.array([t for _, t in pairs], dtype=np.int8),
    }


def close(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=1e-12)


def test_five_items_score_as_worked_out_by_hand() -> None:
    score = score_binary(**split([(0.9, 1), (0.8, 0), (0.6, 1), (0.4, 1), (0.1, 0), (0.7, -1)]))

    assert (score.items, score.true_positive, score.false_positive) == (5, 2, 1)
    assert (score.true_negative, score.false_negative) == (1, 1)
    assert score.accuracy == close(3 / 5)
    assert (score.precision, score.recall, score.f1) == (close(2 / 3), close(2 / 3), close(2 / 3))
    assert score.balanced_accuracy == close((2 / 3 + 1 / 2) / 2)
    # Five items in five bins: the mean of the distances .1, .8, .4, .6 and .1; for Brier of their squares.
    assert score.ece == close(2.0 / 5)
    assert score.brier == close((0.01 + 0.64 + 0.16 + 0.36 + 0.01) / 5)
    assert score.nll == close(-np.log([0.9, 0.2, 0.6, 0.4, 0.9]).mean())


def test_no_truth_gives_no_metric() -> None:
    counts = {"items", "true_positive", "false_positive", "true_negative", "false_negative"}
    scores: list[Score] = [
        score_binary(**split([])),
        score_binary(**split([(0.3, -1)])),
        score_classes(probability=np.empty((0, 3)), truth=np.empty(0, dtype=np.int8)),
    ]

    for score in scores:
        assert all(value == (0 if name in counts else None) for name, value in vars(score).items())


def test_exactly_one_half_is_no() -> None:
    score = score_binary(**split([(0.5, 1), (0.5, 0)]))

    assert (score.false_negative, score.true_negative) == (1, 1)
    assert (score.precision, score.recall, score.f1) == (None, 0, 0)


def test_one_kind_of_truth_has_no_balanced_accuracy() -> None:
    assert score_binary(**split([(0.9, 1), (0.2, 1)])).balanced_accuracy is None
    assert score_binary(**split([(0.9, 0), (0.2, 0)])).balanced_accuracy is None


def test_certainty_that_is_wrong_costs_a_finite_likelihood() -> None:
    score = score_binary(**split([(0.0, 1), (1.0, 0)]))

    assert score.nll == close(-np.log(1e-12))
    assert score.brier == 1


@given(pairs=items)
def test_binary_scores_equal_the_loop_over_items(pairs: list[tuple[float, int]]) -> None:
    known = [(p, t == 1) for p, t in pairs if t != -1]

    score = score_binary(**split(pairs))

    recall, specificity = slow_recall(known), slow_specificity(known)
    assert score.accuracy == close(slow_share(among=[(p > 0.5) == t for p, t in known]))
    assert (score.precision, score.recall, score.f1) == (
        close(slow_precision(known)),
        close(recall),
        close(slow_f1(known)),
    )
    if recall is not None and specificity is not None:
        assert score.balanced_accuracy == close((recall + specificity) / 2)
    assert score.nll == close(slow_nll([p if t else 1 - p for p, t in known]))
    assert score.brier == close(slow_macro([(p - t) ** 2 for p, t in known]))
    assert score.ece == close(slow_ece(known=known, bins=10))


@given(pairs=items, data=st.data())
def test_undecided_items_count_as_if_they_were_absent(pairs: list[tuple[float, int]], data: st.DataObject) -> None:
    decided = data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))

    score = score_binary(**split(pairs), decided=np.array(decided, dtype=np.bool_))

    assert score == score_binary(**split([pair for pair, kept in zip(pairs, decided, strict=True) if kept]))


def test_three_classes_score_as_worked_out_by_hand() -> None:
    probability = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.2, 0.7, 0.1], [1.0, 0.0, 0.0]])

    score = score_classes(probability=probability, truth=np.array([0, 1, 1, -1], dtype=np.int8))

    assert (score.items, score.accuracy) == (3, close(2 / 3))
    # Nobody says or is class 2: it has no share in the averages.
    assert (score.macro_precision, score.macro_recall) == (close((1 / 2 + 1) / 2), close((1 + 1 / 2) / 2))
    assert score.macro_f1 == close(2 / 3)
    # Confidence .6 and .7 right, .5 wrong.
    assert score.ece == close((0.4 + 0.5 + 0.3) / 3)
    assert score.brier == close((0.26 + 0.62 + 0.14) / 3)
    assert score.nll == close(-np.log([0.6, 0.4, 0.7]).mean())


@given(generated=class_items())
def test_class_scores_equal_the_loop_over_items(generated: tuple[NDArray[np.float64], NDArray[np.int8]]) -> None:
    probability, truth = generated
    known = [(row, t) for row, t in zip(probability.tolist(), truth.tolist(), strict=True) if t != -1]

    score = score_classes(probability=probability, truth=truth)

    said = [(row.index(max(row)), t) for row, t in known]
    every = range(probability.shape[1])
    one_against_all = [[(float(p == k), t == k) for p, t in said] for k in every]
    assert score.accuracy == close(slow_share(among=[p == t for p, t in said]))
    assert score.macro_precision == close(slow_macro([slow_precision(pairs) for pairs in one_against_all]))
    assert score.macro_recall == close(slow_macro([slow_recall(pairs) for pairs in one_against_all]))
    assert score.macro_f1 == close(slow_macro([slow_f1(pairs) for pairs in one_against_all]))
    assert score.nll == close(slow_nll([row[t] for row, t in known]))
    assert score.brier == close(slow_macro([sum((row[k] - (t == k)) ** 2 for k in every) for row, t in known]))
    right = [(max(row), p == t) for (row, _), (p, t) in zip(known, said, strict=True)]
    assert score.ece == close(slow_ece(known=right, bins=10))


@given(pairs=items)
def test_two_classes_say_what_binary_scores_say(pairs: list[tuple[float, int]]) -> None:
    binary = split(pairs)
    yes = binary["probability"]

    score = score_classes(probability=np.stack([1 - yes, yes], axis=1), truth=binary["truth"])

    expected = score_binary(**binary)
    assert (score.accuracy, score.nll) == (close(expected.accuracy), close(expected.nll))
    assert score.brier == (None if expected.brier is None else close(2 * expected.brier))


def test_calibration_error_weighs_bins_by_items() -> None:
    # Three items around .1, one of them yes; one item at .9, which is no.
    error = expected_calibration_error(**split([(0.11, 1), (0.12, 0), (0.13, 0), (0.9, 0)]))

    assert error == close(3 / 4 * (1 / 3 - 0.12) + 1 / 4 * 0.9)


def test_bins_hold_their_lower_end_and_the_last_holds_one() -> None:
    # In one bin with its neighbour each surplus would cancel.
    assert expected_calibration_error(**split([(0.5, 1), (0.49, 0)])) == close((0.5 + 0.49) / 2)
    assert expected_calibration_error(**split([(1.0, 0), (0.9, 1)])) == close((1.0 - 0.1) / 2)


@given(pairs=items, bins=st.integers(1, 20))
def test_calibration_error_equals_the_loop_over_bins(pairs: list[tuple[float, int]], bins: int) -> None:
    known = slow_known(probability=[p for p, _ in pairs], truth=[t for _, t in pairs])

    assert expected_calibration_error(**split(pairs), bins=bins) == close(slow_ece(known=known, bins=bins))


@given(probability=st.lists(probabilities, min_size=1, max_size=20), seed=st.integers(0, 5))
def test_calibrated_quantile_equals_scoring_truths_drawn_one_by_one(probability: list[float], seed: int) -> None:
    random, row = np.random.default_rng(seed), np.array(sorted(probability))

    quantile = calibrated_ece_quantile(probability=np.array(probability), quantile=0.8, draws=9, seed=seed)

    drawn = [(random.random(len(row)) < row).astype(np.int8) for _ in range(9)]
    errors = [expected_calibration_error(probability=row, truth=truth) or 0.0 for truth in drawn]
    assert quantile == close(float(np.quantile(errors, 0.8)))


def test_calibrated_quantile_of_fair_coins_is_that_of_the_binomial_distribution() -> None:
    # 100 coins: 42 to 58 heads come up 91.1 % of the time, 43 to 57 only 86.7 %.
    quantile = calibrated_ece_quantile(probability=np.full(100, 0.5), draws=20_000)

    assert quantile == close(0.08)


def test_certain_probabilities_are_calibrated_without_error() -> None:
    assert calibrated_ece_quantile(probability=np.array([0.0, 1.0, 1.0])) == 0
    assert calibrated_ece_quantile(probability=np.array([], dtype=np.float64)) is None


def test_drawing_in_small_parts_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    probability = np.linspace(0, 1, 50)
    whole = calibrated_ece_quantile(probability=probability, draws=100)

    monkeypatch.setattr(metrics, "DRAWN_AT_ONCE", 170)

    assert calibrated_ece_quantile(probability=probability, draws=100) == whole


def test_intervals_are_those_of_the_tables() -> None:
    interval = clopper_pearson(errors=np.array([0, 1, 5, 10]), trials=10)

    assert interval.low.tolist() == pytest.approx([0, 0.0025, 0.1871, 0.6915], abs=5e-5)
    assert interval.high.tolist() == pytest.approx([0.3085, 0.4450, 0.8129, 1], abs=5e-5)


def test_no_errors_are_bounded_by_the_rule_of_three() -> None:
    assert upper_bound(errors=0, trials=300, confidence=0.95) == close(1 - 0.05 ** (1 / 300))
    assert float(upper_bound(errors=0, trials=300, confidence=0.95)) == pytest.approx(3 / 300, rel=0.01)


def test_no_trials_leave_everything_possible() -> None:
    interval = clopper_pearson(errors=0, trials=0)

    assert (float(interval.low), float(interval.high)) == (0, 1)
    assert upper_bound(errors=0, trials=np.array([0, 0]), confidence=0.9).tolist() == [1, 1]


@given(binomial=binomials, confidence=st.floats(0.5, 0.999))
def test_bounds_equal_a_search_over_the_binomial_distribution(binomial: tuple[int, int], confidence: float) -> None:
    errors, trials = binomial

    interval = clopper_pearson(errors=errors, trials=trials, confidence=confidence)

    side = (1 + confidence) / 2
    high = slow_upper_bound(errors=errors, trials=trials, confidence=side)
    low = 1 - slow_upper_bound(errors=trials - errors, trials=trials, confidence=side)
    assert [float(interval.low), float(interval.high)] == pytest.approx([low, high], abs=1e-9)


@given(trials=st.integers(0, 40), probability=st.floats(0, 1))
def test_intervals_miss_at_most_as_often_as_promised(trials: int, probability: float) -> None:
    errors = np.arange(trials + 1)

    interval = clopper_pearson(errors=errors, trials=trials, confidence=0.9)

    weights = [binomial_weight(errors=k, trials=trials, probability=probability) for k in errors.tolist()]
    assert np.dot(weights, interval.low > probability) <= 0.05 + 1e-9
    assert np.dot(weights, interval.high < probability) <= 0.05 + 1e-9


def test_only_automatic_decisions_with_a_truth_are_trials() -> None:
    decision = np.array([ACCEPT, ACCEPT, REJECT, REJECT, REJECT, ASK, DISPUTE], dtype=np.int8)
    truth = np.array([1, 0, 1, 0, -1, 1, 0], dtype=np.int8)

    assert count_errors(decision=decision, truth=truth) == (2, 4)
    assert realised_error(decision=decision, truth=truth) == 0.5


def test_nothing_decided_has_no_realised_error() -> None:
    truth = np.array([1, 1, -1], dtype=np.int8)

    assert realised_error(decision=np.array([ASK, DISPUTE, ACCEPT], dtype=np.int8), truth=truth) is None
    assert realised_error(decision=truth[:0], truth=truth[:0]) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": np.array([0.5, np.nan])}, r"^probability\[1\]: must be from 0 to 1, is nan$"),
        ({"probability": np.array([-0.1, 0.5])}, r"^probability\[0\]: must be from 0 to 1, is -0.1$"),
        ({"probability": np.array([0, 1])}, r"^probability: must be a 1-dimensional array of floats$"),
        ({"probability": np.array([[0.5, 0.5]])}, r"^probability: must be a 1-dimensional array of floats$"),
        ({"truth": np.array([0, 2])}, r"^truth\[1\]: must be from -1 to 1, is 2$"),
        ({"truth": np.array([-2, 0])}, r"^truth\[0\]: must be from -1 to 1, is -2$"),
        ({"truth": np.array([0])}, r"^truth: must be a one-dimensional array of 2 whole numbers$"),
        ({"truth": np.array([0.0, 1.0])}, r"^truth: must be a one-dimensional array of 2 whole numbers$"),
        ({"decided": np.array([1, 0])}, r"^decided: must be an array of 2 truth values$"),
        ({"decided": np.array([True])}, r"^decided: must be an array of 2 truth values$"),
    ],
)
def test_bad_items_are_refused_by_name_and_position(change: dict[str, Any], message: str) -> None:
    good = {"probability": np.array([0.2, 0.8]), "truth": np.array([0, 1])}

    with pytest.raises(ValueError, match=message):
        score_binary(**{**good, **change})


@pytest.mark.parametrize(
    ("probability", "message"),
    [
        (np.array([0.2, 0.8]), r"^probability: must be a 2-dimensional array of floats$"),
        (np.empty((2, 0)), r"^probability: must have at least one class$"),
        (np.array([[0.5, 0.5], [0.5, 1.5]]), r"^probability\[1, 1\]: must be from 0 to 1, is 1.5$"),
        (np.array([[0.5, 0.5], [0.5, 0.4]]), r"^probability\[1\]: must sum to 1, sums to 0.9$"),
    ],
)
def test_bad_class_probabilities_are_refused(probability: NDArray[np.float64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score_classes(probability=probability, truth=np.array([0, 1]))


def test_bad_bins_draws_and_quantiles_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^bins: must be at least 1, is 0$"):
        expected_calibration_error(**split([]), bins=0)
    with pytest.raises(ValueError, match=r"^draws: must be at least 1, is 0$"):
        calibrated_ece_quantile(probability=np.array([0.5]), draws=0)
    with pytest.raises(ValueError, match=r"^quantile: must be from 0 to 1, is 1.1$"):
        calibrated_ece_quantile(probability=np.array([0.5]), quantile=1.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"errors": 4}, r"^errors: must be from 0 to trials$"),
        ({"errors": np.array([0, -1])}, r"^errors: must be from 0 to trials$"),
        ({"errors": 0.5}, r"^errors: must be whole numbers$"),
        ({"trials": 3.0}, r"^trials: must be whole numbers$"),
        ({"confidence": 1.0}, r"^confidence: must be above 0 and below 1, is 1.0$"),
        ({"confidence": 0.0}, r"^confidence: must be above 0 and below 1, is 0.0$"),
    ],
)
def test_bad_trials_are_refused_by_name(change: dict[str, Any], message: str) -> None:
    bad = {"errors": 1, "trials": 3, "confidence": 0.95, **change}

    with pytest.raises(ValueError, match=message):
        clopper_pearson(**bad)
    with pytest.raises(ValueError, match=message):
        upper_bound(**bad)


def test_unknown_decisions_are_refused_by_position() -> None:
    with pytest.raises(ValueError, match=r"^decision\[1\]: must be from 0 to 3, is 4$"):
        count_errors(decision=np.array([0, 4]), truth=np.array([0, 1]))
    with pytest.raises(ValueError, match=r"^truth: must be a one-dimensional array of 2 whole numbers$"):
        count_errors(decision=np.array([0, 1]), truth=np.array([0]))
