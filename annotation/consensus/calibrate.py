"""What gold says of the model's promises: what states mean, how far votes err together, and when it is safe to stop."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.belief import believe
from annotation.consensus.decide import DEPTH, Decision, Outlook, Rule, choose, look_ahead
from annotation.consensus.goldreplay import Runs
from annotation.consensus.metrics import upper_bound
from annotation.consensus.model import Floats, Parameters

DISCOUNTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0)
# How strongly the discount we came with is held to, in nats at a distance of one.
DISCOUNT_HOLD = 4.0
# How many gold items of its own the meaning of a state that we came with weighs.
MEANING_WEIGHT = 2.0
MEANING_ROUNDS = 30
FOLDS = 5
# Tolerances that are tried, as shares of being wrong at the last vote.
TOLERANCES = (
    0.002,
    0.005,
    0.01,
    0.02,
    0.03,
    0.04,
    0.05,
    0.06,
    0.08,
    0.1,
    0.12,
    0.15,
    0.18,
    0.22,
    0.26,
    0.3,
)
# With fewer of a class, gold teaches workers, but says nothing of what states mean or when it is safe to stop.
LEAST_GOLD_OF_A_CLASS = 5
# With fewer decided gold items on a side, its tolerance is not loosened.
ENOUGH_DECIDED = 30
PASSES = 2
CONFIDENCE = 0.95


def calibrate_meanings(*, runs: Runs, parameters: Parameters) -> Parameters:
    """Meanings of states and the discount under which the truth of the runs is likeliest, after every number of votes.

    A composite likelihood: each gold item counts once, spread over its runs and their numbers of votes. Meanings are held to
    those given by `MEANING_WEIGHT` items a state, the discount by `DISCOUNT_HOLD`. Without runs `parameters` come back.
    """
    if not len(runs.truth):
        return parameters
    tried = [_calibrate_at(runs, parameters, discount) for discount in sorted({*DISCOUNTS, parameters.discount})]
    weights = _weigh_prefixes(runs)
    losses = [
        _find_loss(_believe_prefixes(runs, fitted), runs.truth, weights, fitted)
        + DISCOUNT_HOLD * (fitted.discount - parameters.discount) ** 2
        for fitted in tried
    ]
    return tried[int(np.argmin(losses))]


def _calibrate_at(runs: Runs, parameters: Parameters, discount: float) -> Parameters:
    parameters = replace(parameters, discount=discount)
    shares = _believe_prefixes(runs, parameters)
    meanings = _learn_meanings(shares, runs.truth, _weigh_prefixes(runs), parameters.meanings)
    return replace(parameters, meanings=meanings)


def says_enough(*, runs: Runs, classes: int) -> bool:
    """Whether there are `LEAST_GOLD_OF_A_CLASS` gold items of every class."""
    _, first = np.unique(runs.item, return_index=True)
    return bool(classes > 0 and np.bincount(runs.truth[first], minlength=classes).min() >= LEAST_GOLD_OF_A_CLASS)


def cross_validate(*, runs: Runs, parameters: Parameters, seed: int = 0) -> float:
    """Mean negative log-likelihood, in nats a gold item, of truth that was held out while meanings were learned (the
    discount, one number, is learned from all)."""
    items, first = np.unique(runs.item, return_index=True)
    # By place and not by number, so that numbers do not matter.
    place = np.argsort(np.argsort(first))
    fold_of_item = np.random.default_rng(seed).permutation(len(items))[place] % FOLDS
    fold = fold_of_item[np.searchsorted(items, runs.item)]
    discount = calibrate_meanings(runs=runs, parameters=parameters).discount
    loss = 0.0
    for number in range(FOLDS):
        held = runs.select(fold == number)
        fitted = _calibrate_at(runs.select(fold != number), parameters, discount)
        loss += _find_loss(_believe_prefixes(held, fitted), held.truth, _weigh_prefixes(held), fitted)
    return loss / len(items)


def _weigh_prefixes(runs: Runs) -> Floats:
    """[X, N]: every gold item weighs as much as its runs say, in all."""
    real = np.arange(runs.evidence.shape[1]) < runs.available[:, np.newaxis]
    _, item, runs_of_item = np.unique(runs.item, return_inverse=True, return_counts=True)
    each = runs.weight / (runs.available * runs_of_item[item])
    return np.where(real, each[:, np.newaxis], 0.0)


def _believe_prefixes(runs: Runs, parameters: Parameters) -> Floats:
    return believe(
        evidence=runs.evidence,
        votes=runs.counts.sum(axis=2),
        parameters=parameters,
        log_prior=runs.log_prior[:, np.newaxis],
    )


def _learn_meanings(shares: Floats, truth: NDArray[np.int8], weights: Floats, prior: Floats) -> Floats:
    """EM over which state a run is in, given its shares: meanings [S, K]."""
    meanings = prior
    for _ in range(MEANING_ROUNDS):
        of_truth = meanings[:, truth].T
        likely = np.einsum("xns,xs->xn", shares, of_truth)
        of_run = np.einsum("xns,xn->xs", shares, weights / likely) * of_truth
        counts = np.stack([of_run[truth == each].sum(axis=0) for each in range(prior.shape[1])], axis=1)
        meanings = counts + MEANING_WEIGHT * prior
        meanings = meanings / meanings.sum(axis=1, keepdims=True)
    return meanings


def _find_loss(shares: Floats, truth: NDArray[np.int8], weights: Floats, parameters: Parameters) -> float:
    of_truth = np.einsum("xns,xs->xn", shares, parameters.meanings[:, truth].T)
    return float(-(weights * np.log(np.maximum(of_truth, 1e-12))).sum())


@dataclass(frozen=True, kw_only=True)
class Side:
    """How one kind of automatic decision did on gold: `decided` and `wrong` are mean numbers of gold items over the runs'
    orders; `highest_error` is the one-sided 95 % bound of Clopper and Pearson (1934) on the share of wrong ones."""

    tolerance: float
    decided: float
    wrong: float
    highest_error: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The tolerances chosen on `gold` items for a rule, and what they gave there."""

    gold: int
    accept: Side
    reject: Side
    votes: float
    undecided: float

    def apply(self, rule: Rule) -> Rule:
        return replace(rule, accept_tolerance=self.accept.tolerance, reject_tolerance=self.reject.tolerance)


