"""What is known of each worker: rates with their intervals, what a vote tells, and who answers without looking.

Rates rest on expected votes by state of the item, as EM leaves them: votes on items with no other evidence than the worker's
own vote are not among them (fit.select_teaching). On the others an item's state is inferred from all its votes, the worker's
own included: with few votes an item that flatters everybody a little. Spam is judged on gold alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from annotation.consensus.metrics import upper_bound
from annotation.consensus.model import Answer, Floats, Parameters, tabulate

# Of the intervals of rates.
BELIEVED = 0.9
# Sensitivity + specificity - 1, which is 0 for guesses: whoever is surely below this, after so many answers, is spam.
SPAM_INFORMEDNESS = 0.2
SPAM_CONFIDENCE = 0.95
ENOUGH_OF_EACH_TRUTH = 15


@dataclass(frozen=True, kw_only=True, eq=False)
class Rates:
    """A rate of each of W workers: the mean of what is believed of it, and the interval that holds `BELIEVED` of it."""

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Skills:
    """What is known of W workers. `counts[W, S, A]` are expected votes, `votes[W]` how many they are of.

    `sensitivity` is P(YES | truth yes), `specificity` P(NO | truth no), `unsure` P(UNSURE); `bits[W]` the information of one
    vote about the truth of an item of which nothing is known; `spam[W]` see `find_spam`.
    """

    counts: Floats
    votes: NDArray[np.int64]
    sensitivity: Rates
    specificity: Rates
    unsure: Rates
    bits: Floats
    spam: NDArray[np.bool_]


def judge_workers(*, counts: Floats, parameters: Parameters, gold_answers: NDArray[np.int64]) -> Skills:
    """The skills of W workers in verification from their expected votes `counts[W, S, 3]` under `parameters`, and from
    `gold_answers[W, 2, 3]`: how often each gave each answer to gold whose truth is no and to gold whose truth is yes."""
    every_state = np.ones(parameters.states)
    return Skills(
        counts=counts,
        votes=np.rint(counts.sum(axis=(1, 2))).astype(np.int64),
        sensitivity=_believe_rate(counts, parameters, parameters.meanings[:, 1], Answer.YES),
        specificity=_believe_rate(counts, parameters, parameters.meanings[:, 0], Answer.NO),
        unsure=_believe_rate(counts, parameters, every_state, Answer.UNSURE),
        bits=measure_bits(tables=tabulate(counts=counts, parameters=parameters), parameters=parameters),
        spam=find_spam(gold_answers=gold_answers),
    )


def _believe_rate(counts: Floats, parameters: Parameters, weights: Floats, answer: Answer) -> Rates:
    """The rate of an answer on items that are in a state to the extent of its weight: a beta distribution whose counts are
    the worker's own and, as before any vote, the crowd's in its strength."""
    own = np.einsum("wsa,s->wa", counts, weights)
    of_state = parameters.shares * weights / (parameters.shares * weights).sum()
    crowd = (of_state * parameters.strengths) @ parameters.responses
    hits = own[:, answer] + crowd[answer]
    misses = (own + crowd).sum(axis=1) - hits
    outside = (1 - BELIEVED) / 2
    mean = hits / (hits + misses)
    # A very skewed belief may have its mean outside: the interval is widened to hold it.
    return Rates(
        mean=mean,
        low=np.minimum(betaincinv(hits, misses, outside), mean),
        high=np.maximum(betaincinv(hits, misses, 1 - outside), mean),
    )


def measure_bits(*, tables: Floats, parameters: Parameters) -> Floats:
    """[W]: the mutual information I(truth; vote), in bits, of one vote under `tables[W, S, A]` on an item of which only the
    shares of states are known."""
    joint = parameters.shares[:, np.newaxis] * parameters.meanings
    return measure_information(np.einsum("sk,wsa->wka", joint, tables))


def measure_information(joint: Floats) -> Floats:
    """[...]: the mutual information, in bits, of the two variables whose joint distribution is `joint[..., K, A]`."""
    by_chance = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
    ratio = np.divide(joint, by_chance, out=np.ones_like(joint), where=joint > 0)
    return np.asarray(np.maximum((joint * np.log2(ratio)).sum(axis=(-2, -1)), 0.0))


def find_spam(*, gold_answers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[W]: whether sensitivity + specificity - 1 on gold is below `SPAM_INFORMEDNESS` with `SPAM_CONFIDENCE`, after at least
    `ENOUGH_OF_EACH_TRUTH` answers of YES or NO on either truth. UNSURE is no fault and does not count.

    The bound of the sum is made from the bounds of both terms (Zou and Donner, Construction of confidence limits about
    effect measures, 2008), which are those of Clopper and Pearson.
    """
    given = gold_answers[:, :, [Answer.NO, Answer.YES]].sum(axis=2)
    hits = np.stack([gold_answers[:, 0, Answer.NO], gold_answers[:, 1, Answer.YES]], axis=1)
    rates = hits / np.maximum(given, 1)
    room = upper_bound(errors=hits, trials=given, confidence=SPAM_CONFIDENCE) - rates
    highest = rates.sum(axis=1) - 1 + np.sqrt((room**2).sum(axis=1))
    return np.asarray((given >= ENOUGH_OF_EACH_TRUTH).all(axis=1) & (highest < SPAM_INFORMEDNESS))
