"""The steps between the passes of the service's estimation: where it begins, what gold is asked, when its result is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotation.consensus.belief import look_up
from annotation.consensus.calibrate import says_enough
from annotation.consensus.fit import Course, fit
from annotation.consensus.goldreplay import VOTES_REPLAYED, Runs, run_gold, run_left_out
from annotation.consensus.learn import hear_gold, is_informative
from annotation.consensus.model import Answer, Parameters, find_log_tables
from annotation.consensus.shards import Shard, join_shards
from annotation.consensus.start import GRADED, share_by_votes, start_two_states
from annotation.consensus.synsets import SynsetTable, know_beforehand
from annotation.consensus.votes import UNKNOWN

# More gold than this makes a calibration longer, not better; these are drawn from all of it.
GOLD_REPLAYED = 1000
# By how much, in nats a gold item, the held-out loss must fall for the shares of synsets to be kept. In 24 simulations in which
# synsets did not differ, with 100 and 300 gold items, chance alone never lowered it by more than 0.0023; on real-imagenet's votes
# (Beyer et al. 2020) and 536 gold items it falls by 0.0048 to 0.0066, depending on the folds.
LEAST_GAIN = 0.005
# Whether votes agree is seen on so many as surely as on more.
VOTES_JUDGED = 1_000_000
SILENCE = "No question has two votes, or a vote and a known answer."
NOISE = "The votes do not agree better than answers that are given without looking."
DISORDER = "What workers answer no longer tells a yes from a no."


def begin_from(parameters: Parameters) -> Parameters:
    """Where the next fit begins, after one that ended with `parameters`.

    Meanings and discount are those of a new installation: they are held to while gold is asked, so gold of an earlier
    estimation must not stand in them, or it would count again with every estimation.
    """
    if parameters.meanings.shape != GRADED.meanings.shape:
        return parameters
    return replace(parameters, meanings=GRADED.meanings, discount=GRADED.discount)


def replay_gold(*, known: Shard, course: Course, factors: SynsetTable | None = None) -> Runs:
    """Gold asked again, under tables that were learned without its truth; at most `GOLD_REPLAYED` items, with what importers
    said of them and the log factors of their synsets."""
    gold = _draw_gold(known)
    log_tables = find_log_tables(counts=course.counts, parameters=course.parameters)
    added = look_up(votes=gold.votes, log_tables=log_tables)
    log_prior = know_beforehand(shard=gold, parameters=course.parameters, factors=factors)
    return run_gold(votes=gold.votes, truth=gold.truth, added=added, vote_cap=VOTES_REPLAYED, log_prior=log_prior)


def replay_left_out(
    *, known: Shard, course: Course, factors: SynsetTable | None = None, vote_cap: int = VOTES_REPLAYED
) -> Runs:
    """The same gold, up to the cap, after a fit that knew its truth, each item under tables that it taught nothing, weighed like
    all questions."""
    gold = _draw_gold(known)
    log_prior = know_beforehand(shard=gold, parameters=course.parameters, factors=factors)
    return run_left_out(votes=gold.votes, truth=gold.truth, course=course, vote_cap=vote_cap, log_prior=log_prior)


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """What gold says of a fit that did not know its truth: `parameters` with meanings and discount calibrated, the log
    `factors` of synsets where they are kept, and held-out losses in nats a gold item, None where gold does not say enough."""

    parameters: Parameters
    factors: SynsetTable | None = None
    loss_without: float | None = None
    loss_with: float | None = None

    @property
    def loss(self) -> float | None:
        """Of what is kept."""
        return self.loss_without if self.factors is None else self.loss_with


def hear_known(*, known: Shard, course: Course, find_factors: Callable[[], SynsetTable]) -> Heard:
    """Calibrates on gold and asks it whether the shares of synsets are worth keeping: they are where its held-out loss falls by
    `LEAST_GAIN`. `find_factors` gives what is to be tried; it is called only where gold says enough."""
    runs = replay_gold(known=known, course=course)
    _, without, loss_without = hear_gold(runs=runs, parameters=course.parameters)
    if not says_enough(runs=runs, classes=course.parameters.classes):
        return Heard(parameters=without)
    factors = find_factors()
    runs = replay_gold(known=known, course=course, factors=factors)
    _, pooled, loss_with = hear_gold(runs=runs, parameters=course.parameters)
    kept = loss_without - loss_with >= LEAST_GAIN
    return Heard(
        parameters=pooled if kept else without,
        factors=factors if kept else None,
        loss_without=loss_without,
        loss_with=loss_with,
    )


def _draw_gold(known: Shard) -> Shard:
    gold = np.flatnonzero(known.drawn & (known.truth != UNKNOWN))
    if len(gold) > GOLD_REPLAYED:
        gold = np.random.default_rng(0).choice(gold, size=GOLD_REPLAYED, replace=False)
    return known.select(np.isin(np.arange(len(known.item_id)), gold))


def find_objection(*, course: Course, shards: Sequence[Shard]) -> str:
    """Why what a fit without truth came to must not be put in force; empty where nothing speaks against it. `shards` hold
    all votes, or as many as `VOTES_JUDGED`."""
    if not course.rounds:
        return SILENCE
    votes = join_shards(shards).votes
    first = fit(votes=votes, start=start_two_states(), shares=share_by_votes(votes=votes, verification=True))
    if not is_informative(fitted=first):
        return NOISE
    return "" if is_ordered(course.parameters) else DISORDER


def is_ordered(parameters: Parameters) -> bool:
    """Whether the crowd says YES more often to what is a yes than to what is not, and NO less often."""
    joint = parameters.shares[:, np.newaxis] * parameters.meanings
    rates = (joint / joint.sum(axis=0)).T @ parameters.responses
    return bool(rates[1, Answer.YES] > rates[0, Answer.YES] and rates[0, Answer.NO] > rates[1, Answer.NO])
