"""The slow, obvious twins of goldreplay, calibrate and baselines: loops over items, votes and classes."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from annotation.consensus.baselines import CONFIDENCE, SMOOTHING, SUBSET_VOTES
from annotation.consensus.belief import estimate_evidence
from annotation.consensus.calibrate import (
    ENOUGH_DECIDED,
    LEAST_GOLD_OF_A_CLASS,
    MEANING_WEIGHT,
    PASSES,
    TOLERANCES,
)
from annotation.consensus.decide import Decision, Rule, decide
from annotation.consensus.fit import SHARE_PRIOR
from annotation.consensus.goldreplay import Runs
from annotation.consensus.model import Answer, Floats, Parameters
from tests.annotation.consensus.strategies import Crowd


def slow_prefixes(
    *, row: Sequence[tuple[int, int]], log_tables: Floats, vote_cap: int
) -> Iterator[tuple[list[float], list[int]]]:
    """After each vote of one item: the evidence for each state, and the number of each answer."""
    states, answers = log_tables.shape[1:]
    evidence, counts = [0.0] * states, [0] * answers
    for worker, answer in row[:vote_cap]:
        evidence = [evidence[state] + float(log_tables[worker, state, answer]) for state in range(states)]
        counts[answer] += 1
        yield evidence, list(counts)


def slow_loss(*, runs: Runs, parameters: Parameters) -> float:
    """Minus the log-likelihood of truth: an item's runs share its weight, a run's numbers of votes share the run's."""
    loss = 0.0
    for run, truth in enumerate(runs.truth.tolist()):
        orders = runs.item.tolist().count(runs.item[run])
        votes = int(runs.available[run])
        for number in range(1, votes + 1):
            worth = 1 + (number - 1) * parameters.discount
            scores = [
                (float(runs.evidence[run, number - 1, state] + runs.log_prior[run, state]) + math.log(share)) / worth
                for state, share in enumerate(parameters.shares)
            ]
            raised = [math.exp(score - max(scores)) for score in scores]
            likely = sum(
                weight / sum(raised) * float(parameters.meanings[state, truth]) for state, weight in enumerate(raised)
            )
            loss -= float(runs.weight[run]) / orders / votes * math.log(likely)
    return loss


def slow_objective(*, runs: Runs, parameters: Parameters, prior: Floats) -> float:
    """What meanings are learned by: the loss, and how far they are from those we came with."""
    held = sum(
        float(before) * math.log(now)
        for row, own in zip(prior, parameters.meanings, strict=True)
        for before, now in zip(row, own, strict=True)
    )
    return slow_loss(runs=runs, parameters=parameters) - MEANING_WEIGHT * held


def slow_trial(*, runs: Runs, parameters: Parameters, rule: Rule) -> list[tuple[Decision, int]]:
    """Each run's decision and the votes it took, asked after every vote by the service's own `decide`."""
    found = [(Decision.ASK, 0)] * len(runs.truth)
    for number in range(1, min(runs.evidence.shape[1], rule.vote_cap) + 1):
        estimates = estimate_evidence(
            evidence=runs.evidence[:, number - 1],
            counts=runs.counts[:, number - 1],
            parameters=parameters,
            log_prior=runs.log_prior,
        )
        decisions = decide(estimates, parameters, rule, last_votes=runs.available)
        for run, decision in enumerate(decisions):
            if found[run][0] is Decision.ASK and number <= runs.available[run]:
                found[run] = Decision(decision), number
    return found


def slow_tolerances(*, runs: Runs, parameters: Parameters, rule: Rule) -> dict[Decision, float]:
    """Upwards from the tolerance without gold while gold allows it; downwards where it does not allow even that."""
    chosen = {Decision.ACCEPT: rule.uncalibrated, Decision.REJECT: rule.uncalibrated}
    by_class = [len({*runs.item[runs.truth == each].tolist()}) for each in (0, 1)]
    if min(by_class) < LEAST_GOLD_OF_A_CLASS:
        return chosen
    orders = len(runs.truth) / len(set(runs.item.tolist()))

    def count(side: Decision, tolerance: float) -> tuple[float, float]:
        tried = {**chosen, side: tolerance}
        changed = replace(rule, accept_tolerance=tried[Decision.ACCEPT], reject_tolerance=tried[Decision.REJECT])
        wrong_class = 0 if side is Decision.ACCEPT else 1
        decided = wrong = 0.0
        unit = max([1.0, *(weight for weight, of in zip(runs.weight, runs.truth, strict=True) if of == wrong_class)])
        for run, (decision, _) in enumerate(slow_trial(runs=runs, parameters=parameters, rule=changed)):
            if decision is side:
                decided += float(runs.weight[run]) / orders / unit
                wrong += float(runs.weight[run]) / orders / unit * (runs.truth[run] == wrong_class)
        return decided, wrong

    for _ in range(PASSES):
        for side in (Decision.REJECT, Decision.ACCEPT):
            chosen[side] = _slow_loosest(rule, {each: count(side, each) for each in _tried(rule)})
    return chosen


