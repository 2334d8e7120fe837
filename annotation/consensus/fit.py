"""Expectation-maximisation: states of items and tables of workers, from votes alone or with the truth of some items.

A fit is a course of rounds. One round asks the votes one thing, `Expectation`s of items, and sums are exact; so votes may be
held in one place (`fit`) or in many (`begin`, `advance`), with the same result to the last bit.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.kernel import Clamp, Expectation, Kernel
from annotation.consensus.leaps import FIRST_LENGTH, Point, bound_next, leap
from annotation.consensus.model import Floats, Parameters, tabulate
from annotation.consensus.strengths import learn_crowd
from annotation.consensus.votes import UNKNOWN, Votes

TOLERANCE = 1e-4
# A rise of the log-likelihood a vote, in nats, below which a round has changed nothing that matters.
LEAST_RISE = 1e-7
# Rounds between two looks at how much workers differ, how many looks, and rounds at most after the last.
ROUNDS_OF_A_STAGE = 8
STAGES = 5
LAST_ROUNDS = 100
# A fit that begins where another one ended knows the crowd already.
STAGES_AFTER_ANOTHER = 2
# Rounds in a row from which a leap is taken.
ROUNDS_OF_A_LEAP = 2
# Prior counts of each state: no state dies out.
SHARE_PRIOR = 1.0
# Shares are cut down to a grid of 1.5e-8: what that may take from the log-likelihood, in nats an item.
FALL_OF_AN_ITEM = 1e-6
# A state that is out of the question, as a factor that still has a logarithm.
IMPOSSIBLE = 1e-300


class LikelihoodFell(ArithmeticError):
    """The penalised log-likelihood fell from one round to the next: a fault of the arithmetic, never of the votes."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long a fit may take: `stages` looks at how much workers differ, the first at once and each further one after
    `ROUNDS_OF_A_STAGE` rounds at most, then at most `last_rounds`; a stage ends when no item's share of a state changes by
    `tolerance`, or when the penalised log-likelihood rises by less than `least_rise` nats a vote. Without `leaps` it is EM as
    published, round after round."""

    stages: int = STAGES
    last_rounds: int = LAST_ROUNDS
    tolerance: float = TOLERANCE
    least_rise: float = LEAST_RISE
    leaps: bool = True

    def follow(self) -> Self:
        """The plan of a fit that goes on from what one with this plan came to."""
        return replace(self, stages=min(self.stages, STAGES_AFTER_ANOTHER))


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """A fit between two rounds: `parameters` and expected votes `counts[W, S, A]` as the newest round left them.

    `stage` counts looks at the crowd, `stage_rounds` the rounds since, `rounds` all of them; `penalised` is the penalised
    log-likelihood of the newest round, comparable only with later ones of the same stage. `leap` is the length of a leap from
    what that round gave to here, 0 where there was none; `steps` are the rounds since it, `longest` bounds the next one.
    """

    parameters: Parameters
    counts: Floats
    plan: Plan
    stage: int
    stage_rounds: int = 0
    rounds: int = 0
    log_likelihood: float = 0.0
    penalised: float = -np.inf
    converged: bool = False
    finished: bool = False
    leap: float = 0.0
    steps: int = 0
    longest: float = FIRST_LENGTH

    @property
    def point(self) -> Point:
        return Point(self.parameters.shares, self.counts)

    @property
    def log_shares(self) -> Floats:
        return np.asarray(np.log(self.parameters.shares))

    @property
    def log_tables(self) -> Floats:
        """What a round asks the votes with: logarithms of the workers' tables [W, S, A]."""
        return np.asarray(np.log(tabulate(counts=self.counts, parameters=self.parameters)))


def begin(*, parameters: Parameters, expectation: Expectation, workers: int, plan: Plan) -> Course:
    """The course that starts from what a first pass over the votes gave."""
    counts = arrange(counts=expectation.counts, workers=workers)
    course = Course(parameters=_take_shares(parameters, expectation), counts=counts, plan=plan, stage=0)
    return _follow_crowd(course) if plan.stages else course


