"""Older rules, to compare with: majority, Dawid and Skene's, the published rule of 2009, and the one before this engine."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb, softmax

from annotation.consensus.belief import count_answers, look_up, sum_evidence
from annotation.consensus.decide import Decision
from annotation.consensus.fit import Course, Plan, fit
from annotation.consensus.goldreplay import Runs, run_gold
from annotation.consensus.model import Answer, Floats, Parameters, find_log_tables
from annotation.consensus.start import share_by_votes
from annotation.consensus.votes import Votes

# Dawid and Skene's tables: counts smoothed by so much.
SMOOTHING = 0.01
# The rule of 2009, where the paper leaves the choice open (CONSENSUS 2).
SUBSET_ITEMS = 50
SUBSET_SHARE = 0.2
SUBSET_VOTES = 10
CONFIDENCE = 0.95


def take_majority(*, votes: Votes, verification: bool) -> Floats:
    """Shares of the votes for each class [items, K]; in verification an unsure vote is a no, as an unticked picture was."""
    if not verification:
        return share_by_votes(votes=votes, verification=False)
    counts = count_answers(votes)
    yes = counts[:, Answer.YES] / np.maximum(counts.sum(axis=1), 1)
    return np.stack([1.0 - yes, yes], axis=1)


def dawid_skene(
    *, votes: Votes, verification: bool = False, rounds: int = 100, tolerance: float = 1e-4, least_rise: float = 0.0
) -> tuple[Floats, Course]:
    """Dawid and Skene (1979): one table for each worker, `SMOOTHING` added to each count, started at the vote shares.

    Returns probabilities of classes [items, K] and the course. It ends when no probability changes by `tolerance`, or
    when the penalised log-likelihood rises by less than `least_rise` nats a vote.
    """
    even = share_by_votes(votes=votes, verification=verification)
    states = even.shape[1]
    start = Parameters(
        shares=np.full(states, 1.0 / states),
        meanings=np.eye(states),
        responses=np.full((states, votes.answers), 1.0 / votes.answers),
        strengths=np.full(states, SMOOTHING * votes.answers),
        discount=0.0,
    )
    course = fit(
        votes=votes,
        start=start,
        shares=even,
        plan=Plan(stages=0, last_rounds=rounds, tolerance=tolerance, least_rise=least_rise, leaps=False),
    )
    return (_read_states(votes, course) if course.rounds else even), course


def _read_states(votes: Votes, course: Course) -> Floats:
    scores = sum_evidence(votes=votes, log_tables=course.log_tables) + course.log_shares
    return np.asarray(softmax(scores, axis=1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdicts:
    """What a sequential rule made of each item: `probability` of yes, the `Decision` (ASK where votes ran out) and the
    votes it took."""

    probability: Floats
    decision: NDArray[np.int8]
    votes: NDArray[np.int64]


def decide_as_published(*, votes: Votes, vote_cap: int, seed: int = 0) -> Verdicts:
    """Deng et al., ImageNet, CVPR 2009, section 3.2: a table of confidence by numbers of yes and no, from a random subset
    with the first ten votes of each; items of the rest take votes until the table is confident, or the cap.

    Every vote that is not yes is a no. Cells come from all draws of the subset's votes without replacement; "good" is a majority.
    Items of the subset keep their majority, decided by all their ten votes.
    """
    yes = votes.answer == Answer.YES
    subset = np.random.default_rng(seed).permutation(votes.items)
    subset = subset[: max(1, min(SUBSET_ITEMS, round(SUBSET_SHARE * votes.items)))] if votes.items else subset
    table = tabulate_confidence(votes=votes, subset=subset, largest=max(vote_cap, SUBSET_VOTES))
    of_item = np.diff(votes.starts)
    verdicts = Verdicts(
        probability=np.full(votes.items, table[0, 0]),
        decision=np.full(votes.items, Decision.ASK, dtype=np.int8),
        votes=np.zeros(votes.items, dtype=np.int64),
    )
    counts = np.zeros((votes.items, 2), dtype=np.int64)
    for number in range(vote_cap):
        open_items = np.flatnonzero((verdicts.decision == Decision.ASK) & (of_item > number))
        answers = yes[votes.starts[open_items] + number].astype(np.int64)
        counts[open_items, answers] += 1
        confidence = table[counts[open_items, 1], counts[open_items, 0]]
        verdicts.votes[open_items] = number + 1
        verdicts.probability[open_items] = confidence
        verdicts.decision[open_items[confidence >= CONFIDENCE]] = Decision.ACCEPT
        verdicts.decision[open_items[confidence <= 1 - CONFIDENCE]] = Decision.REJECT
    capped = (verdicts.decision == Decision.ASK) & (verdicts.votes >= vote_cap)
    verdicts.decision[capped] = Decision.DISPUTE
    return verdicts


def tabulate_confidence(*, votes: Votes, subset: NDArray[np.int64], largest: int) -> Floats:
    """conf[y, n] for y + n up to `largest`: P(good | y yes and n no votes), (good + 2 g) / (total + 2) with g the share of good
    items of the subset."""
    places = [np.arange(votes.starts[item], votes.starts[item + 1])[:SUBSET_VOTES] for item in subset]
    yes = np.array([(votes.answer[own] == Answer.YES).sum() for own in places], dtype=np.int64)
    no = np.array([len(own) for own in places], dtype=np.int64) - yes
    good = yes > no
    base = good.mean() if len(good) else 0.5
    table = np.full((largest + 1, largest + 1), base)
    for y in range(largest + 1):
        for n in range(largest + 1 - y):
            drawn = np.maximum(comb(yes + no, y + n), 1)
            weight = comb(yes, y) * comb(no, n) / drawn
            table[y, n] = ((weight * good).sum() + 2 * base) / (weight.sum() + 2)
    return table


# The specification's latent difficulty (CONSENSUS 3): two no-states, two yes-states, each certain of its class.
HARD_STATES = Parameters(
    shares=np.array([0.704, 0.112, 0.113, 0.071]),
    meanings=np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]),
    responses=np.array([[0.958, 0.029, 0.013], [0.588, 0.309, 0.103], [0.381, 0.217, 0.402], [0.072, 0.083, 0.845]]),
    strengths=np.full(4, 20.0),
    discount=0.0,
)
SPECIFIED_ROUNDS = 10
SPECIFIED_LOOKS = 8
ERRORS_TRIED = tuple(np.logspace(-6, np.log10(0.4), 60))


def fit_as_specified(*, votes: Votes, truth: NDArray[np.int8]) -> Course:
    """The specification's fit: strength 20, the crowd's table the sum of all workers' counts with one more of each answer,
    80 rounds, known truth clamped."""
    start, plan = HARD_STATES, Plan(stages=0, last_rounds=SPECIFIED_ROUNDS, leaps=False)
    counts = None
    course = fit(votes=votes, start=start, truth=truth, plan=plan)
    if not course.rounds:
        return course
    for _ in range(SPECIFIED_LOOKS - 1):
        pooled = course.counts.sum(axis=0) + 1.0
        start = replace(course.parameters, responses=pooled / pooled.sum(axis=1, keepdims=True))
        counts = course.counts
        course = fit(votes=votes, start=start, counts=counts, truth=truth, plan=plan)
    return course


def decide_as_specified(
    *,
    votes: Votes,
    gold_votes: Votes,
    truth: NDArray[np.int8],
    course: Course,
    target_error: float,
    vote_cap: int,
    seed: int = 0,
) -> Verdicts:
    """The specification's stopping: on gold, the loosest nominal error for accepting and for rejecting, each by itself, whose
    (wrong + 1/2) / (decided + 1) meets the target; without gold the target itself is the nominal error."""
    log_tables = find_log_tables(counts=course.counts, parameters=course.parameters)
    runs = run_gold(
        votes=gold_votes,
        truth=truth,
        added=look_up(votes=gold_votes, log_tables=log_tables),
        vote_cap=vote_cap,
        seed=seed,
    )
    thresholds = _choose_thresholds(runs, course.parameters, target_error) if len(runs.truth) else (target_error,) * 2
    everything = run_gold(
        votes=votes,
        truth=np.zeros(votes.items, dtype=np.int8),
        added=look_up(votes=votes, log_tables=log_tables),
        vote_cap=vote_cap,
        orders=1,
        shuffle=False,
    )
    decision, taken, probability = _cross(everything, course.parameters, *thresholds)
    verdicts = Verdicts(
        probability=np.full(votes.items, float(course.parameters.shares[2:].sum())),
        decision=np.full(votes.items, Decision.ASK, dtype=np.int8),
        votes=np.zeros(votes.items, dtype=np.int64),
    )
    verdicts.probability[everything.item], verdicts.decision[everything.item] = probability, decision
    verdicts.votes[everything.item] = taken
    capped = (verdicts.decision == Decision.ASK) & (verdicts.votes >= vote_cap)
    verdicts.decision[capped] = Decision.DISPUTE
    return verdicts


def _choose_thresholds(runs: Runs, parameters: Parameters, target_error: float) -> tuple[float, float]:
    chosen = [min(ERRORS_TRIED), min(ERRORS_TRIED)]
    gold = len(np.unique(runs.item))
    orders = len(runs.truth) / gold
    for _ in range(2):
        for side, (kind, wrong) in enumerate(((Decision.ACCEPT, 0), (Decision.REJECT, 1))):
            for error in reversed(ERRORS_TRIED):
                attempt = [*chosen[:side], error, *chosen[side + 1 :]]
                decision, _, _ = _cross(runs, parameters, *attempt)
                decided = (decision == kind).sum() / orders
                mistaken = ((decision == kind) & (runs.truth == wrong)).sum() / orders
                if (mistaken + 0.5) / (decided + 1) <= target_error:
                    chosen[side] = error
                    break
    return chosen[0], chosen[1]


def _cross(
    runs: Runs, parameters: Parameters, accept_error: float, reject_error: float
) -> tuple[NDArray[np.int8], NDArray[np.int64], Floats]:
    """The first vote at which each run crosses a threshold, or its last vote."""
    scores = runs.evidence + np.log(parameters.shares)
    no = np.logaddexp(scores[..., 0], scores[..., 1])
    yes = np.logaddexp(scores[..., 2], scores[..., 3])
    probability = 1.0 / (1.0 + np.exp(no - yes))
    real = np.arange(scores.shape[1]) < runs.available[:, np.newaxis]
    accepts = real & (1 - probability <= accept_error) & (runs.counts[..., Answer.YES] >= 2)
    rejects = real & (probability <= reject_error) & (runs.counts[..., Answer.NO] >= 1)
    ends = accepts | rejects
    last = np.where(ends.any(axis=1), ends.argmax(axis=1), runs.available - 1)
    rows = np.arange(len(last))
    decision = np.full(len(last), Decision.ASK, dtype=np.int8)
    decision[rejects[rows, last]] = Decision.REJECT
    decision[accepts[rows, last]] = Decision.ACCEPT
    return decision, last + 1, probability[rows, last]
