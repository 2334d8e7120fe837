"""Decisions as the votes came in, whenever they are looked at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.decide import Decision, Rule, decide
from annotation.consensus.estimate import check_indices, estimate_counts
from annotation.consensus.model import Answer, Parameters


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstDecisions:
    """Where each of Q questions was first decided: arrays of length Q.

    `decision` is a `Decision`, ASK where none was met. Where one was, `probability` is what was believed of the
    question at that vote and `votes` counts the votes up to it; else they are 0.
    """

    decision: NDArray[np.int8]
    probability: NDArray[np.float64]
    votes: NDArray[np.int64]


def decide_in_order(
    *,
    votes_question: NDArray[np.integer],
    votes_answer: NDArray[np.integer],
    questions: int,
    parameters: Parameters,
    rule: Rule,
) -> FirstDecisions:
    """The first `Decision` other than ASK that each of the Q questions met while its votes came in.

    `votes_question[V]` must be sorted, each question's votes in recorded order; `votes_answer[V]` are `Answer`s. So a
    job that runs late, over several pages of votes at once, decides as one that ran after every vote.
    """
    check_indices(field="votes_question", values=votes_question, limit=questions)
    check_indices(field="votes_answer", values=votes_answer, limit=len(Answer))
    first = FirstDecisions(
        decision=np.full(questions, Decision.ASK, dtype=np.int8),
        probability=np.zeros(questions),
        votes=np.zeros(questions, dtype=np.int64),
    )
    estimates = estimate_counts(counts=_count_so_far(votes_question, votes_answer), parameters=parameters)
    outcomes = decide(estimates, rule)
    # `np.unique` gives the first place of each question among the votes that decide.
    deciding = np.flatnonzero(outcomes != Decision.ASK)
    decided, places = np.unique(votes_question[deciding], return_index=True)
    vote = deciding[places]
    first.decision[decided] = outcomes[vote]
    first.probability[decided] = estimates.probability[vote]
    first.votes[decided] = estimates.votes[vote]
    return first


def _count_so_far(votes_question: NDArray[np.integer], votes_answer: NDArray[np.integer]) -> NDArray[np.int64]:
    """The answers of each vote's question up to and with that vote: an array [V, 3]."""
    running = np.cumsum(np.eye(len(Answer), dtype=np.int64)[votes_answer], axis=0)
    start = np.searchsorted(votes_question, votes_question, side="left")
    before = np.vstack([np.zeros((1, len(Answer)), dtype=np.int64), running])
    return np.asarray(running - before[start], dtype=np.int64)