def advance(course: Course, expectation: Expectation, *, before: Course | None = None) -> Course:
    """The course after a round that was asked with its `log_shares` and `log_tables` and gave `expectation`.

    `before` is the course of the round before it; without it there is no leap. A leap that lowered the penalised log-likelihood
    is taken back: the course goes on from `before`. Raises LikelihoodFell where, under the same crowd, a round lowered it.
    """
    penalised = expectation.log_likelihood + _weigh_tables(course)
    # What is no number is no rise either.
    if course.leap and not penalised >= course.penalised:
        assert before is not None, "it was leapt from there"
        return _end_round(_step_back(course, before), course.plan)
    if penalised < course.penalised - FALL_OF_AN_ITEM * (expectation.states.sum() + 1.0):
        raise LikelihoodFell(f"round {course.rounds + 1}: {penalised!r} after {course.penalised!r}")
    after = replace(
        course,
        parameters=_take_shares(course.parameters, expectation),
        counts=arrange(counts=expectation.counts, workers=len(course.counts)),
        rounds=course.rounds + 1,
        stage_rounds=course.stage_rounds + 1,
        log_likelihood=expectation.log_likelihood,
        penalised=penalised,
        converged=bool(
            expectation.change < course.plan.tolerance
            or penalised - course.penalised < course.plan.least_rise * course.counts.sum()
        ),
        leap=0.0,
        steps=0 if course.leap else course.steps + 1,
        longest=bound_next(longest=course.longest, length=course.leap, fell=False),
    )
    ended = _end_round(after, course.plan)
    return _leap(before, course, after) if ended is after and before is not None else ended


def _end_round(after: Course, plan: Plan) -> Course:
    """The same, unless its stage has ended with this round."""
    in_last_stage = after.stage >= plan.stages
    limit = plan.last_rounds if in_last_stage else ROUNDS_OF_A_STAGE
    if not after.converged and after.stage_rounds < limit:
        return after
    return replace(after, finished=True) if in_last_stage else _follow_crowd(after)


def _leap(before: Course, course: Course, after: Course) -> Course:
    """From the newest of three courses in a row, where there are so many since the newest leap."""
    if after.steps < ROUNDS_OF_A_LEAP or not course.plan.leaps:
        return after
    point, length = leap(before.point, course.point, after.point, longest=after.longest)
    parameters = replace(after.parameters, shares=point.shares)
    return replace(after, parameters=parameters, counts=point.counts, leap=length, steps=0)


def _step_back(course: Course, before: Course) -> Course:
    """The course from which the next-to-newest round was asked, with what this one has cost and taught."""
    return replace(
        before,
        rounds=course.rounds + 1,
        stage_rounds=course.stage_rounds + 1,
        leap=0.0,
        steps=0,
        longest=bound_next(longest=course.longest, length=course.leap, fell=True),
    )


def _take_shares(parameters: Parameters, expectation: Expectation) -> Parameters:
    if expectation.states.sum() < 1:
        return parameters
    shares = expectation.states + SHARE_PRIOR
    return replace(parameters, shares=shares / shares.sum())


def _follow_crowd(course: Course) -> Course:
    """The crowd and its strengths as the workers' counts now say. It moves the priors that the penalty is made of."""
    before = course.parameters
    responses, strengths = learn_crowd(counts=course.counts, responses=before.responses, strengths=before.strengths)
    parameters = replace(before, responses=responses, strengths=strengths)
    return replace(
        course, parameters=parameters, stage=course.stage + 1, stage_rounds=0, penalised=-np.inf, leap=0.0, steps=0
    )


def _weigh_tables(course: Course) -> float:
    """The penalty: logarithms of the Dirichlet densities of tables and shares, without their constants."""
    weights = course.parameters.strengths[:, np.newaxis] * course.parameters.responses
    return float((course.log_tables.sum(axis=0) * weights).sum() + SHARE_PRIOR * course.log_shares.sum())


