"""One question at a time, in plain Python: what the engine makes of its answers, step by step."""

import math
from functools import cache

import numpy as np

from annotation.consensus.decide import DEPTH, UNDECIDED_PRICE, WRONG_GUESS_PRICE, Decision
from annotation.consensus.model import Answer, Parameters

# Yes and no, each clear or not, and nothing that hangs on what the engine starts with.
FOUR = Parameters(
    shares=np.array([0.6, 0.15, 0.1, 0.15]),
    meanings=np.array([[0.99, 0.01], [0.7, 0.3], [0.2, 0.8], [0.02, 0.98]]),
    responses=np.array([[0.9, 0.06, 0.04], [0.55, 0.25, 0.2], [0.3, 0.3, 0.4], [0.08, 0.07, 0.85]]),
    strengths=np.array([10.0, 6.0, 6.0, 12.0]),
    discount=0.0,
)


def slow_log_odds(given, parameters, *, tables=None, prior=None):
    """`given` are answers; `tables[n][state][answer]` is the n-th voter's table, else the crowd's; `prior` what was said."""
    scores = [math.log(share) for share in parameters.shares]
    if prior is not None:
        base = sum(share * yes for share, (_, yes) in zip(parameters.shares, parameters.meanings, strict=True))
        for state, (_, yes) in enumerate(parameters.meanings):
            scores[state] += math.log(yes * prior / base + (1 - yes) * (1 - prior) / (1 - base))
    for number, answer in enumerate(given):
        table = parameters.responses if tables is None else tables[number]
        scores = [score + math.log(table[state][answer]) for state, score in enumerate(scores)]
    worth = 1 + max(len(given) - 1, 0) * parameters.discount
    weights = [math.exp(score / worth) for score in scores]
    no, yes = (sum(w * m[each] for w, m in zip(weights, parameters.meanings, strict=True)) for each in (0, 1))
    return math.log(yes / no)


def slow_decision(given, parameters, rule):
    """What costs least on average, if further votes are the crowd's and no more than `DEPTH` of them are looked at."""
    accept_price, reject_price = rule.prices
    scores = [
        math.log(share) + sum(math.log(row[answer]) for answer in given)
        for share, row in zip(parameters.shares, parameters.responses, strict=True)
    ]
    total = sum(map(math.exp, scores))
    states = [math.exp(score) / total for score in scores]
    assert parameters.discount == 0, "the twin takes votes as independent"

    @cache
    def look(counts, left):
        """The least cost of an item whose next votes have been these, and the choice."""
        weights = [
            state * math.prod(row[answer] ** counts[answer] for answer in Answer)
            for state, row in zip(states, parameters.responses, strict=True)
        ]
        no, yes = (sum(w * m[each] for w, m in zip(weights, parameters.meanings, strict=True)) for each in (0, 1))
        enough = [given.count(answer) + counts[answer] for answer in Answer]
        choices = [
            (accept_price * no if enough[Answer.YES] >= rule.minimum_yes else math.inf, Decision.ACCEPT),
            (reject_price * yes if enough[Answer.NO] >= rule.minimum_no else math.inf, Decision.REJECT),
            (UNDECIDED_PRICE * (no + yes) + WRONG_GUESS_PRICE * min(no, yes), Decision.DISPUTE),
        ]
        if left:
            following = [look(tuple(counts[a] + (a == answer) for a in Answer), left - 1)[0] for answer in Answer]
            choices.append((no + yes + sum(following), Decision.ASK))
        return min(choices, key=lambda choice: choice[0])

    return look((0, 0, 0), min(max(rule.vote_cap - len(given), 0), DEPTH))[1]
