"""From votes to what is believed of items: sums of logarithms, then shares of states, then probabilities of classes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from annotation.consensus.fit import arrange_by_cell
from annotation.consensus.kernel import Kernel
from annotation.consensus.model import Answer, Floats, Parameters
from annotation.consensus.votes import Votes

# Shares as good as even.
SMALLEST_SPREAD = 1e-9
# Where meanings are certain: log-odds stay finite.
SMALLEST_MEANING = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimates:
    """What is believed of Q items in verification: arrays of length Q, in the items' order.

    `log_odds` is the natural logarithm of P(yes) / P(no), `probability` is P(yes) in [0, 1]; `no`, `unsure` and `yes` count
    the answers they rest on. `evidence[Q, S]` is what the votes add to the logarithm of each state's share, `log_prior[Q, S]`
    what was known before them.
    """

    log_odds: Floats
    probability: Floats
    no: NDArray[np.int64]
    unsure: NDArray[np.int64]
    yes: NDArray[np.int64]
    evidence: Floats
    log_prior: Floats | None = None

    @property
    def votes(self) -> NDArray[np.int64]:
        """All answers counted, whatever they say."""
        return self.no + self.unsure + self.yes

    def select(self, items: NDArray[np.int64]) -> Self:
        """Of those items, in that order."""
        return type(self)(
            log_odds=self.log_odds[items],
            probability=self.probability[items],
            no=self.no[items],
            unsure=self.unsure[items],
            yes=self.yes[items],
            evidence=self.evidence[items],
            log_prior=None if self.log_prior is None else self.log_prior[items],
        )


def look_up(*, votes: Votes, log_tables: Floats) -> Floats:
    """[V, S]: what each vote adds to the evidence of its item under its worker's row of `log_tables[W, S, A]`."""
    return np.asarray(log_tables[votes.worker, :, votes.answer])


def sum_evidence(*, votes: Votes, log_tables: Floats) -> Floats:
    """[items, S]: the sum over each item's votes of `log_tables[W, S, A]`.

    The logarithms stand on a grid (model.take_logarithms), so the sums are exact: the same, bit for bit, in whatever order
    votes come, are taken back and come again.
    """
    return Kernel(votes, states=log_tables.shape[1]).score(arrange_by_cell(log_tables))


def believe(
    *, evidence: Floats, votes: NDArray[np.integer], parameters: Parameters, log_prior: Floats | None = None
) -> Floats:
    """Shares of states [..., S] of items from their evidence [..., S] and their numbers of votes [...].

    n votes of one crowd are worth n / (1 + (n - 1) * discount) independent ones: what states are apart is divided by that, so
    which one is likeliest stays. Two states are never brought closer together than they were before any vote, or votes that
    agree with the prior would weaken it. `log_prior[..., S]` adds what is known of single items beforehand.
    """
    shrunk = 1.0 + np.maximum(votes - 1, 0) * parameters.discount
    prior = np.log(parameters.shares) if log_prior is None else np.log(parameters.shares) + log_prior
    scores = evidence + prior
    if parameters.states == 2:
        before = np.maximum(np.ptp(prior, axis=-1), SMALLEST_SPREAD)
        shrunk = np.clip(np.ptp(scores, axis=-1) / before, 1.0, shrunk)
    scores = scores / shrunk[..., np.newaxis]
    return np.asarray(softmax(scores, axis=-1))


def find_probabilities(*, shares: Floats, parameters: Parameters) -> Floats:
    """Probabilities of classes [..., K] from shares of states [..., S]."""
    # Term by term instead of a matrix product, whose rounding may change with the number of items.
    terms = (shares[..., state, np.newaxis] * parameters.meanings[state] for state in range(parameters.states))
    return np.asarray(sum(terms, start=np.zeros(1)))


def estimate_evidence(
    *, evidence: Floats, counts: NDArray[np.int64], parameters: Parameters, log_prior: Floats | None = None
) -> Estimates:
    """Estimates from `evidence[Q, S]` and `counts[Q, 3]`, the number of each `Answer`."""
    number = counts.sum(axis=1)
    shares = believe(evidence=evidence, votes=number, parameters=parameters, log_prior=log_prior)
    yes = _weigh(shares, parameters.meanings[:, 1])
    no = _weigh(shares, parameters.meanings[:, 0])
    return Estimates(
        log_odds=np.log(yes) - np.log(no),
        probability=yes / (yes + no),
        no=counts[:, Answer.NO],
        unsure=counts[:, Answer.UNSURE],
        yes=counts[:, Answer.YES],
        evidence=evidence,
        log_prior=log_prior,
    )


def estimate_votes(
    *, votes: Votes, log_tables: Floats, parameters: Parameters, log_prior: Floats | None = None
) -> Estimates:
    """Estimates of all items of `votes` under the workers' `log_tables[W, S, A]`."""
    evidence = sum_evidence(votes=votes, log_tables=log_tables)
    return estimate_evidence(evidence=evidence, counts=count_answers(votes), parameters=parameters, log_prior=log_prior)


def count_answers(votes: Votes) -> NDArray[np.int64]:
    """[items, answers]: how often each answer was given."""
    cells = votes.item.astype(np.int64) * votes.answers + votes.answer
    counts = np.bincount(cells, minlength=votes.items * votes.answers)
    return counts.reshape(votes.items, votes.answers).astype(np.int64)


def _weigh(shares: Floats, meanings: Floats) -> Floats:
    """Probability of one class, above 0."""
    terms = (shares[..., state] * max(float(meaning), SMALLEST_MEANING) for state, meaning in enumerate(meanings))
    return np.asarray(sum(terms, start=np.zeros(1)))