def fit(
    *,
    votes: Votes,
    start: Parameters,
    counts: Floats | None = None,
    shares: Floats | None = None,
    truth: NDArray[np.int8] | None = None,
    plan: Plan | None = None,
) -> Course:
    """The finished course over `votes`.

    It begins at `start` and, where given, at workers' `counts[W, S, A]` of an earlier fit, or at given shares of the items'
    states `shares[items, S]`. `truth[items]` clamps items to a class (`UNKNOWN`: not). Meanings and discount stay those of
    `start`. Items with one vote and no truth teach nothing, so that nobody's own vote is the only evidence for their skill;
    where no item teaches, `start` comes back.

    For a given crowd the penalised log-likelihood (votes, plus Dirichlet priors of tables and shares) never falls from one
    round to the next; else LikelihoodFell. The same votes give the same result, bit for bit, in whatever order they stand.
    """
    plan = plan or Plan()
    if counts is None:
        counts = np.zeros((votes.workers, start.states, votes.answers))
    course = Course(parameters=start, counts=counts, plan=plan, stage=0)
    teaching, items = select_teaching(votes=votes, truth=truth)
    if not len(items):
        return replace(course, converged=True, finished=True)
    kernel = Kernel(teaching, states=start.states)
    clamp = clamp_items(truth=truth[items], parameters=start) if truth is not None else None
    if shares is None:
        first = ask(kernel, course, clamp)
    else:
        kernel.shares[:] = shares[items].T[1:]
        first = kernel.count()
    course = before = begin(parameters=start, expectation=first, workers=votes.workers, plan=plan)
    while not course.finished:
        before, course = course, advance(course, ask(kernel, course, clamp), before=before)
    return course


def ask(kernel: Kernel, course: Course, clamp: Clamp | None) -> Expectation:
    """One round's question to the votes that `kernel` holds."""
    return kernel.expect(log_shares=course.log_shares, log_tables=arrange_by_cell(course.log_tables), clamp=clamp)


def select_teaching(*, votes: Votes, truth: NDArray[np.int8] | None) -> tuple[Votes, NDArray[np.int64]]:
    """The votes on items from which workers' skill is learned, renumbered, and those items: at least two votes, or a
    vote and a known truth."""
    of_item = np.diff(votes.starts)
    teaches = of_item >= 2
    if truth is not None:
        teaches |= (of_item >= 1) & (truth != UNKNOWN)
    items = np.flatnonzero(teaches)
    if len(items) == votes.items:
        return votes, items
    places = np.cumsum(teaches, dtype=np.int32) - 1
    chosen = votes.select(teaches[votes.item])
    return replace(chosen, item=places[chosen.item].astype(np.int32), items=len(items)), items


def clamp_items(*, truth: NDArray[np.int8], parameters: Parameters) -> Clamp | None:
    """Items with a known class are in one of the states where it is the likeliest class, by their shares in `parameters` given
    that class: votes say how hard the item is, never what it is. Any state, where it is the likeliest class of none."""
    known = np.flatnonzero(truth != UNKNOWN)
    if not len(known):
        return None
    likeliest = np.equal.outer(parameters.meanings.argmax(axis=1), np.arange(parameters.classes))
    allowed = likeliest | ~likeliest.any(axis=0)
    together = parameters.shares[:, np.newaxis] * parameters.meanings * allowed
    of_class = np.maximum(together / together.sum(axis=0), IMPOSSIBLE)
    return Clamp(items=known, log_factors=np.log(of_class[:, truth[known]].T))


def arrange(*, counts: Floats, workers: int) -> Floats:
    """Counts by cell [W * A, S] as counts by worker [W, S, A]."""
    states = counts.shape[1]
    return np.ascontiguousarray(counts.reshape(workers, -1, states).transpose(0, 2, 1))


def arrange_by_cell(tables: Floats) -> Floats:
    """Tables of workers [W, S, A] by cell [W * A, S], a cell being one worker's one answer."""
    workers, states, answers = tables.shape
    return np.ascontiguousarray(tables.transpose(0, 2, 1)).reshape(workers * answers, states)
