"""How good estimates and decisions are where the truth is known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from annotation.consensus.decide import Decision
from annotation.consensus.model import SUM_TOLERANCE
from annotation.consensus.votes import UNKNOWN, check_indices

CALIBRATION_BINS = 10
# A probability of 0 for what is true counts as this one; one such item would make the mean infinite.
SMALLEST_PROBABILITY = 1e-12
# Random numbers held at a time: 32 MiB.
DRAWN_AT_ONCE = 2**22


@dataclass(frozen=True, kw_only=True)
class Score:
    """Probabilities against the truth, over the `items` that have one. None where a denominator is 0.

    `ece` is that of `expected_calibration_error`; `nll` is the mean of -ln P(truth), P at least `SMALLEST_PROBABILITY`;
    `brier` is the mean squared distance of probability from truth, 0 or 1.
    """

    items: int
    accuracy: float | None
    ece: float | None
    nll: float | None
    brier: float | None


@dataclass(frozen=True, kw_only=True)
class BinaryScore(Score):
    """Of P(yes). `balanced_accuracy` is the mean of recall and specificity."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int
    precision: float | None
    recall: float | None
    f1: float | None
    balanced_accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class ClassScore(Score):
    """Of K classes. A macro average is over the classes that have a denominator: for precision the predicted, for recall
    the true, for F1 both. `ece` is that of the predicted class; `brier` sums over classes: for K = 2, twice the binary.
    """

    macro_precision: float | None
    macro_recall: float | None
    macro_f1: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Interval:
    """Bounds of a probability: arrays of the arguments' common shape, () for plain numbers."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


def score_binary(
    *, probability: NDArray[np.float64], truth: NDArray[np.integer], decided: NDArray[np.bool_] | None = None
) -> BinaryScore:
    """Scores `probability[I]`, P(yes), against `truth[I]`: 0 no, 1 yes, -1 unknown (ignored).

    Yes is predicted above 0.5; at exactly 0.5 nothing speaks for the image, and the answer is no, as `score_classes` has it
    for the first of equals. With `decided[I]`, only the items where it is true count.
    """
    check_probability(probability)
    check_truth(truth=truth, items=len(probability), classes=2)
    known = truth != UNKNOWN
    if decided is not None:
        if decided.dtype != np.bool_ or decided.shape != truth.shape:
            raise ValueError(f"decided: must be an array of {len(truth)} truth values")
        known &= decided
    probability, actual = probability[known], truth[known].astype(np.int64)
    confusion = np.bincount(2 * actual + (probability > 0.5), minlength=4)
    true_negative, false_positive, false_negative, true_positive = (int(count) for count in confusion)
    recall = divide(true_positive, true_positive + false_negative)
    specificity = divide(true_negative, true_negative + false_positive)
    return BinaryScore(
        items=len(actual),
        true_positive=true_positive,
        false_positive=false_positive,
        true_negative=true_negative,
        false_negative=false_negative,
        accuracy=divide(true_positive + true_negative, len(actual)),
        precision=divide(true_positive, true_positive + false_positive),
        recall=recall,
        f1=divide(2 * true_positive, 2 * true_positive + false_positive + false_negative),
        balanced_accuracy=None if recall is None or specificity is None else (recall + specificity) / 2,
        ece=expected_calibration_error(probability=probability, truth=actual),
        nll=negative_log_likelihood(np.where(actual == 1, probability, 1 - probability)),
        brier=divide(((probability - actual) ** 2).sum(), len(actual)),
    )


def score_classes(*, probability: NDArray[np.float64], truth: NDArray[np.integer]) -> ClassScore:
    """Scores `probability[I, K]`, rows that sum to 1, against `truth[I]`: the class, -1 unknown (ignored).

    The likeliest class is predicted, the first of those that are equally likely.
    """
    check_class_probability(probability)
    classes = probability.shape[1]
    check_truth(truth=truth, items=len(probability), classes=classes)
    probability, truth = probability[truth != UNKNOWN], truth[truth != UNKNOWN].astype(np.int64)
    predicted = probability.argmax(axis=1)
    right = predicted == truth
    hits, calls, actual = (np.bincount(x, minlength=classes) for x in (truth[right], predicted, truth))
    return ClassScore(
        items=len(truth),
        accuracy=divide(right.sum(), len(truth)),
        macro_precision=mean_defined(hits, calls),
        macro_recall=mean_defined(hits, actual),
        macro_f1=mean_defined(2 * hits, calls + actual),
        ece=expected_calibration_error(probability=probability.max(axis=1), truth=right.astype(np.int8)),
        nll=negative_log_likelihood(probability[np.arange(len(truth)), truth]),
        brier=divide(((probability - np.eye(classes)[truth]) ** 2).sum(), len(truth)),
    )


def expected_calibration_error(
    *, probability: NDArray[np.float64], truth: NDArray[np.integer], bins: int = CALIBRATION_BINS
) -> float | None:
    """Mean distance of probability from frequency: over bins, |mean P(yes) - share of yes|, weighted by items.

    `bins` of equal width, each with its lower end, the last with both. `truth[I]` is 0, 1 or -1 (ignored). None if no item
    has a truth. Source: Naeini et al., Obtaining well calibrated probabilities using Bayesian binning, 2015.
    """
    check_probability(probability)
    check_truth(truth=truth, items=len(probability), classes=2)
    check_positive(field="bins", value=bins)
    probability, actual = probability[truth != UNKNOWN], truth[truth != UNKNOWN]
    # A bin's weight and the denominator of its means cancel.
    surplus = np.bincount(find_bins(probability=probability, bins=bins), weights=probability - actual)
    return divide(np.abs(surplus).sum(), len(actual))


def calibrated_ece_quantile(
    *, probability: NDArray[np.float64], quantile: float = 0.9, draws: int = 1000, seed: int = 0
) -> float | None:
    """The quantile of `expected_calibration_error` if `probability[I]` were perfectly calibrated; None without items.

    The truth is drawn from the probabilities `draws` times: an error below the result is what chance alone explains. Give
    the items that were scored, those with a truth. Same arguments, same result. Source: Brocker and Smith, Increasing the
    reliability of reliability diagrams, 2007 (consistency resampling; here the probabilities stay as they are).
    """
    check_probability(probability)
    check_positive(field="draws", value=draws)
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile: must be from 0 to 1, is {quantile}")
    if not len(probability):
        return None
    probability = np.sort(probability)
    starts = np.unique(find_bins(probability=probability, bins=CALIBRATION_BINS), return_index=True)[1]
    expected = np.add.reduceat(probability, starts)
    random = np.random.default_rng(seed)
    rows = max(1, DRAWN_AT_ONCE // len(probability))
    errors = np.empty(draws)
    for first in range(0, draws, rows):
        part = errors[first : first + rows]
        drawn = random.random((len(part), len(probability))) < probability
        yes = np.add.reduceat(drawn, starts, axis=1, dtype=np.int64)
        part[:] = np.abs(yes - expected).sum(axis=1) / len(probability)
    return float(np.quantile(errors, quantile))


def clopper_pearson(*, errors: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> Interval:
    """Exact two-sided interval of a probability of which `errors` of `trials` were seen; (0, 1) without trials.

    Both are whole numbers or arrays of them that broadcast. The interval holds the probability at least `confidence` of
    the time, and each side misses it at most half of the rest. Source: Clopper and Pearson, Biometrika 26, 1934.
    """
    check_confidence(confidence)
    wrong, of = read_trials(errors=errors, trials=trials)
    # The quantile of Beta(errors, trials - errors + 1), whose first parameter may not be 0.
    low = np.where(wrong == 0, 0.0, betaincinv(np.maximum(wrong, 1), of - wrong + 1, (1 - confidence) / 2))
    return Interval(low=low, high=upper_bound(errors=errors, trials=trials, confidence=(1 + confidence) / 2))


def upper_bound(*, errors: ArrayLike, trials: ArrayLike, confidence: float) -> NDArray[np.float64]:
    """Exact one-sided bound: the probability is above it at most 1 - `confidence` of the time; 1 without trials.

    Arguments, shape and source as in `clopper_pearson`.
    """
    check_confidence(confidence)
    wrong, of = read_trials(errors=errors, trials=trials)
    # The quantile of Beta(errors + 1, trials - errors), whose second parameter may not be 0.
    return np.where(wrong == of, 1.0, betaincinv(wrong + 1, np.maximum(of - wrong, 1), confidence))


def realised_error(*, decision: NDArray[np.integer], truth: NDArray[np.integer]) -> float | None:
    """Share of wrong decisions among the `count_errors` trials; None if there are none."""
    errors, trials = count_errors(decision=decision, truth=truth)
    return divide(errors, trials)


def count_errors(*, decision: NDArray[np.integer], truth: NDArray[np.integer]) -> tuple[int, int]:
    """Wrong decisions, and items that have both an automatic decision and a truth.

    `decision[I]` holds `Decision` values, of which ACCEPT and REJECT are automatic; `truth[I]` is 0, 1 or -1 (unknown).
    """
    check_indices(field="decision", values=decision, limit=len(Decision))
    check_truth(truth=truth, items=len(decision), classes=2)
    accepted, rejected = decision == Decision.ACCEPT, decision == Decision.REJECT
    errors = (accepted & (truth == 0)) | (rejected & (truth == 1))
    return int(errors.sum()), int(((accepted | rejected) & (truth != UNKNOWN)).sum())


def divide(numerator: float, denominator: float) -> float | None:
    """The quotient; None if the denominator is 0."""
    return float(numerator) / float(denominator) if denominator else None


def mean_defined(numerators: NDArray[np.integer], denominators: NDArray[np.integer]) -> float | None:
    """Mean quotient over the places whose denominator is not 0; None if there are none."""
    defined = denominators > 0
    return divide((numerators[defined] / denominators[defined]).sum(), int(defined.sum()))


def negative_log_likelihood(probability_of_truth: NDArray[np.float64]) -> float | None:
    """Mean -ln of the probabilities, each at least `SMALLEST_PROBABILITY`; None without any."""
    logarithms = np.log(np.maximum(probability_of_truth, SMALLEST_PROBABILITY))
    return divide(-logarithms.sum(), len(logarithms))


def find_bins(*, probability: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """The index of each probability's bin among `bins` of equal width; 1 is in the last."""
    return np.minimum((probability * bins).astype(np.int64), bins - 1)


