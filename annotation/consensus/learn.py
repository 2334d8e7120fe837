"""The whole procedure: from votes and gold to parameters, workers' counts and a calibrated rule. One for all data."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.belief import look_up
from annotation.consensus.calibrate import calibrate_meanings, cross_validate, says_enough
from annotation.consensus.correlation import find_discount, measure_correlation
from annotation.consensus.fit import Course, fit
from annotation.consensus.goldreplay import VOTES_REPLAYED, Runs, run_gold, run_left_out, weigh_runs
from annotation.consensus.model import Floats, Parameters, find_log_tables
from annotation.consensus.outlook import foresee
from annotation.consensus.start import GRADED, doubt, share_by_votes, start_classes, start_two_states
from annotation.consensus.strengths import learn_crowd
from annotation.consensus.votes import UNKNOWN, Votes

# Finer states than the classes mean something only where gold says what: so many gold items, so many of each class.
ENOUGH_GOLD = 50
# And only where there are items enough to tell states apart.
ENOUGH_ITEMS = 600
ENOUGH_GOLD_OF_A_CLASS = 10
# How far the crowd's table stays above chance where votes agree no better than by chance.
DOUBT_ABOUT_NOISE = 0.8


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """What was learned: `counts[W, S, A]` of each worker under `parameters`; `runs` of gold, each item under tables
    that it taught nothing (None where nothing was learned); `informative` is false where the votes agree no better than by
    chance; `gold_losses` are the held-out losses of the models that were compared, by number of states."""

    parameters: Parameters
    counts: Floats
    runs: Runs | None
    informative: bool
    rounds: int
    log_likelihood: float
    gold_losses: dict[int, float]

    @property
    def log_tables(self) -> Floats:
        """[W, S, A]: what each worker's vote adds, on the grid."""
        return find_log_tables(counts=self.counts, parameters=self.parameters)


def learn(
    *,
    votes: Votes,
    classes: int,
    verification: bool,
    gold: NDArray[np.int8],
    start: Parameters | None = None,
    vote_cap: int = VOTES_REPLAYED,
    seed: int = 0,
) -> Learned:
    """Learns from `votes` and from the known classes `gold[items]` (-1: not gold).

    In verification (answers as in `Answer`, classes no and yes) two models compete: two states, and the finer states of
    `start` (else `GRADED`). The finer one wins where its held-out loss on gold is lower; without enough gold it is taken
    only if `start` brings it along. Both are fitted without the truth of gold first, so that what gold says of them is
    honest; then gold is clamped and its votes train the workers, and is run again with each item left out in turn, up to
    `vote_cap` votes.
    """
    coarse = start_two_states() if verification else start_classes(classes=classes)
    even = share_by_votes(votes=votes, verification=verification)
    first = fit(votes=votes, start=coarse, shares=even)
    if not is_informative(fitted=first):
        return _doubt(votes, coarse, even)
    first = _be_cautious(first, votes, verification)
    on_gold = votes.select((gold != UNKNOWN)[votes.item])
    candidates = [_Candidate(first, on_gold, gold, seed)]
    if verification and (start is not None or _suffices(gold, votes)):
        candidates.append(_Candidate(fit(votes=votes, start=start or GRADED), on_gold, gold, seed))
    best = min(candidates, key=lambda candidate: candidate.loss)
    if start is not None and not _suffices(gold, votes):
        best = candidates[-1]
    final, runs = best.fitted, best.runs
    if np.any(gold != UNKNOWN):
        final = fit(votes=votes, start=replace(best.calibrated, responses=final.parameters.responses), truth=gold)
        runs = run_left_out(votes=on_gold, truth=gold, course=final, vote_cap=vote_cap, seed=seed)
    return Learned(
        parameters=replace(final.parameters, outlook=foresee(counts=final.counts, parameters=final.parameters)),
        counts=final.counts,
        runs=runs,
        informative=True,
        rounds=final.rounds,
        log_likelihood=final.log_likelihood,
        gold_losses={candidate.fitted.parameters.states: candidate.loss for candidate in candidates},
    )


def _be_cautious(fitted: Course, votes: Votes, verification: bool) -> Course:
    """The fit of one state for each class with what is to be assumed where no gold says it."""
    correlation = measure_correlation(votes=votes, course=fitted)
    parameters = replace(
        fitted.parameters,
        meanings=doubt(fitted.parameters.shares),
        discount=find_discount(correlation=correlation, verification=verification),
    )
    return replace(fitted, parameters=parameters)


