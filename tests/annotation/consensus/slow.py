"""The slow, obvious twins of belief, decide and sequence: loops over states and votes, one question at a time.

A question's votes are pairs (the worker's row in the logarithms of tables, answer), in recorded order.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from annotation.consensus import decide as engine
from annotation.consensus.belief import SMALLEST_MEANING
from annotation.consensus.decide import UNDECIDED_PRICE, WRONG_GUESS_PRICE, Decision, Rule
from annotation.consensus.model import Answer, Floats, Parameters

SlowVotes = Sequence[tuple[int, int]]


def slow_shares(
    *, votes: SlowVotes, log_tables: Floats, parameters: Parameters, log_prior: Sequence[float] | None = None
) -> list[float]:
    """Discounted Bayes: each state's share after the votes."""
    evidence = [sum(float(log_tables[row][state][answer]) for row, answer in votes) for state in _states(parameters)]
    return _share(evidence, len(votes), parameters, log_prior)


def slow_probability(
    *, votes: SlowVotes, log_tables: Floats, parameters: Parameters, log_prior: Sequence[float] | None = None
) -> float:
    shares = slow_shares(votes=votes, log_tables=log_tables, parameters=parameters, log_prior=log_prior)
    return sum(share * float(parameters.meanings[state][1]) for state, share in enumerate(shares))


def slow_log_odds(
    *, votes: SlowVotes, log_tables: Floats, parameters: Parameters, log_prior: Sequence[float] | None = None
) -> float:
    shares = slow_shares(votes=votes, log_tables=log_tables, parameters=parameters, log_prior=log_prior)
    no, yes = (
        sum(share * max(float(parameters.meanings[k][side]), SMALLEST_MEANING) for k, share in enumerate(shares))
        for side in (0, 1)
    )
    return math.log(yes) - math.log(no)


def slow_costs(
    *,
    votes: SlowVotes,
    log_tables: Floats,
    parameters: Parameters,
    rule: Rule,
    depth: int | None = None,
    log_prior: Sequence[float] | None = None,
) -> dict[Decision, float]:
    """What each decision costs on average, in votes, when everything after it is decided as cheaply as can be.

    `depth` votes are looked ahead (the engine's own depth where not given), as if members of the crowd gave them.
    """
    now = slow_shares(votes=votes, log_tables=log_tables, parameters=parameters, log_prior=log_prior)
    evidence = [sum(float(log_tables[row][k][answer]) for row, answer in votes) for k in _states(parameters)]
    given = [sum(answer == kind for _, answer in votes) for kind in Answer]
    farthest = min(max(rule.vote_cap - len(votes), 0), engine.DEPTH if depth is None else depth)

    def chance(path: tuple[int, ...]) -> float:
        """Of exactly these answers, in one order."""
        return sum(now[k] * math.prod(float(parameters.responses[k][a]) for a in path) for k in _states(parameters))

    @cache
    def costs(path: tuple[int, ...]) -> dict[Decision, float]:
        then = [evidence[k] + sum(math.log(parameters.responses[k][a]) for a in path) for k in _states(parameters)]
        shares = _share(then, len(votes) + len(path), parameters, log_prior)
        yes = sum(share * float(parameters.meanings[k][1]) for k, share in enumerate(shares))
        found = _price_of_stopping(yes, [given[kind] + path.count(kind) for kind in Answer], rule)
        if len(path) < farthest:
            found[Decision.ASK] = 1.0
            for answer in Answer:
                # The order of answers changes nothing, so that paths are looked at once however they are reached.
                onward = tuple(sorted((*path, int(answer))))
                found[Decision.ASK] += chance(onward) / chance(path) * min(costs(onward).values())
        return found

    return costs(())


def slow_decision(
    *,
    votes: SlowVotes,
    log_tables: Floats,
    parameters: Parameters,
    rule: Rule,
    depth: int | None = None,
    log_prior: Sequence[float] | None = None,
) -> Decision:
    if not votes:
        return Decision.ASK
    costs = slow_costs(
        votes=votes, log_tables=log_tables, parameters=parameters, rule=rule, depth=depth, log_prior=log_prior
    )
    # Of equals: accept, then reject, then dispute, then ask.
    order = [Decision.ACCEPT, Decision.REJECT, Decision.DISPUTE, Decision.ASK]
    return min((decision for decision in order if decision in costs), key=lambda decision: costs[decision])


def slow_first_decision(
    *,
    votes: SlowVotes,
    log_tables: Floats,
    parameters: Parameters,
    rule: Rule,
    depth: int | None = None,
    log_prior: Sequence[float] | None = None,
) -> tuple[Decision, int]:
    """(decision, votes it took) by looking after every vote; (ASK, all votes) where none was met."""
    for taken in range(1, len(votes) + 1):
        decision = slow_decision(
            votes=votes[:taken],
            log_tables=log_tables,
            parameters=parameters,
            rule=rule,
            depth=depth,
            log_prior=log_prior,
        )
        if decision != Decision.ASK:
            return decision, taken
    return Decision.ASK, len(votes)


def slow_votes_wanted(
    *,
    votes: SlowVotes,
    log_tables: Floats,
    parameters: Parameters,
    rule: Rule,
    depth: int | None = None,
    log_prior: Sequence[float] | None = None,
) -> int:
    """Tries 1, 2, ... agreeing answers of somebody unknown."""
    # Somebody unknown answers as the crowd does: one more row.
    tables = np.concatenate([log_tables, np.log(parameters.responses)[np.newaxis]])
    stranger = len(log_tables)

    def decide(given: SlowVotes) -> Decision:
        return slow_decision(
            votes=given, log_tables=tables, parameters=parameters, rule=rule, depth=depth, log_prior=log_prior
        )

    if decide(votes) != Decision.ASK:
        return len(votes)
    for more in range(1, rule.vote_cap - len(votes)):
        if any(
            decide([*votes, *[(stranger, int(answer))] * more]) in (Decision.ACCEPT, Decision.REJECT)
            for answer in (Answer.YES, Answer.NO)
        ):
            return len(votes) + more
    return max(rule.vote_cap, len(votes))


def _price_of_stopping(yes: float, counts: Sequence[int], rule: Rule) -> dict[Decision, float]:
    accepting, rejecting = rule.prices
    found = {Decision.DISPUTE: UNDECIDED_PRICE + WRONG_GUESS_PRICE * min(yes, 1 - yes)}
    if counts[Answer.YES] >= rule.minimum_yes and math.isfinite(accepting):
        found[Decision.ACCEPT] = accepting * (1 - yes)
    if counts[Answer.NO] >= rule.minimum_no and math.isfinite(rejecting):
        found[Decision.REJECT] = rejecting * yes
    return found


def _share(
    evidence: Sequence[float], votes: int, parameters: Parameters, log_prior: Sequence[float] | None
) -> list[float]:
    worth = 1 + (votes - 1) * parameters.discount if votes else 1.0
    known = log_prior if log_prior is not None else [0.0] * parameters.states
    prior = [math.log(parameters.shares[k]) + known[k] for k in _states(parameters)]
    logs = [evidence[k] + prior[k] for k in _states(parameters)]
    if parameters.states == 2:
        worth = min(worth, max(1.0, abs(logs[1] - logs[0]) / max(abs(prior[1] - prior[0]), 1e-9)))
    logs = [log / worth for log in logs]
    # The greatest is taken out, or hundreds of votes would leave nothing but zeros.
    raised = [math.exp(log - max(logs)) for log in logs]
    return [value / sum(raised) for value in raised]


def _states(parameters: Parameters) -> range:
    return range(parameters.states)