def read_trials(*, errors: ArrayLike, trials: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as arrays of floats; ValueError unless they are whole numbers with 0 <= errors <= trials."""
    wrong, of = np.asarray(errors), np.asarray(trials)
    for field, values in (("errors", wrong), ("trials", of)):
        if not np.issubdtype(values.dtype, np.integer):
            raise ValueError(f"{field}: must be whole numbers")
    if np.any(wrong < 0) or np.any(wrong > of):
        raise ValueError("errors: must be from 0 to trials")
    return wrong.astype(np.float64), of.astype(np.float64)


def check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: must be above 0 and below 1, is {confidence}")


def check_positive(*, field: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{field}: must be at least 1, is {value}")


def check_probability(probability: NDArray[np.float64], *, dimensions: int = 1) -> None:
    """Raises ValueError unless all are floats from 0 to 1, in an array of that many dimensions."""
    if probability.ndim != dimensions or not np.issubdtype(probability.dtype, np.floating):
        raise ValueError(f"probability: must be a {dimensions}-dimensional array of floats")
    # The comparison is written so that NaN fails it.
    good = (probability >= 0) & (probability <= 1)
    if not good.all():
        place = tuple(np.argwhere(~good)[0])
        raise ValueError(f"probability{[int(i) for i in place]}: must be from 0 to 1, is {probability[place]}")


def check_class_probability(probability: NDArray[np.float64]) -> None:
    """Raises ValueError unless `probability[I, K]` are I distributions over at least one class."""
    check_probability(probability, dimensions=2)
    if not probability.shape[1]:
        raise ValueError("probability: must have at least one class")
    uneven = np.flatnonzero(np.abs(probability.sum(axis=1) - 1) > SUM_TOLERANCE)
    if len(uneven):
        raise ValueError(f"probability[{uneven[0]}]: must sum to 1, sums to {probability[uneven[0]].sum()}")


def check_truth(*, truth: NDArray[np.integer], items: int, classes: int) -> None:
    """Raises ValueError unless `truth` is a class or `UNKNOWN` for each of the items."""
    if truth.shape != (items,) or not np.issubdtype(truth.dtype, np.integer):
        raise ValueError(f"truth: must be a one-dimensional array of {items} whole numbers")
    bad = np.flatnonzero((truth < UNKNOWN) | (truth >= classes))
    if len(bad):
        raise ValueError(f"truth[{bad[0]}]: must be from {UNKNOWN} to {classes - 1}, is {truth[bad[0]]}")
