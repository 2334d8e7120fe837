"""The rules that a replay can run: ours on all votes or one by one, and older ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.baselines import (
    Verdicts,
    dawid_skene,
    decide_as_published,
    decide_as_specified,
    fit_as_specified,
    take_majority,
)
from annotation.consensus.belief import believe, find_probabilities, look_up, sum_evidence
from annotation.consensus.calibrate import choose_tolerances
from annotation.consensus.decide import Decision, Rule
from annotation.consensus.labels import Encoded
from annotation.consensus.learn import learn
from annotation.consensus.model import Floats, Parameters
from annotation.consensus.sequence import decide_in_order
from annotation.consensus.stored import StoredSnapshot, Tolerances
from annotation.consensus.votes import UNKNOWN, Votes


class RuleError(ValueError):
    """The rule cannot run on such votes."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    target_error: float
    vote_cap: int
    seed: int
    stored: StoredSnapshot | None = None
    # Whether tolerances are wanted for later, by a rule that does not stop.
    store: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """For each task: `probability[tasks, K]` of classes, the `votes` used and whether it was `decided`; `learned` is what a
    later replay could use instead of fitting."""

    probability: Floats
    votes: NDArray[np.int64]
    decided: NDArray[np.bool_]
    learned: StoredSnapshot | None = None


def use_majority(encoded: Encoded, settings: Settings) -> Outcome:
    return _use_all(encoded, take_majority(votes=encoded.votes, verification=encoded.binary))


def use_dawid_skene(encoded: Encoded, settings: Settings) -> Outcome:
    together = join_votes(encoded)
    probability, _ = dawid_skene(votes=together, verification=encoded.binary)
    return _use_all(encoded, probability[: encoded.votes.items])


def use_all_votes(encoded: Encoded, settings: Settings) -> Outcome:
    parameters, log_tables, stored, _ = find_model(
        encoded, settings, teaching=join_votes(encoded), stops=settings.store
    )
    number = np.diff(encoded.votes.starts)
    evidence = sum_evidence(votes=encoded.votes, log_tables=log_tables)
    log_prior = stored.find_log_prior(encoded.tasks)
    shares = believe(evidence=evidence, votes=number, parameters=parameters, log_prior=log_prior)
    outcome = _use_all(encoded, find_probabilities(shares=shares, parameters=parameters))
    return replace(outcome, learned=stored)


def use_sequential(encoded: Encoded, settings: Settings) -> Outcome:
    """Votes come one by one in a random order. Workers are learned from the training votes and from gold where there are
    training votes, else from all votes. Without a yes and a no there is no stopping: every vote is used."""
    if not encoded.binary:
        return use_all_votes(encoded, settings)
    teaching = _join_gold(encoded)
    parameters, log_tables, stored, rule = find_model(encoded, settings, teaching=teaching, stops=True)
    shuffled = shuffle_votes(votes=encoded.votes, seed=settings.seed)
    added = look_up(votes=shuffled, log_tables=log_tables)
    first = decide_in_order(
        votes=shuffled,
        added=added,
        parameters=parameters,
        rule=rule,
        log_prior=stored.find_log_prior(encoded.tasks),
        complete=True,
    )
    decided = np.isin(first.decision, [Decision.ACCEPT, Decision.REJECT])
    return _close(encoded, first.probability, first.votes, decided, stored)


def use_published(encoded: Encoded, settings: Settings) -> Outcome:
    _refuse_classes(encoded)
    shuffled = shuffle_votes(votes=encoded.votes, seed=settings.seed)
    verdicts = decide_as_published(votes=shuffled, vote_cap=settings.vote_cap, seed=settings.seed)
    return _close_verdicts(encoded, verdicts)


def use_specified(encoded: Encoded, settings: Settings) -> Outcome:
    _refuse_classes(encoded)
    teaching = _join_gold(encoded)
    course = fit_as_specified(votes=teaching, truth=_know_gold(encoded, teaching))
    verdicts = decide_as_specified(
        votes=shuffle_votes(votes=encoded.votes, seed=settings.seed),
        gold_votes=_select_gold(encoded),
        truth=encoded.gold,
        course=course,
        target_error=settings.target_error,
        vote_cap=settings.vote_cap,
        seed=settings.seed,
    )
    return _close_verdicts(encoded, verdicts)


RULES: Mapping[str, Callable[[Encoded, Settings], Outcome]] = {
    "all-votes": use_all_votes,
    "sequential": use_sequential,
    "majority": use_majority,
    "dawid-skene": use_dawid_skene,
    "published-2009": use_published,
    "section-3": use_specified,
}


