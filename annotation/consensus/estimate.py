"""From votes to log-odds under the pooled crowd."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.model import NO_STATES, YES_STATES, Answer, Parameters


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimates:
    """What is believed of Q questions: arrays of length Q, in the order of the questions.

    `log_odds` is the natural logarithm of P(yes) / P(no), `probability` is P(yes) in [0, 1]; `no`, `unsure` and `yes`
    count the answers they rest on.
    """

    log_odds: NDArray[np.float64]
    probability: NDArray[np.float64]
    no: NDArray[np.int64]
    unsure: NDArray[np.int64]
    yes: NDArray[np.int64]

    @property
    def votes(self) -> NDArray[np.int64]:
        """All answers counted, whatever they say."""
        return self.no + self.unsure + self.yes


def estimate_questions(
    *, votes_question: NDArray[np.integer], votes_answer: NDArray[np.integer], questions: int, parameters: Parameters
) -> Estimates:
    """Estimates of `questions` questions from V votes.

    `votes_question[V]` is the index of each vote's question, `votes_answer[V]` its `Answer`. A question without votes
    gets the prior. A question's estimate is the same, bit for bit, in whatever order the votes come and whichever other
    questions are estimated with it. Raises ValueError naming the argument and the first bad position.
    """
    if questions < 0:
        raise ValueError(f"questions: must not be negative, is {questions}")
    check_indices(field="votes_question", values=votes_question, limit=questions)
    check_indices(field="votes_answer", values=votes_answer, limit=len(Answer))
    if len(votes_question) != len(votes_answer):
        raise ValueError(f"votes_answer: has {len(votes_answer)} votes, votes_question has {len(votes_question)}")
    # Wide integers first: the caller's type may be too narrow for the product.
    cells = votes_question.astype(np.int64) * len(Answer) + votes_answer.astype(np.int64)
    counts = np.bincount(cells, minlength=questions * len(Answer)).reshape(questions, len(Answer))
    return estimate_counts(counts=counts.astype(np.int64), parameters=parameters)


def estimate_counts(*, counts: NDArray[np.int64], parameters: Parameters) -> Estimates:
    """Estimates of Q questions from `counts[Q, 3]`, the number of each `Answer`.

    In a pooled crowd it does not matter who answered, so the counts say all that the votes say.
    """
    log_shares = np.log(np.array(parameters.state_shares))
    log_responses = np.log(np.array(parameters.responses))
    evidence = np.repeat(log_shares[:, np.newaxis], len(counts), axis=1)
    # Term by term instead of a matrix product, whose rounding may change with the number of questions.
    for answer in Answer:
        evidence += log_responses[:, answer, np.newaxis] * counts[:, answer]
    log_yes = np.logaddexp.reduce(evidence[list(YES_STATES)], axis=0)
    log_no = np.logaddexp.reduce(evidence[list(NO_STATES)], axis=0)
    log_odds = log_yes - log_no
    return Estimates(
        log_odds=log_odds,
        probability=np.exp(-np.logaddexp(0.0, -log_odds)),
        no=counts[:, Answer.NO],
        unsure=counts[:, Answer.UNSURE],
        yes=counts[:, Answer.YES],
    )


def check_indices(*, field: str, values: NDArray[np.integer], limit: int) -> None:
    """Raises ValueError unless `values` is one row of whole numbers from 0 to below `limit`."""
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{field}: must be a one-dimensional array of whole numbers")
    bad = np.flatnonzero((values < 0) | (values >= limit))
    if len(bad):
        raise ValueError(f"{field}[{bad[0]}]: must be from 0 to {limit - 1}, is {values[bad[0]]}")
