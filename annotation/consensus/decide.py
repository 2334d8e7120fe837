"""When another vote is not worth its price.

Each item is a problem of optimal stopping (DeGroot, Optimal Statistical Decisions, 1970, chapter 12): accept, reject, leave
it to a curator, or ask once more and choose again. What may come is looked at to a depth of several votes, as if
members of the crowd gave them; the way that is cheapest on average is taken. Against a fixed threshold this spares votes
on items that no vote is likely to settle, and asks on where one more is likely to.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.belief import Estimates, believe, find_probabilities
from annotation.consensus.model import Answer, Floats, Parameters
from annotation.consensus.paths import Charges, list_paths, reckon

HIGHEST_TARGET_ERROR = 0.5
HIGHEST_VOTE_CAP = 1000
# Prices in votes. A question left to a curator costs somebody's minute; what a wrong guess about it costs on top.
UNDECIDED_PRICE = 50.0
WRONG_GUESS_PRICE = 200.0
# Tolerances without gold, as a multiple of the target error.
UNCALIBRATED = 1.25
# How many votes ahead are looked at.
DEPTH = 8
# Items looked at together: bounds the memory.
ITEMS_AT_ONCE = 1024
# Costs that differ by less, as a part of themselves, may have been told apart by rounding alone.
CLOSE = 1e-9
# Far more than what rounding, and meanings that do not quite sum to 1, can do to a cost.
SLACK = 1.01


class Decision(IntEnum):
    """What becomes of a question."""

    ACCEPT = 0
    REJECT = 1
    ASK = 2
    DISPUTE = 3


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When to stop asking.

    `target_error` is the share of wrong automatic decisions the campaign tolerates, above 0 and below
    `HIGHEST_TARGET_ERROR`. `vote_cap` is the number of votes after which an undecided question goes to a curator.
    `minimum_yes` YES answers are needed to accept and `minimum_no` NO answers to reject, whatever the probability: both
    are at least 1, so UNSURE alone decides nothing, and neither exceeds the cap.

    `accept_tolerance` and `reject_tolerance` are the model's own probability of being wrong up to which the last vote may
    still accept and reject, chosen on gold so that the share of wrong decisions meets the target (calibrate); 0 decides
    nothing. Without gold they are `UNCALIBRATED` times the target: the last vote may be a little less sure than decisions
    should be on average. On four public sets of yes and no votes at most 5.5 % of such decisions were wrong at a target of 5 %.

    Anything else raises ValueError naming the field.
    """

    target_error: float
    vote_cap: int
    minimum_yes: int = 2
    minimum_no: int = 1
    accept_tolerance: float | None = None
    reject_tolerance: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.target_error < HIGHEST_TARGET_ERROR:
            raise ValueError(f"target_error: must be above 0 and below {HIGHEST_TARGET_ERROR}, is {self.target_error}")
        if not 1 <= self.vote_cap <= HIGHEST_VOTE_CAP:
            raise ValueError(f"vote_cap: must be from 1 to {HIGHEST_VOTE_CAP}, is {self.vote_cap}")
        for field, minimum in (("minimum_yes", self.minimum_yes), ("minimum_no", self.minimum_no)):
            if not 1 <= minimum <= self.vote_cap:
                raise ValueError(f"{field}: must be from 1 to vote_cap ({self.vote_cap}), is {minimum}")
        for field, tolerance in (
            ("accept_tolerance", self.accept_tolerance),
            ("reject_tolerance", self.reject_tolerance),
        ):
            if tolerance is not None and not 0 <= tolerance < HIGHEST_TARGET_ERROR:
                raise ValueError(f"{field}: must be from 0 to below {HIGHEST_TARGET_ERROR}, is {tolerance}")

    @property
    def uncalibrated(self) -> float:
        """The tolerance where gold has chosen none."""
        return min(UNCALIBRATED * self.target_error, HIGHEST_TARGET_ERROR)

    @property
    def prices(self) -> tuple[float, float]:
        """What a wrong acceptance and a wrong rejection cost, in votes."""
        return self._price(self.accept_tolerance), self._price(self.reject_tolerance)

    @property
    def charges(self) -> Charges:
        accept, reject = self.prices
        return Charges(
            accept=accept,
            reject=reject,
            undecided=UNDECIDED_PRICE,
            guess=WRONG_GUESS_PRICE,
            minimum_yes=self.minimum_yes,
            minimum_no=self.minimum_no,
        )

    def _price(self, tolerance: float | None) -> float:
        """At the cap, a decision as unsure as the tolerance costs as much as leaving the item undecided."""
        chosen = self.uncalibrated if tolerance is None else tolerance
        return UNDECIDED_PRICE / chosen + WRONG_GUESS_PRICE if chosen > 0 else math.inf


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlook:
    """What may come for items with `left` more votes: the part that does not hang on the prices.

    For X items and P paths: `wrong_accept[X, P]` is the probability of the path times that of no after it, `wrong_reject` of
    yes; `may_accept` and `may_reject` say whether there would be answers enough.
    """

    wrong_accept: Floats
    wrong_reject: Floats
    may_accept: NDArray[np.bool_]
    may_reject: NDArray[np.bool_]
    depth: int

    def select(self, items: NDArray[np.integer]) -> Self:
        return type(self)(
            wrong_accept=self.wrong_accept[items],
            wrong_reject=self.wrong_reject[items],
            may_accept=self.may_accept[items],
            may_reject=self.may_reject[items],
            depth=self.depth,
        )


