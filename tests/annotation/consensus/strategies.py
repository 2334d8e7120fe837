"""Generated input of the consensus tests, and the way from lists of votes to arrays."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from annotation.consensus.decide import Rule
from annotation.consensus.estimate import Estimates, estimate_questions
from annotation.consensus.model import START, Answer, Parameters

answers = st.lists(st.sampled_from(Answer), max_size=14)
crowds = st.lists(answers, min_size=1, max_size=8)
rules = st.builds(
    Rule,
    target_error=st.sampled_from([0.003, 0.01, 0.03, 0.05, 0.1, 0.2, 0.49]),
    vote_cap=st.integers(3, 14),
    minimum_yes=st.integers(1, 3),
    minimum_no=st.integers(1, 3),
)


@st.composite
def parameter_sets(draw: st.DrawFn) -> Parameters:
    """Valid parameters far from START; the bounds keep the states in order."""
    shares = draw(st.lists(st.floats(0.01, 1), min_size=4, max_size=4))
    yes = sorted(draw(st.lists(st.floats(0.01, 0.9), min_size=4, max_size=4, unique=True)))
    unsure_parts = draw(st.lists(st.floats(0.05, 0.95), min_size=4, max_size=4))
    rows = [((1 - y) * (1 - u), (1 - y) * u, y) for y, u in zip(yes, unsure_parts, strict=True)]
    rows[2], rows[3] = rows[3], rows[2]
    return Parameters(state_shares=tuple(share / sum(shares) for share in shares), responses=tuple(rows))


def estimate_crowd(crowd: Sequence[Sequence[Answer]], parameters: Parameters = START) -> Estimates:
    """One question for each list of answers."""
    return estimate_questions(
        votes_question=np.array([i for i, votes in enumerate(crowd) for _ in votes], dtype=np.int64),
        votes_answer=np.array([vote for votes in crowd for vote in votes], dtype=np.int8),
        questions=len(crowd),
        parameters=parameters,
    )
