"""Decisions as the votes came in, whenever they are looked at; and how many more are worth asking for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.belief import Estimates, estimate_evidence
from annotation.consensus.decide import Decision, Rule, decide, settle
from annotation.consensus.model import Answer, Floats, Parameters, take_logarithms
from annotation.consensus.votes import Votes


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstDecisions:
    """Where each of Q items was first decided: arrays of length Q.

    `decision` is a `Decision`, ASK where none was met. `probability` is what was believed of the item at that vote, or at the
    last where none was met, and `votes` counts the votes up to it.
    """

    decision: NDArray[np.int8]
    probability: Floats
    votes: NDArray[np.int64]


def decide_in_order(
    *,
    votes: Votes,
    added: Floats,
    parameters: Parameters,
    rule: Rule,
    log_prior: Floats | None = None,
    complete: bool = False,
) -> FirstDecisions:
    """The first `Decision` other than ASK that each item met while its votes came in, each adding its row of
    `added[V, S]` to the evidence (belief.look_up).

    `complete`: there are no other votes to be had, so that none is waited for after an item's last.

    An item's votes stand in `votes` in recorded order. So a job that runs late, over several pages of votes at once, decides
    as one that ran after every vote.
    """
    first = FirstDecisions(
        decision=np.full(votes.items, Decision.ASK, dtype=np.int8),
        probability=np.zeros(votes.items),
        votes=np.zeros(votes.items, dtype=np.int64),
    )
    starts = votes.starts
    of_item = np.diff(starts)
    evidence = np.zeros((votes.items, parameters.states))
    counts = np.zeros((votes.items, votes.answers), dtype=np.int64)
    open_items = np.arange(votes.items)
    _note(first, open_items, _estimate(evidence, counts, parameters, log_prior, open_items))
    for number in range(int(of_item.max(initial=0))):
        open_items = open_items[(of_item[open_items] > number) & (first.decision[open_items] == Decision.ASK)]
        vote = starts[open_items] + number
        answer = votes.answer[vote]
        evidence[open_items] += added[vote]
        counts[open_items, answer] += 1
        estimates = _estimate(evidence, counts, parameters, log_prior, open_items)
        _note(first, open_items, estimates)
        last_votes = of_item[open_items] if complete else None
        first.decision[open_items] = decide(estimates, parameters, rule, last_votes=last_votes)
    return first


def _estimate(
    evidence: Floats,
    counts: NDArray[np.int64],
    parameters: Parameters,
    log_prior: Floats | None,
    items: NDArray[np.int64],
) -> Estimates:
    return estimate_evidence(
        evidence=evidence[items],
        counts=counts[items],
        parameters=parameters,
        log_prior=None if log_prior is None else log_prior[items],
    )


def _note(first: FirstDecisions, items: NDArray[np.int64], estimates: Estimates) -> None:
    first.probability[items] = estimates.probability
    first.votes[items] = estimates.votes


def count_votes_wanted(
    *, estimates: Estimates, parameters: Parameters, rule: Rule, first: FirstDecisions | None = None
) -> NDArray[np.int64]:
    """How many votes each of the Q items asks for in all, those it has included.

    For an item to be asked further: its votes plus the fewest agreeing answers of the crowd, all YES or all NO, that would
    settle it; the cap where none would. Otherwise, decided or disputed, the votes it has. `estimates` must be made with the
    same `parameters`; `first`, where it is there, by `decide_in_order` from the same votes: it spares a second look.
    """
    wanted = estimates.votes.copy()
    asking = np.flatnonzero(_ask_on(estimates, parameters, rule, first))
    wanted[asking] = np.maximum(rule.vote_cap, wanted[asking])
    logs = take_logarithms(parameters.expected_responses)
    counts = np.stack([estimates.no, estimates.unsure, estimates.yes], axis=1)
    for more in range(1, rule.vote_cap):
        asking = asking[estimates.votes[asking] + more < rule.vote_cap]
        if not len(asking):
            break
        settled = np.zeros(len(asking), dtype=bool)
        for answer in (Answer.YES, Answer.NO):
            agreed = _estimate(
                estimates.evidence[asking] + more * logs[:, answer],
                counts[asking] + more * np.eye(len(Answer), dtype=np.int64)[answer],
                parameters,
                None if estimates.log_prior is None else estimates.log_prior[asking],
                np.arange(len(asking)),
            )
            settled |= settle(agreed, parameters, rule)
        wanted[asking[settled]] = estimates.votes[asking[settled]] + more
        asking = asking[~settled]
    return wanted


def _ask_on(
    estimates: Estimates, parameters: Parameters, rule: Rule, first: FirstDecisions | None
) -> NDArray[np.bool_]:
    """Whether each item is to be asked further. One that met its first decision before its last vote is looked at again."""
    if first is None:
        return np.asarray(decide(estimates, parameters, rule) == Decision.ASK)
    asked = first.decision == Decision.ASK
    passed = np.flatnonzero(first.votes < estimates.votes)
    asked[passed] = decide(estimates.select(passed), parameters, rule) == Decision.ASK
    return np.asarray(asked)
