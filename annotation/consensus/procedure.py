"""The steps between the passes of the service's estimation: where it begins, what gold is asked, when its result is refused."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from annotation.consensus.belief import look_up
from annotation.consensus.fit import UNKNOWN, Course, fit
from annotation.consensus.goldreplay import Runs, run_gold, run_left_out
from annotation.consensus.learn import VOTES_REPLAYED, is_informative
from annotation.consensus.model import Answer, Parameters, find_log_tables
from annotation.consensus.shards import Shard, join_shards
from annotation.consensus.start import GRADED, share_by_votes, start_two_states

# More gold than this makes a calibration longer, not better; these are drawn from all of it.
GOLD_REPLAYED = 1000
# Whether votes agree is seen on so many as surely as on more.
VOTES_JUDGED = 1_000_000
DISORDER = "What workers answer no longer tells a yes from a no."


def begin_from(parameters: Parameters) -> Parameters:
    """Where the next fit begins, after one that ended with `parameters`.

    Meanings and discount are those of a new installation: they are held to while gold is asked, so gold of an earlier
    estimation must not stand in them, or it would count again with every estimation.
    """
    if parameters.meanings.shape != GRADED.meanings.shape:
        return parameters
    return replace(parameters, meanings=GRADED.meanings, discount=GRADED.discount)


def replay_gold(*, known: Shard, course: Course) -> Runs:
    """Gold asked again, under tables that were learned without its truth; at most `GOLD_REPLAYED` items."""
    gold = _draw_gold(known)
    log_tables = find_log_tables(counts=course.counts, parameters=course.parameters)
    added = look_up(votes=gold.votes, log_tables=log_tables)
    return run_gold(votes=gold.votes, truth=gold.truth, added=added, vote_cap=VOTES_REPLAYED)


def replay_left_out(*, known: Shard, course: Course) -> Runs:
    """The same gold after a fit that knew its truth, each item under tables that it taught nothing, weighed like all questions."""
    gold = _draw_gold(known)
    return run_left_out(votes=gold.votes, truth=gold.truth, course=course, vote_cap=VOTES_REPLAYED)


def _draw_gold(known: Shard) -> Shard:
    gold = np.flatnonzero(known.drawn & (known.truth != UNKNOWN))
    if len(gold) > GOLD_REPLAYED:
        gold = np.random.default_rng(0).choice(gold, size=GOLD_REPLAYED, replace=False)
    return known.select(np.isin(np.arange(len(known.item_id)), gold))


def find_objection(*, course: Course, shards: Sequence[Shard]) -> str:
    """Why what a fit without truth came to must not be put in force; empty where nothing speaks against it. `shards` hold
    all votes, or as many as `VOTES_JUDGED`."""
    if not course.rounds:
        return "No question has two votes, or a vote and a known answer."
    votes = join_shards(shards).votes
    first = fit(votes=votes, start=start_two_states(), shares=share_by_votes(votes=votes, verification=True))
    if not is_informative(fitted=first):
        return f"{len(votes)} votes do not agree better than answers that are given without looking."
    return "" if is_ordered(course.parameters) else DISORDER


def is_ordered(parameters: Parameters) -> bool:
    """Whether the crowd says YES more often to what is a yes than to what is not, and NO less often."""
    joint = parameters.shares[:, np.newaxis] * parameters.meanings
    rates = (joint / joint.sum(axis=0)).T @ parameters.responses
    return bool(rates[1, Answer.YES] > rates[0, Answer.YES] and rates[0, Answer.NO] > rates[1, Answer.NO])
