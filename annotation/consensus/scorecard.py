"""How a rule's decisions compare with what is known, and how far votes agree, as plain numbers that can be stored."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.agreement import alphas_of_coincidences, number_or_none
from annotation.consensus.belief import count_answers
from annotation.consensus.decide import Decision
from annotation.consensus.kernel import SHARE_GRID, on_grid
from annotation.consensus.metrics import clopper_pearson, count_errors, divide, score_binary
from annotation.consensus.model import Answer
from annotation.consensus.sequence import FirstDecisions
from annotation.consensus.votes import Votes

Plain = dict[str, Any]
# Pairs of different answers.
DIFFERENT = ((Answer.NO, Answer.UNSURE), (Answer.NO, Answer.YES), (Answer.UNSURE, Answer.YES))


def score_decisions(*, first: FirstDecisions, truth: NDArray[np.int8]) -> Plain:
    """`first` against `truth`, 0 or 1, of every item.

    `precision` is of what was accepted, `recall` of what is true, `error` the share of wrong ones among automatic decisions:
    each with its 95 % interval of Clopper and Pearson. `f1` is that of the decisions; `ece`, `nll` and `brier` are of the
    probability at the vote where an item was decided, or at its last.
    """
    accepted = first.decision == Decision.ACCEPT
    right, true = int((accepted & (truth == 1)).sum()), int((truth == 1).sum())
    wrong, decided = count_errors(decision=first.decision, truth=truth)
    score = score_binary(probability=first.probability, truth=truth)
    return {
        "questions": len(truth),
        "precision": describe_rate(hits=right, trials=int(accepted.sum())),
        "recall": describe_rate(hits=right, trials=true),
        "f1": divide(2 * right, int(accepted.sum()) + true),
        "balanced_accuracy": score.balanced_accuracy,
        "error": describe_rate(hits=wrong, trials=decided),
        "ece": score.ece,
        "nll": score.nll,
        "brier": score.brier,
    }


def describe_rate(*, hits: int, trials: int) -> Plain:
    interval = clopper_pearson(errors=hits, trials=trials)
    return {
        "hits": hits,
        "trials": trials,
        "value": divide(hits, trials),
        "low": float(interval.low),
        "high": float(interval.high),
    }


def sum_agreement(*, votes: Votes, place: NDArray[np.int64]) -> list[list[float]]:
    """Rows [*place, votes, pairs of no and unsure, of no and yes, of unsure and yes, paired no, unsure, yes]: what the votes on
    the items of each place sum to. `place[items, n]` names each item's, such as its campaign and synset. Sums are exact
    (kernel.SHARE_GRID), so items of one place may be split (`join_agreement`)."""
    places, group = _number_places(place)
    counts = count_answers(votes).astype(np.float64)
    number = counts.sum(axis=1)
    others = np.where(number > 1, number - 1, np.inf)
    pairs = [on_grid(counts[:, one] * counts[:, other] / others, SHARE_GRID) for one, other in DIFFERENT]
    paired = [np.where(number > 1, column, 0.0) for column in counts.T]
    sums = [np.bincount(group, weights=column, minlength=len(places)) for column in (number, *pairs, *paired)]
    rows: list[list[float]] = np.column_stack([places, *sums]).tolist()
    return rows


def join_agreement(rows: Iterable[Sequence[float]]) -> list[list[float]]:
    """Rows of `sum_agreement` over parts of the items as those over all of them, whose places have two names."""
    joined: dict[tuple[float, float], list[float]] = {}
    for one, other, *sums in rows:
        known = joined.get((one, other))
        joined[one, other] = sums if known is None else [*map(sum, zip(known, sums, strict=True))]
    return [[*place, *sums] for place, sums in sorted(joined.items())]


def _number_places(place: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Different rows in order, and the number of each row among them."""
    number = np.zeros(len(place), dtype=np.int64)
    for column in place.T:
        values, code = np.unique(column, return_inverse=True)
        number = number * len(values) + code
    _, firsts, group = np.unique(number, return_index=True, return_inverse=True)
    return place[firsts], group


def describe_agreement(rows: Sequence[Sequence[float]]) -> Plain:
    """Krippendorff's alpha of all votes of some groups together, nominal and ordinal, from what each group's votes sum to:
    pairs of no and unsure, of no and yes, of unsure and yes; then paired answers no, unsure, yes
    (agreement.sum_coincidences)."""
    sums = np.array(rows, dtype=np.float64).reshape(-1, 6).sum(axis=0)
    observed = np.zeros((1, 3, 3))
    for (one, other), pairs in zip(DIFFERENT, sums[:3], strict=True):
        observed[0, one, other] = observed[0, other, one] = pairs
    used = sums[np.newaxis, 3:]
    return {
        "alpha_nominal": number_or_none(alphas_of_coincidences(observed=observed, used=used, level="nominal")[0]),
        "alpha_ordinal": number_or_none(alphas_of_coincidences(observed=observed, used=used, level="ordinal")[0]),
    }