def look_ahead(
    *,
    evidence: Floats,
    counts: NDArray[np.int64],
    left: int,
    parameters: Parameters,
    rule: Rule,
    log_prior: Floats | None = None,
) -> Outlook:
    """The outlook of X items with `evidence[X, S]` from `counts[X, 3]` answers, all with `left` more votes to the cap;
    `log_prior[X, S]` is what was known of them beforehand."""
    depth = min(left, DEPTH)
    paths = list_paths(depth)
    log_paths = paths.counts @ np.log(parameters.expected_responses).T
    now = believe(evidence=evidence, votes=counts.sum(axis=1), parameters=parameters, log_prior=log_prior)
    weights = sum(now[:, state, np.newaxis] * np.exp(log_paths[:, state]) for state in range(parameters.states))
    then = believe(
        evidence=evidence[:, np.newaxis] + log_paths,
        votes=counts.sum(axis=1)[:, np.newaxis] + paths.counts.sum(axis=1),
        parameters=parameters,
        log_prior=None if log_prior is None else log_prior[:, np.newaxis],
    )
    yes = find_probabilities(shares=then, parameters=parameters)[..., 1]
    return Outlook(
        wrong_accept=weights * (1.0 - yes),
        wrong_reject=weights * yes,
        may_accept=counts[:, Answer.YES, np.newaxis] + paths.counts[:, Answer.YES] >= rule.minimum_yes,
        may_reject=counts[:, Answer.NO, np.newaxis] + paths.counts[:, Answer.NO] >= rule.minimum_no,
        depth=depth,
    )


def choose(*, outlook: Outlook, prices: tuple[float, float]) -> NDArray[np.int8]:
    """The cheapest `Decision` on each item, under the prices of a wrong acceptance and a wrong rejection."""
    weight = outlook.wrong_accept + outlook.wrong_reject
    guess = np.minimum(outlook.wrong_accept, outlook.wrong_reject)
    accept = _charge(outlook.wrong_accept, outlook.may_accept, prices[0])
    reject = _charge(outlook.wrong_reject, outlook.may_reject, prices[1])
    dispute = UNDECIDED_PRICE * weight + WRONG_GUESS_PRICE * guess
    cheapest = np.minimum(np.minimum(accept, reject), dispute)
    following = list_paths(outlook.depth).next
    for path in range(len(following) - 1, 0, -1):
        onward = weight[:, path] + cheapest[:, following[path]].sum(axis=1)
        np.minimum(cheapest[:, path], onward, out=cheapest[:, path])
    decisions = np.full(len(weight), Decision.DISPUTE, dtype=np.int8)
    decisions[reject[:, 0] <= dispute[:, 0]] = Decision.REJECT
    decisions[accept[:, 0] <= np.minimum(reject, dispute)[:, 0]] = Decision.ACCEPT
    if len(following):
        onward = weight[:, 0] + cheapest[:, following[0]].sum(axis=1)
        decisions[onward < cheapest[:, 0]] = Decision.ASK
    return decisions


def _charge(wrong: Floats, allowed: NDArray[np.bool_], price: float) -> Floats:
    if math.isinf(price):
        return np.full(wrong.shape, np.inf)
    return np.where(allowed, price * wrong, np.inf)