@dataclass(frozen=True, eq=False)
class _Trial:
    """What a rule does with the runs."""

    decision: NDArray[np.int8]
    votes: NDArray[np.int64]

    def count(self, runs: Runs, decision: Decision, orders: float) -> tuple[float, float]:
        """Gold items decided so, and those decided so that are of the class that makes it wrong.

        Where each of the latter stands for several (Runs.weight), all are counted in units of one of them: so many mistakes,
        and so few chances to make one, have been seen.
        """
        mistaken = runs.truth == WRONG[decision]
        unit = max(1.0, float(runs.weight[mistaken].mean())) if mistaken.any() else 1.0
        chosen = (self.decision == decision) * runs.weight / (unit * orders)
        return float(chosen.sum()), float(chosen[mistaken].sum())


def choose_tolerances(*, runs: Runs, parameters: Parameters, rule: Rule) -> Calibration:
    """The loosest tolerances at which the share of wrong decisions on gold, (wrong + 1/2) / (decided + 1), meets the rule's
    target: for accepting and for rejecting separately, each tried under what the other has come to.

    It begins at the tolerance without gold (`UNCALIBRATED` times the target) and stays there where gold has fewer than
    `LEAST_GOLD_OF_A_CLASS` items of a class; it is loosened only where `ENOUGH_DECIDED` gold items are decided. Where gold
    shows more than the target's share of wrong decisions at every tolerance, it is 0: that decision is left to curators.
    """
    gold = len(np.unique(runs.item))
    orders = max(len(runs.truth) / max(gold, 1), 1.0)
    outlooks = _look_ahead_everywhere(runs, parameters, rule)
    tolerances = dict.fromkeys((Decision.ACCEPT, Decision.REJECT), rule.uncalibrated)

    def attempt(side: Decision, tolerance: float) -> tuple[float, float]:
        trial = _run_rule(runs, outlooks, _with(rule, {**tolerances, side: tolerance}))
        return trial.count(runs, side, orders)

    for _ in range(PASSES if says_enough(runs=runs, classes=2) else 0):
        for side in (Decision.REJECT, Decision.ACCEPT):
            tolerances[side] = _find_loosest(rule, partial(attempt, side))
    final = _run_rule(runs, outlooks, _with(rule, tolerances))
    sides = [_judge_side(final, runs, side, tolerances[side], orders) for side in tolerances]
    undecided = ~np.isin(final.decision, [Decision.ACCEPT, Decision.REJECT])
    return Calibration(
        gold=gold,
        accept=sides[0],
        reject=sides[1],
        votes=float(final.votes.mean()) if gold else 0.0,
        undecided=float(undecided.mean()) if gold else 0.0,
    )


