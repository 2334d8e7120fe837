"""From log-odds to decisions, and to the number of votes still worth asking for."""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.estimate import Estimates, estimate_counts
from annotation.consensus.model import Answer, Parameters

NOMINAL_DIVISOR = 5
HIGHEST_TARGET_ERROR = 0.5
HIGHEST_VOTE_CAP = 1000


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
    are at least 1, so UNSURE alone decides nothing, and neither exceeds the cap. Else ValueError naming the field.
    """

    target_error: float
    vote_cap: int
    minimum_yes: int = 2
    minimum_no: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.target_error < HIGHEST_TARGET_ERROR:
            raise ValueError(f"target_error: must be above 0 and below {HIGHEST_TARGET_ERROR}, is {self.target_error}")
        if not 1 <= self.vote_cap <= HIGHEST_VOTE_CAP:
            raise ValueError(f"vote_cap: must be from 1 to {HIGHEST_VOTE_CAP}, is {self.vote_cap}")
        for field, minimum in (("minimum_yes", self.minimum_yes), ("minimum_no", self.minimum_no)):
            if not 1 <= minimum <= self.vote_cap:
                raise ValueError(f"{field}: must be from 1 to vote_cap ({self.vote_cap}), is {minimum}")

    @property
    def nominal_threshold(self) -> float:
        """The posterior probability of being wrong at which asking stops: a fifth of the target error.

        Posterior stopping rules promise too much, because workers err together and the model takes them as independent:
        on the votes of real-imagenet a nominal 1 % was 4.3 to 6.6 % in fact. A threshold calibrated on gold replaces
        this one where there is enough gold.
        """
        return self.target_error / NOMINAL_DIVISOR

    @property
    def deciding_log_odds(self) -> float:
        """The nominal threshold as log-odds: accept from here upwards, reject from its negative downwards."""
        return math.log1p(-self.nominal_threshold) - math.log(self.nominal_threshold)


def decide(estimates: Estimates, rule: Rule) -> NDArray[np.int8]:
    """The `Decision` on each of the Q questions, as an array of its values."""
    decisions = np.where(estimates.votes >= rule.vote_cap, Decision.DISPUTE, Decision.ASK).astype(np.int8)
    certain_yes = estimates.log_odds >= rule.deciding_log_odds
    certain_no = estimates.log_odds <= -rule.deciding_log_odds
    decisions[certain_yes & (estimates.yes >= rule.minimum_yes)] = Decision.ACCEPT
    decisions[certain_no & (estimates.no >= rule.minimum_no)] = Decision.REJECT
    return decisions


def votes_wanted(estimates: Estimates, parameters: Parameters, rule: Rule) -> NDArray[np.int64]:
    """How many votes each of the Q questions asks for in all, those it has included.

    For a question to be asked further: its votes plus the fewest agreeing answers, all YES or all NO, that would accept
    or reject it; the cap where none would. Otherwise, decided or disputed, the votes it has. `estimates` must be made
    with the same `parameters`.
    """
    counts = np.stack([estimates.no, estimates.unsure, estimates.yes], axis=1)
    asking = decide(estimates, rule) == Decision.ASK
    wanted = np.where(asking, rule.vote_cap, estimates.votes)
    # From many to few, so that the fewest is written last.
    for more in range(rule.vote_cap - 1, 0, -1):
        reachable = asking & (estimates.votes + more <= rule.vote_cap)
        for answer in (Answer.YES, Answer.NO):
            agreed = counts + more * np.eye(len(Answer), dtype=np.int64)[answer]
            outcome = decide(estimate_counts(counts=agreed, parameters=parameters), rule)
            settled = (outcome == Decision.ACCEPT) | (outcome == Decision.REJECT)
            wanted = np.where(reachable & settled, estimates.votes + more, wanted)
    return wanted