def decide(
    estimates: Estimates, parameters: Parameters, rule: Rule, *, last_votes: NDArray[np.integer] | None = None
) -> NDArray[np.int8]:
    """The `Decision` on each of the Q items, as an array of its values. An item without votes is asked.

    `last_votes[Q]` says after how many votes there are no more to be had, where that is before the cap: in a replay.
    """
    counts = np.stack([estimates.no, estimates.unsure, estimates.yes], axis=1)
    number = counts.sum(axis=1)
    end = np.full(len(number), rule.vote_cap) if last_votes is None else np.minimum(last_votes, rule.vote_cap)
    left = np.maximum(end - number, 0)
    decisions = np.full(len(number), Decision.ASK, dtype=np.int8)
    asked = np.flatnonzero(number > 0)
    groups, group = np.unique(np.stack([number, left], axis=1)[asked], axis=0, return_inverse=True)
    for index, (votes, more) in enumerate(groups.tolist()):
        same = asked[group == index]
        chosen = (estimates.evidence[same], counts[same], _take(estimates.log_prior, same))
        decisions[same] = _decide_quickly(*chosen, votes, more, parameters, rule)
    return decisions


def settle(estimates: Estimates, parameters: Parameters, rule: Rule) -> NDArray[np.bool_]:
    """[Q]: whether `decide` accepts or rejects each item."""
    accept, reject = rule.prices
    wrong = np.minimum(estimates.probability, 1.0 - estimates.probability)
    # What costs more than leaving the item to a curator is not done, whatever may come.
    dispute = (UNDECIDED_PRICE + WRONG_GUESS_PRICE * wrong) * SLACK
    cheap = (accept * (1.0 - estimates.probability) <= dispute) | (reject * estimates.probability <= dispute)
    likely = np.flatnonzero(cheap)
    settled = np.zeros(len(cheap), dtype=bool)
    decisions = decide(estimates.select(likely), parameters, rule)
    settled[likely] = (decisions == Decision.ACCEPT) | (decisions == Decision.REJECT)
    return settled


def _decide_quickly(
    evidence: Floats,
    counts: NDArray[np.int64],
    log_prior: Floats | None,
    number: int,
    left: int,
    parameters: Parameters,
    rule: Rule,
) -> NDArray[np.int8]:
    """Of X items with the same number of votes, and so many left. By `paths.reckon` where what it says is clear, else, and
    where two states are shrunk by a measure of their own (belief.believe), by `look_ahead` and `choose`."""
    if parameters.states == 2 and parameters.discount > 0:
        return _decide_exactly(evidence, counts, log_prior, left, parameters, rule)
    prior = np.log(parameters.shares) if log_prior is None else np.log(parameters.shares) + log_prior
    costs = reckon(
        scores=evidence + prior,
        counts=counts,
        number=number,
        depth=min(left, DEPTH),
        parameters=parameters,
        charges=rule.charges,
    )
    instead = np.minimum(costs.reject, costs.dispute)
    cheapest = np.minimum(costs.accept, instead)
    decisions = np.full(len(counts), Decision.DISPUTE, dtype=np.int8)
    decisions[costs.reject <= costs.dispute] = Decision.REJECT
    decisions[costs.accept <= instead] = Decision.ACCEPT
    decisions[costs.ask < cheapest] = Decision.ASK
    close = _are_close(costs.ask, cheapest)
    close |= (decisions != Decision.ASK) & (_are_close(costs.accept, instead) | _are_close(costs.reject, costs.dispute))
    unclear = np.flatnonzero(close)
    if len(unclear):
        chosen = (evidence[unclear], counts[unclear], _take(log_prior, unclear))
        decisions[unclear] = _decide_exactly(*chosen, left, parameters, rule)
    return decisions


def _decide_exactly(
    evidence: Floats,
    counts: NDArray[np.int64],
    log_prior: Floats | None,
    left: int,
    parameters: Parameters,
    rule: Rule,
) -> NDArray[np.int8]:
    decisions = np.empty(len(counts), dtype=np.int8)
    for first in range(0, len(counts), ITEMS_AT_ONCE):
        block = np.arange(first, min(first + ITEMS_AT_ONCE, len(counts)))
        outlook = look_ahead(
            evidence=evidence[block],
            counts=counts[block],
            left=left,
            parameters=parameters,
            rule=rule,
            log_prior=_take(log_prior, block),
        )
        decisions[block] = choose(outlook=outlook, prices=rule.prices)
    return decisions


def _are_close(one: Floats, other: Floats) -> NDArray[np.bool_]:
    """Infinite costs are far from all."""
    finite = np.isfinite(one) & np.isfinite(other)
    one, other = np.where(finite, one, 0.0), np.where(finite, other, 1.0)
    return np.asarray(np.abs(one - other) <= CLOSE * np.maximum(one, other))


def _take(log_prior: Floats | None, items: NDArray[np.int64]) -> Floats | None:
    return None if log_prior is None else log_prior[items]