# The class that makes a decision wrong.
WRONG = {Decision.ACCEPT: 0, Decision.REJECT: 1}


def _with(rule: Rule, tolerances: dict[Decision, float]) -> Rule:
    return replace(rule, accept_tolerance=tolerances[Decision.ACCEPT], reject_tolerance=tolerances[Decision.REJECT])


def _find_loosest(rule: Rule, attempt: Callable[[float], tuple[float, float]]) -> float:
    target, chosen = rule.target_error, rule.uncalibrated
    decided, wrong = attempt(chosen)
    if wrong > target * decided:
        tighter = (each for each in reversed(TOLERANCES) if each < chosen)
        return next((each for each in tighter if _holds(target, *attempt(each))), 0.0)
    for tolerance in (each for each in TOLERANCES if each > rule.uncalibrated):
        decided, wrong = attempt(tolerance)
        if decided < ENOUGH_DECIDED or (wrong + 0.5) / (decided + 1) > target:
            break
        chosen = tolerance
    return chosen


def _holds(target: float, decided: float, wrong: float) -> bool:
    return decided > 0 and wrong <= target * decided


# After each number of votes: which runs have so many left, and what may come for them.
_Outlooks = list[list[tuple[NDArray[np.int64], Outlook]]]


def _look_ahead_everywhere(runs: Runs, parameters: Parameters, rule: Rule) -> _Outlooks:
    last = np.minimum(runs.available, rule.vote_cap)
    outlooks = []
    for number in range(1, int(last.max(initial=0)) + 1):
        # Nobody looks further ahead than that.
        left = np.minimum(last - number, DEPTH)
        groups = [np.flatnonzero(left == more) for more in np.unique(left[left >= 0])]
        outlooks.append(
            [
                (
                    group,
                    look_ahead(
                        evidence=runs.evidence[group, number - 1],
                        counts=runs.counts[group, number - 1],
                        left=int(left[group[0]]),
                        parameters=parameters,
                        rule=rule,
                        log_prior=runs.log_prior[group],
                    ),
                )
                for group in groups
            ]
        )
    return outlooks


def _run_rule(runs: Runs, outlooks: _Outlooks, rule: Rule) -> _Trial:
    decision = np.full(len(runs.truth), Decision.ASK, dtype=np.int8)
    votes = np.zeros(len(runs.truth), dtype=np.int64)
    for number, groups in enumerate(outlooks, start=1):
        for group, outlook in groups:
            asked = np.flatnonzero(decision[group] == Decision.ASK)
            votes[group[asked]] = number
            decision[group[asked]] = choose(outlook=outlook.select(asked), prices=rule.prices)
    return _Trial(decision, votes)


def _judge_side(trial: _Trial, runs: Runs, side: Decision, tolerance: float, orders: float) -> Side:
    decided, wrong = trial.count(runs, side, orders)
    bound = upper_bound(errors=math.ceil(wrong), trials=math.ceil(decided), confidence=CONFIDENCE)
    return Side(tolerance=tolerance, decided=decided, wrong=wrong, highest_error=float(bound))