class _Candidate:
    """A model fitted without the truth of gold, and what gold says of it; `votes` are those on gold."""

    def __init__(self, fitted: Course, votes: Votes, gold: NDArray[np.int8], seed: int) -> None:
        log_tables = find_log_tables(counts=fitted.counts, parameters=fitted.parameters)
        added = look_up(votes=votes, log_tables=log_tables)
        runs = run_gold(votes=votes, truth=gold, added=added, vote_cap=VOTES_REPLAYED, seed=seed)
        self.fitted = fitted
        self.runs, self.calibrated, self.loss = hear_gold(runs=runs, parameters=fitted.parameters)


def hear_gold(*, runs: Runs, parameters: Parameters) -> tuple[Runs, Parameters, float]:
    """What gold says of a model that was fitted without it: its runs, weighed like all items; the parameters with meanings and
    discount calibrated; and the held-out loss in nats an item.

    Where gold does not say enough (`says_enough`), runs and parameters come back, and a loss of 0.
    """
    if not says_enough(runs=runs, classes=parameters.classes):
        return runs, parameters, 0.0
    if parameters.classes == 2:
        runs = weigh_runs(runs=runs, parameters=parameters)
    return runs, calibrate_meanings(runs=runs, parameters=parameters), cross_validate(runs=runs, parameters=parameters)


def _suffices(gold: NDArray[np.int8], votes: Votes) -> bool:
    counted = _count_gold(gold, votes, 2)
    enough = counted.sum() >= ENOUGH_GOLD and counted.min() >= ENOUGH_GOLD_OF_A_CLASS
    return bool(enough and np.count_nonzero(np.diff(votes.starts) >= 2) >= ENOUGH_ITEMS)


def _count_gold(gold: NDArray[np.int8], votes: Votes, classes: int) -> NDArray[np.int64]:
    """[K]: gold items of each class that have a vote."""
    known = gold[(gold != UNKNOWN) & (np.diff(votes.starts) > 0)]
    return np.bincount(known, minlength=classes)


def is_informative(*, fitted: Course) -> bool:
    """Whether the votes agree better than workers would who answer without looking, each by habit.

    The likelihood of the fit must exceed that of habits by what its additional parameters cost (Schwarz 1978); a worker's
    row of a table counts as so many parameters as its own votes outweigh the crowd's. True where nothing was learned.
    """
    if fitted.rounds == 0:
        return True
    habits = fitted.counts.sum(axis=1, keepdims=True)
    crowd, strengths = learn_crowd(
        counts=habits,
        responses=fitted.parameters.shares[np.newaxis] @ fitted.parameters.responses,
        strengths=fitted.parameters.strengths[:1],
    )
    tables = habits + strengths[:, np.newaxis] * crowd
    tables /= tables.sum(axis=2, keepdims=True)
    by_habit = float((habits * np.log(tables)).sum())
    more = _count_parameters(fitted.counts, fitted.parameters.strengths) - _count_parameters(habits, strengths)
    return bool(fitted.log_likelihood - by_habit > 0.5 * more * np.log(habits.sum()))


def _count_parameters(counts: Floats, strengths: Floats) -> float:
    votes = counts.sum(axis=2)
    used = int(np.count_nonzero(counts.sum(axis=(0, 1)) > 0))
    return float((votes / (votes + strengths)).sum() + counts.shape[1]) * max(used - 1, 1)


def _doubt(votes: Votes, start: Parameters, even: Floats) -> Learned:
    """Votes without agreement: every worker answers almost as all do, whatever the item is; shares are those of the
    votes."""
    voted = np.diff(votes.starts) > 0
    shares = even[voted].sum(axis=0) + 1.0
    answered = np.bincount(votes.answer, minlength=votes.answers) + 1.0
    blind = DOUBT_ABOUT_NOISE * answered / answered.sum()
    responses = blind + (1 - DOUBT_ABOUT_NOISE) * start.responses
    return Learned(
        parameters=replace(start, shares=shares / shares.sum(), responses=responses),
        counts=np.zeros((votes.workers, start.states, votes.answers)),
        runs=None,
        informative=False,
        rounds=0,
        log_likelihood=0.0,
        gold_losses={},
    )