def find_model(
    encoded: Encoded, settings: Settings, *, teaching: Votes, stops: bool
) -> tuple[Parameters, Floats, StoredSnapshot, Rule]:
    """Parameters, workers' log tables and the rule: of a stored snapshot, else learned from `teaching`; where it `stops`,
    calibrated on gold."""
    if settings.stored is not None:
        stored = settings.stored
        _refuse_other_shape(encoded, stored.parameters)
        rule = stored.find_rule(target_error=settings.target_error, vote_cap=settings.vote_cap)
        return stored.parameters, stored.find_log_tables(encoded.workers), stored, rule
    rule = Rule(target_error=settings.target_error, vote_cap=settings.vote_cap)
    learned = learn(
        votes=teaching,
        classes=len(encoded.classes),
        verification=encoded.binary,
        gold=_know_gold(encoded, teaching),
        vote_cap=settings.vote_cap,
        seed=settings.seed,
    )
    tolerances = []
    if stops and encoded.binary and learned.runs is not None and len(learned.runs.truth):
        chosen = choose_tolerances(runs=learned.runs, parameters=learned.parameters, rule=rule)
        rule = chosen.apply(rule)
        tolerances = [Tolerances.of_calibration(rule=rule, calibration=chosen)]
    workers = dict(zip(encoded.workers, learned.counts, strict=True))
    stored = StoredSnapshot(parameters=learned.parameters, workers=workers, rules=tolerances)
    return learned.parameters, learned.log_tables, stored, rule


def join_votes(encoded: Encoded, *, votes: Votes | None = None) -> Votes:
    """The votes of the file, and behind them those of the training file, on items of their own."""
    own = encoded.votes if votes is None else votes
    if encoded.train is None:
        return own
    return replace(
        own,
        item=np.concatenate([own.item, encoded.train.item + np.int32(own.items)]),
        worker=np.concatenate([own.worker, encoded.train.worker]),
        answer=np.concatenate([own.answer, encoded.train.answer]),
        items=own.items + encoded.train.items,
    )


def shuffle_votes(*, votes: Votes, seed: int) -> Votes:
    """Each item's votes in a random order of their own, the same in whatever order they stood."""
    draws = np.empty(len(votes))
    draws[np.lexsort((votes.worker, votes.item))] = np.random.default_rng(seed).random(len(votes))
    order = np.lexsort((draws, votes.item))
    return replace(votes, worker=votes.worker[order], answer=votes.answer[order])


def _select_gold(encoded: Encoded) -> Votes:
    return encoded.votes.select((encoded.gold != UNKNOWN)[encoded.votes.item])


def _join_gold(encoded: Encoded) -> Votes:
    """What a sequential rule may learn from before it begins: training votes and gold, else all votes."""
    if encoded.train is None or not len(encoded.train):
        return encoded.votes
    return join_votes(encoded, votes=_select_gold(encoded))


def _know_gold(encoded: Encoded, teaching: Votes) -> NDArray[np.int8]:
    known = np.concatenate([encoded.gold, encoded.train_gold])
    return known[: teaching.items]


def _use_all(encoded: Encoded, probability: Floats) -> Outcome:
    number = np.diff(encoded.votes.starts)
    return Outcome(probability=_know(encoded, probability), votes=number, decided=number > 0)


def _close_verdicts(encoded: Encoded, verdicts: Verdicts) -> Outcome:
    decided = np.isin(verdicts.decision, [Decision.ACCEPT, Decision.REJECT])
    return _close(encoded, verdicts.probability, verdicts.votes, decided, None)


def _close(
    encoded: Encoded,
    yes: Floats,
    votes: NDArray[np.int64],
    decided: NDArray[np.bool_],
    learned: StoredSnapshot | None,
) -> Outcome:
    probability = _know(encoded, np.stack([1.0 - yes, yes], axis=1))
    return Outcome(probability=probability, votes=votes, decided=decided, learned=learned)


def _know(encoded: Encoded, probability: Floats) -> Floats:
    """Gold is known, whatever was said of it."""
    known = np.flatnonzero(encoded.gold != UNKNOWN)
    probability = probability.copy()
    probability[known] = np.eye(probability.shape[1])[encoded.gold[known]]
    return probability


def _refuse_classes(encoded: Encoded) -> None:
    if not encoded.binary:
        raise RuleError("--rule: this rule needs --positive, the label that means yes")


def _refuse_other_shape(encoded: Encoded, parameters: Parameters) -> None:
    if (parameters.classes, parameters.answers) != (len(encoded.classes), encoded.votes.answers):
        raise RuleError(
            f"--parameters: are for {parameters.classes} classes and {parameters.answers} answers; the votes have"
            f" {len(encoded.classes)} and {encoded.votes.answers}"
        )