def _tried(rule: Rule) -> list[float]:
    return sorted({*TOLERANCES, rule.uncalibrated})


def _slow_loosest(rule: Rule, counted: dict[float, tuple[float, float]]) -> float:
    target, chosen = rule.target_error, rule.uncalibrated
    decided, wrong = counted[chosen]
    if wrong > target * decided:
        kept = [each for each, (some, bad) in counted.items() if each < chosen and some > 0 and bad <= target * some]
        return max(kept, default=0.0)
    for each, (some, bad) in counted.items():
        if each > rule.uncalibrated:
            if some < ENOUGH_DECIDED or (bad + 0.5) / (some + 1) > target:
                break
            chosen = each
    return chosen


def slow_dawid_skene(*, rows: Crowd, workers: int, classes: int, rounds: int) -> list[list[float]]:
    """Dawid and Skene's EM as in their paper, over dictionaries; items with one vote teach nothing."""
    shares = [[sum(answer == k for _, answer in row) / len(row) for k in range(classes)] for row in rows]
    for _ in range(rounds + 1):
        cells: dict[tuple[int, int, int], float] = defaultdict(lambda: SMOOTHING)
        prior = [SHARE_PRIOR] * classes
        for row, own in zip(rows, shares, strict=True):
            if len(row) >= 2:
                prior = [prior[k] + own[k] for k in range(classes)]
                for worker, answer in row:
                    for k in range(classes):
                        cells[worker, k, answer] += own[k]
        tables = {
            (worker, k): [cells[worker, k, answer] for answer in range(classes)]
            for worker in range(workers)
            for k in range(classes)
        }
        shares = [_slow_share(row, prior, tables) for row in rows]
    return shares


def _slow_share(
    row: Sequence[tuple[int, int]], prior: Sequence[float], tables: dict[tuple[int, int], list[float]]
) -> list[float]:
    logs = [
        math.log(weight / sum(prior))
        + sum(math.log(tables[worker, k][answer] / sum(tables[worker, k])) for worker, answer in row)
        for k, weight in enumerate(prior)
    ]
    raised = [math.exp(log - max(logs)) for log in logs]
    return [value / sum(raised) for value in raised]


def slow_confidence(*, rows: Crowd, yes: int, no: int) -> float:
    """P(good | yes, no) of the rule of 2009, from every way to draw so many votes from each item's first ten."""
    says = [[answer == Answer.YES for _, answer in row[:SUBSET_VOTES]] for row in rows]
    good = [sum(own) > len(own) - sum(own) for own in says]
    base = sum(good) / len(good)
    total = total_good = 0.0
    for own, is_good in zip(says, good, strict=True):
        draws = list(combinations(own, yes + no))
        fitting = sum(sum(draw) == yes for draw in draws) / max(len(draws), 1)
        total += fitting
        total_good += fitting * is_good
    return (total_good + 2 * base) / (total + 2)


def slow_published(*, row: Sequence[tuple[int, int]], table: Floats, vote_cap: int) -> tuple[Decision, int]:
    """One item under the rule of 2009: asked until the table is confident, or the cap."""
    yes = 0
    for number, (_, answer) in enumerate(row[:vote_cap], start=1):
        yes += answer == Answer.YES
        confidence = table[yes, number - yes]
        if confidence <= 1 - CONFIDENCE:
            return Decision.REJECT, number
        if confidence >= CONFIDENCE:
            return Decision.ACCEPT, number
    return (Decision.DISPUTE if len(row) >= vote_cap else Decision.ASK), min(len(row), vote_cap)


def slow_crossing(
    *, row: Sequence[tuple[int, int]], parameters: Parameters, log_tables: Floats, target_error: float, vote_cap: int
) -> tuple[Decision, int]:
    """One item under section 3 without gold: the first vote after which the chance of error is the target at most."""
    for number, (evidence, counts) in enumerate(
        slow_prefixes(row=row, log_tables=log_tables, vote_cap=vote_cap), start=1
    ):
        raised = [math.exp(log) * float(share) for log, share in zip(evidence, parameters.shares, strict=True)]
        yes = sum(raised[2:]) / sum(raised)
        if 1 - yes <= target_error and counts[Answer.YES] >= 2:
            return Decision.ACCEPT, number
        if yes <= target_error and counts[Answer.NO] >= 1:
            return Decision.REJECT, number
    return (Decision.DISPUTE if len(row) >= vote_cap else Decision.ASK), min(len(row), vote_cap)
