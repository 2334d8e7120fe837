"""What a replay prints: the labels against the truth, gold left out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.labels import Encoded
from annotation.consensus.metrics import BinaryScore, ClassScore, score_binary, score_classes
from annotation.consensus.replayrules import Outcome
from annotation.consensus.votes import UNKNOWN

DIGITS = 6


def score_outcome(encoded: Encoded, outcome: Outcome) -> dict[str, Any]:
    """Figures over tasks that are not gold; null where there is nothing to measure.

    Accuracy, precision, recall, F1, ECE and NLL are of the likelier class of every task with a truth, decided or not; for more
    than two classes precision, recall and F1 are means over classes. `realised_error` is the share of wrong ones among
    decided tasks.
    """
    asked = encoded.gold == UNKNOWN
    truth = np.where(asked, encoded.truth, UNKNOWN).astype(np.int8)
    used, available = int(outcome.votes[asked].sum()), int(np.diff(encoded.votes.starts)[asked].sum())
    tasks, decided = int(asked.sum()), int((outcome.decided & asked).sum())
    return {
        "tasks": tasks,
        "workers": len(encoded.workers),
        "votes_available": available,
        "votes_used": used,
        "votes_per_task": round(used / tasks, DIGITS) if tasks else None,
        "decided": decided,
        "undecided": tasks - decided,
        **_score(encoded, outcome, truth),
    }


def _score(encoded: Encoded, outcome: Outcome, truth: NDArray[np.int8]) -> dict[str, float | None]:
    score: BinaryScore | ClassScore
    if encoded.binary:
        score = score_binary(probability=outcome.probability[:, 1], truth=truth)
        rates = (score.precision, score.recall, score.f1)
    else:
        score = score_classes(probability=outcome.probability, truth=truth)
        rates = (score.macro_precision, score.macro_recall, score.macro_f1)
    judged = outcome.decided & (truth != UNKNOWN)
    wrong = outcome.probability.argmax(axis=1)[judged] != truth[judged] if judged.any() else np.zeros(0)
    figures = {
        "accuracy": score.accuracy,
        **dict(zip(("precision", "recall", "f1"), rates, strict=True)),
        "ece": score.ece,
        "nll": score.nll,
        "realised_error": float(wrong.mean()) if len(wrong) else None,
    }
    # Plus 0, or a perfect score would print as -0.0.
    return {name: None if value is None else round(float(value), DIGITS) + 0.0 for name, value in figures.items()}
