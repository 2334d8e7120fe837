"""crowd-kit's rules, scored or timed; prints one JSON object.

python -m benchmarks.peers score RULE --votes VOTES --truth TRUTH [--train VOTES] [--positive YES] [--unsure MAYBE]
python -m benchmarks.peers time --votes NUMBER --rounds ROUNDS --tolerance TOLERANCE --repeats REPEATS

A label for "unsure" is a class to these rules; what they hold of yes against no is P(yes) / (P(yes) + P(no)).
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import GLAD, MACE, DawidSkene, OneCoinDawidSkene
from numpy.typing import NDArray

from annotation.consensus.metrics import score_binary, score_classes
from benchmarks.generate import generate_votes
from benchmarks.measure import MB, measure_peak_growth

# As they come, but MACE's random starts, whose seed it wants to be told.
RULES: Mapping[str, Callable[[], Any]] = {
    "DawidSkene": DawidSkene,
    "OneCoinDawidSkene": OneCoinDawidSkene,
    "GLAD": GLAD,
    "MACE": lambda: MACE(random_state=1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    score = commands.add_parser("score")
    score.set_defaults(run=score_rule)
    score.add_argument("rule", choices=RULES)
    score.add_argument("--votes", type=Path, required=True)
    score.add_argument("--truth", type=Path, required=True)
    score.add_argument("--train", type=Path)
    score.add_argument("--positive")
    score.add_argument("--unsure")
    timed = commands.add_parser("time")
    timed.set_defaults(run=time_dawid_skene)
    timed.add_argument("--votes", type=int, required=True)
    timed.add_argument("--rounds", type=int, required=True)
    timed.add_argument("--tolerance", type=float, required=True)
    timed.add_argument("--repeats", type=int, required=True)
    options = vars(parser.parse_args())
    json.dump(options.pop("run")(**options), sys.stdout)


def score_rule(
    *, rule: str, votes: Path, truth: Path, train: Path | None, positive: str | None, unsure: str | None
) -> dict[str, Any]:
    """What `annotation.consensus.replay` prints of a rule that uses every vote; precision, recall and F1 of K classes are macro averages."""
    given = _read(votes)
    actual = _read(truth).set_index("task").label
    actual = actual[actual.index.isin(given.task)]
    fitted, seconds = _fit(RULES[rule](), _add_training(given, train))
    if positive is None:
        scored = _score_classes(fitted.probas_, actual)
    else:
        scored = _score_binary(fitted.probas_, actual, positive=positive, unsure=unsure)
    return scored | {"seconds": seconds, "votes_per_task": len(given) / given.task.nunique()}


def _read(path: Path) -> pd.DataFrame:
    """Text as it stands, also where it looks like a number or like nothing."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _add_training(given: pd.DataFrame, train: Path | None) -> pd.DataFrame:
    """With the votes that `train` has on other tasks: a rule that cannot learn beforehand learns along."""
    if train is None:
        return given
    others = _read(train)
    return pd.concat([given, others[~others.task.isin(given.task)]], ignore_index=True)


def _fit(model: Any, votes: pd.DataFrame) -> tuple[Any, float]:
    start = time.perf_counter()
    model.fit(votes)
    return model, time.perf_counter() - start


def _score_binary(
    probability: pd.DataFrame, actual: "pd.Series[str]", *, positive: str, unsure: str | None
) -> dict[str, Any]:
    negatives = [label for label in probability.columns if label not in (positive, unsure)]
    yes = _read_columns(probability, actual, [positive])[:, 0]
    no = _read_columns(probability, actual, negatives).sum(axis=1)
    share = np.divide(yes, yes + no, out=np.full(len(yes), 0.5), where=yes + no > 0)
    return asdict(score_binary(probability=share, truth=(actual == positive).to_numpy(dtype=np.int8)))


def _score_classes(probability: pd.DataFrame, actual: "pd.Series[str]") -> dict[str, Any]:
    classes = sorted({*probability.columns, *actual})
    held = _read_columns(probability, actual, classes)
    held /= held.sum(axis=1, keepdims=True)
    scored = asdict(score_classes(probability=held, truth=np.searchsorted(classes, actual.to_numpy(dtype=str))))
    return scored | {name: scored[f"macro_{name}"] for name in ("precision", "recall", "f1")}


def _read_columns(probability: pd.DataFrame, actual: "pd.Series[str]", classes: list[str]) -> NDArray[np.float64]:
    """[tasks with a truth, classes]: 0 for a class nobody voted for."""
    held = probability.reindex(index=actual.index, columns=classes, fill_value=0.0)
    return np.array(held, dtype=np.float64)


def time_dawid_skene(*, votes: int, rounds: int, tolerance: float, repeats: int) -> dict[str, Any]:
    """Median seconds and peak growth in MB of the fit alone: the frame of votes is there before."""
    made, truth = generate_votes(votes=votes)
    frame = pd.DataFrame({"task": made.item, "worker": made.worker, "label": made.answer})
    fits: list[tuple[Any, float]] = []
    peaks = [
        measure_peak_growth(lambda: fits.append(_fit(DawidSkene(n_iter=rounds, tol=tolerance), frame)))
        for _ in range(repeats)
    ]
    fitted = fits[-1][0]
    return {
        "seconds": statistics.median(seconds for _, seconds in fits),
        "peak_mb": max(peaks) / MB,
        "rounds": len(fitted.loss_history_),
        "accuracy": float((fitted.labels_.sort_index().to_numpy() == truth).mean()),
    }


if __name__ == "__main__":
    main()
