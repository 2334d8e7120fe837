"""Gold asked again: its votes taken one by one in random orders, as the rule would have seen them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.belief import believe
from annotation.consensus.fit import Course
from annotation.consensus.leaveout import leave_out
from annotation.consensus.model import Floats, Parameters
from annotation.consensus.votes import UNKNOWN, Votes

ORDERS = 6
# Meanings and discount are learned after up to so many votes an item.
VOTES_REPLAYED = 10
CHOSEN_ODDS = 3.0
SHIFT_ROUNDS = 100
# Total variation between the states of yes and of no gold: where votes hardly tell them apart, they do not say how often all
# items are yes either.
LEAST_APART = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Runs:
    """X runs over gold items, of at most N votes each.

    `evidence[X, N, S]` and `counts[X, N, A]` stand after the first, second, ... vote; beyond `available[X]` votes they
    repeat the last. `log_prior[X, S]` is what was known of the item before them, 0 where nothing was. `truth[X]` is the class,
    `item[X]` which gold item it is, `weight[X]` how many items it stands for.
    """

    evidence: Floats
    counts: NDArray[np.int64]
    log_prior: Floats
    available: NDArray[np.int64]
    truth: NDArray[np.int8]
    item: NDArray[np.int64]
    weight: Floats

    def select(self, chosen: NDArray[np.bool_]) -> "Runs":
        return Runs(
            evidence=self.evidence[chosen],
            counts=self.counts[chosen],
            log_prior=self.log_prior[chosen],
            available=self.available[chosen],
            truth=self.truth[chosen],
            item=self.item[chosen],
            weight=self.weight[chosen],
        )


def run_gold(
    *,
    votes: Votes,
    truth: NDArray[np.int8],
    added: Floats,
    vote_cap: int,
    log_prior: Floats | None = None,
    orders: int = ORDERS,
    seed: int = 0,
    shuffle: bool = True,
) -> Runs:
    """Each item with a vote and a known `truth[items]`, `orders` times over, its votes in a random order up to the cap, or in
    their own where `shuffle` is false. `added[V, S]` is what each vote adds to the evidence (belief.look_up, leaveout.leave_out),
    `log_prior[items, S]` what was known of items before.

    Same votes, additions and seed: same runs, whatever the order of the votes and the numbers of items and workers; and with
    another prior the same votes in the same orders.
    """
    if log_prior is None:
        log_prior = np.zeros((votes.items, added.shape[1]))
    starts = votes.starts
    gold = np.flatnonzero((truth != UNKNOWN) & (np.diff(starts) > 0))
    listed = [np.arange(starts[item], starts[item + 1]) for item in gold]
    if shuffle:
        gold, listed = _sort_by_content(gold, listed, votes, added)
    random = np.random.default_rng(seed)
    chosen = [(random.permutation(own) if shuffle else own)[:vote_cap] for _ in range(orders) for own in listed]
    available = np.array([len(places) for places in chosen], dtype=np.int64)
    places = np.zeros((len(chosen), vote_cap), dtype=np.int64)
    for row, own in enumerate(chosen):
        places[row, : len(own)] = own
    real = np.arange(vote_cap) < available[:, np.newaxis]
    taken = added[places] * real[..., np.newaxis]
    answers = (votes.answer[places][..., np.newaxis] == np.arange(votes.answers)) & real[..., np.newaxis]
    return Runs(
        evidence=np.cumsum(taken, axis=1),
        counts=np.cumsum(answers, axis=1, dtype=np.int64),
        log_prior=np.tile(log_prior[gold], (orders, 1)),
        available=available,
        truth=np.tile(truth[gold], orders),
        item=np.tile(gold, orders),
        weight=np.ones(len(chosen)),
    )


def _sort_by_content(
    gold: NDArray[np.int64], listed: list[NDArray[np.int64]], votes: Votes, added: Floats
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Each item's votes by what they say, and items by their votes: names and numbers are left out of account."""
    keyed = []
    for item, own in zip(gold, listed, strict=True):
        content = added[own]
        order = np.lexsort((*content.T, votes.answer[own]))
        keyed.append((content[order].tolist(), int(item), own[order]))
    keyed.sort(key=lambda entry: entry[0])
    return np.array([item for _, item, _ in keyed], dtype=np.int64), [own for _, _, own in keyed]


def run_left_out(
    *,
    votes: Votes,
    truth: NDArray[np.int8],
    course: Course,
    vote_cap: int,
    log_prior: Floats | None = None,
    seed: int = 0,
) -> Runs:
    """Runs of gold, each of up to `vote_cap` votes and no fewer than `VOTES_REPLAYED`, after a fit that knew its truth, each
    item under tables that it taught nothing; those of yes and no weighed like all items. The longer, the fewer orders."""
    added = leave_out(votes=votes, truth=truth, course=course)
    cap = max(vote_cap, VOTES_REPLAYED)
    runs = run_gold(
        votes=votes,
        truth=truth,
        added=added,
        vote_cap=cap,
        log_prior=log_prior,
        orders=max(1, ORDERS * VOTES_REPLAYED // cap),
        seed=seed,
    )
    return weigh_runs(runs=runs, parameters=course.parameters) if course.parameters.classes == 2 else runs


def weigh_runs(*, runs: Runs, parameters: Parameters) -> Runs:
    """Runs of yes and no gold weighed so that together they are as often yes as all items are.

    Only where gold was chosen and not drawn: where its odds of yes are more than `CHOSEN_ODDS` times those of all items, or less
    than the inverse. How often all items are yes follows from the states' shares and from how often gold of each class is in
    each state, by EM over the one unknown (Saerens, Latinne and Decaestecker 2002, prior shift). States are those that votes
    alone speak for, so that weights are the same whatever else was known of single items.
    """
    own = float((runs.truth == 1).mean()) if len(runs.truth) else 0.0
    if not 0 < own < 1:
        return runs
    last = np.arange(len(runs.truth)), runs.available - 1
    states = believe(evidence=runs.evidence[last], votes=runs.available, parameters=parameters)
    of_no, of_yes = states[runs.truth == 0].mean(axis=0), states[runs.truth == 1].mean(axis=0)
    if np.abs(of_yes - of_no).sum() / 2 < LEAST_APART:
        return runs
    share = own
    for _ in range(SHIFT_ROUNDS):
        yes = share * of_yes
        share = float((parameters.shares * yes / (yes + (1 - share) * of_no)).sum())
    odds = own / (1 - own) * (1 - share) / share
    if 1 / CHOSEN_ODDS <= odds <= CHOSEN_ODDS:
        return runs
    return replace(runs, weight=np.where(runs.truth == 1, share / own, (1 - share) / (1 - own)))
