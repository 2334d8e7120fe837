"""The slow, obvious twins of the consensus package: loops over states and votes, one question at a time."""

import math
from collections.abc import Sequence

from annotation.consensus.decide import Decision, Rule
from annotation.consensus.model import NO_STATES, YES_STATES, Answer, Parameters, State


def slow_log_odds(*, votes: Sequence[Answer], parameters: Parameters) -> float:
    logs = {state: math.log(parameters.state_shares[state]) for state in State}
    for state in State:
        for vote in votes:
            logs[state] += math.log(parameters.responses[state][vote])
    top = max(logs.values())
    # Each side has its own greatest term, or the lesser side would vanish after a few hundred votes.
    return _log_sum(values=[logs[s] - top for s in YES_STATES]) - _log_sum(values=[logs[s] - top for s in NO_STATES])


def slow_decision(*, votes: Sequence[Answer], parameters: Parameters, rule: Rule) -> Decision:
    log_odds = slow_log_odds(votes=votes, parameters=parameters)
    probability_no = 1 / (1 + math.exp(log_odds))
    probability_yes = 1 / (1 + math.exp(-log_odds))
    if probability_no <= rule.target_error / 5 and list(votes).count(Answer.YES) >= rule.minimum_yes:
        return Decision.ACCEPT
    if probability_yes <= rule.target_error / 5 and list(votes).count(Answer.NO) >= rule.minimum_no:
        return Decision.REJECT
    return Decision.DISPUTE if len(votes) >= rule.vote_cap else Decision.ASK


def slow_votes_wanted(*, votes: Sequence[Answer], parameters: Parameters, rule: Rule) -> int:
    if slow_decision(votes=votes, parameters=parameters, rule=rule) != Decision.ASK:
        return len(votes)
    for more in range(1, rule.vote_cap - len(votes) + 1):
        for answer in (Answer.NO, Answer.YES):
            agreed = [*votes, *[answer] * more]
            decision = slow_decision(votes=agreed, parameters=parameters, rule=rule)
            if decision in (Decision.ACCEPT, Decision.REJECT):
                return len(agreed)
    return rule.vote_cap


def _log_sum(*, values: Sequence[float]) -> float:
    greatest = max(values)
    return greatest + math.log(sum(math.exp(value - greatest) for value in values))
