"""Where a fit begins: from the votes alone, or from what was learned elsewhere."""

import numpy as np

from annotation.consensus.correlation import USUAL_CORRELATION, find_discount
from annotation.consensus.model import Answer, Floats, Parameters
from annotation.consensus.strengths import DEFAULT_STRENGTH
from annotation.consensus.votes import Votes

# How often a crowd's agreement says nothing where no gold says how often: then a class is as likely as among all items.
DEFAULT_DOUBT = 0.04
# A first table: workers are right so often.
FIRST_ACCURACY = 0.7


def start_classes(*, classes: int) -> Parameters:
    """One state for each of K classes, one answer for each, nothing known yet: every state as likely, workers right in
    `FIRST_ACCURACY` of their votes (or as good as that leaves them above chance)."""
    same = np.eye(classes)
    others = np.full((classes, classes), 1.0 / classes)
    right = FIRST_ACCURACY if classes > 1 else 1.0
    return Parameters(
        shares=np.full(classes, 1.0 / classes),
        meanings=doubt(np.full(classes, 1.0 / classes)),
        responses=right * same + (1 - right) * others,
        strengths=np.full(classes, DEFAULT_STRENGTH),
        discount=find_discount(correlation=USUAL_CORRELATION, verification=False),
    )


def doubt(shares: Floats) -> Floats:
    """Meanings [K, K] of K states, one for each class, where no gold says them: in `DEFAULT_DOUBT` of the cases the class is
    drawn from `shares[K]`, whatever the votes say."""
    return (1 - DEFAULT_DOUBT) * np.eye(len(shares)) + DEFAULT_DOUBT * shares


def start_two_states() -> Parameters:
    """Verification with two states, no and yes, and nothing known yet. Workers as a crowd are as in `GRADED`, its no- and
    yes-states taken together."""
    no, yes = GRADED.meanings.T * GRADED.shares
    rows = np.stack([no @ GRADED.responses / no.sum(), yes @ GRADED.responses / yes.sum()])
    shares = np.array([no.sum(), yes.sum()])
    return Parameters(
        shares=shares / shares.sum(),
        meanings=doubt(shares / shares.sum()),
        responses=rows / rows.sum(axis=1, keepdims=True),
        strengths=np.full(2, DEFAULT_STRENGTH),
        discount=find_discount(correlation=USUAL_CORRELATION, verification=True),
    )


def share_by_votes(*, votes: Votes, verification: bool) -> Floats:
    """First shares [items, states] from how the votes are divided: in verification (yes + unsure / 2) / n, else each
    class's share. An item without votes is divided evenly."""
    given = np.bincount(
        votes.item.astype(np.int64) * votes.answers + votes.answer, minlength=votes.items * votes.answers
    )
    counts = given.reshape(votes.items, votes.answers).astype(np.float64)
    if verification:
        unsure = counts[:, Answer.UNSURE] / 2
        counts = np.stack([counts[:, Answer.NO] + unsure, counts[:, Answer.YES] + unsure], axis=1)
    whole = counts.sum(axis=1, keepdims=True)
    even = 1.0 / counts.shape[1]
    return np.where(whole > 0, counts / np.maximum(whole, 1.0), even)


# Fitted on the raters' votes of "Are we done with ImageNet?" (Beyer et al. 2020), meanings on its experts' answers:
# where a new installation starts, before it has votes of its own. States go from clearly no to clearly yes.
GRADED = Parameters(
    shares=np.array([0.653, 0.065, 0.113, 0.051, 0.051, 0.067]),
    meanings=np.array([[0.995, 0.005], [0.659, 0.341], [0.823, 0.177], [0.084, 0.916], [0.152, 0.848], [0.01, 0.99]]),
    responses=np.array(
        [
            [0.920, 0.044, 0.036],
            [0.655, 0.184, 0.161],
            [0.679, 0.212, 0.109],
            [0.272, 0.334, 0.394],
            [0.443, 0.112, 0.445],
            [0.096, 0.072, 0.832],
        ]
    ),
    strengths=np.array([10.8, 12.0, 6.2, 6.2, 11.0, 14.6]),
    discount=0.05,
)
