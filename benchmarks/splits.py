"""Random splits of gold: part of it for thresholds, the rest for scoring; two sequential rules on the same pairs and orders.

python -m benchmarks.splits --votes FILE --truth FILE --train FILE [--positive LABEL] [--unsure LABEL]
prints one JSON object: for each rule and figure its mean and its 5th and 95th percentile over the splits.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from annotation.consensus.files import read_labels_file, read_votes_file
from annotation.consensus.labels import Encoded, encode_files
from annotation.consensus.metrics import calibrated_ece_quantile
from annotation.consensus.replayrules import RULES, Settings
from annotation.consensus.replayscore import score_outcome
from annotation.consensus.votes import UNKNOWN
from benchmarks.report import format_columns

COMPARED = ("section-3", "sequential")
SPLITS = 40
GOLD = 300
TARGET_ERROR = 0.05
VOTE_CAP = 10
FIGURES = ("votes_per_task", "undecided", "realised_error", "f1", "accuracy", "nll", "ece", "ece_within")
NOTE = f"""\
{SPLITS} random splits: {GOLD} gold tasks for thresholds at a target error of {TARGET_ERROR:.0%}, the rest scored; at most {VOTE_CAP} votes; workers learned
from the training votes and gold. Mean (5th to 95th percentile). undecided: share of tasks. ece_within: share of splits whose ECE lies
within the 90th percentile of a perfectly calibrated bootstrap of the same size."""

Spread = tuple[float, float, float]


def compare_splits(*, encoded: Encoded, splits: int = SPLITS, gold: int = GOLD) -> Mapping[str, Mapping[str, Spread]]:
    """Mean, 5th and 95th percentile over the splits of each of `FIGURES`, for each rule."""
    found: dict[str, list[list[float]]] = {rule: [] for rule in COMPARED}
    known = np.flatnonzero(encoded.truth != UNKNOWN)
    for split in range(splits):
        chosen = np.random.default_rng(split).permutation(known)[:gold]
        truths = np.full(len(encoded.truth), UNKNOWN, dtype=np.int8)
        truths[chosen] = encoded.truth[chosen]
        for rule in COMPARED:
            found[rule].append(_run_rule(replace(encoded, gold=truths), rule, seed=split))
        print(f"split {split + 1} of {splits}", file=sys.stderr)
    return {
        rule: {name: _spread(column) for name, column in zip(FIGURES, np.array(rows, dtype=float).T, strict=True)}
        for rule, rows in found.items()
    }


def _run_rule(encoded: Encoded, rule: str, *, seed: int) -> list[float]:
    outcome = RULES[rule](encoded, Settings(target_error=TARGET_ERROR, vote_cap=VOTE_CAP, seed=seed))
    score = score_outcome(encoded, outcome)
    scored = (encoded.gold == UNKNOWN) & (encoded.truth != UNKNOWN)
    score["undecided"] /= score["tasks"]
    score["ece_within"] = score["ece"] <= (calibrated_ece_quantile(probability=outcome.probability[scored, 1]) or 0.0)
    return [float("nan") if score[name] is None else float(score[name]) for name in FIGURES]


def _spread(column: np.ndarray) -> Spread:
    low, high = np.nanquantile(column, [0.05, 0.95])
    return float(np.nanmean(column)), float(low), float(high)


def format_splits(name: str, figures: Mapping[str, Mapping[str, Spread]]) -> str:
    lines = [
        [name, rule, *(f"{mean:.3f} ({low:.3f}-{high:.3f})" for mean, low, high in (of_rule[key] for key in FIGURES))]
        for rule, of_rule in figures.items()
    ]
    table = format_columns([["votes", "rule", *FIGURES], *lines], numbers=range(2, 2 + len(FIGURES)))
    return f"{table}\n\n{NOTE}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("votes", "truth", "train"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--positive", required=True)
    parser.add_argument("--unsure")
    options = parser.parse_args()
    encoded = encode_files(
        votes=read_votes_file(path=options.votes),
        train=read_votes_file(path=options.train),
        truth=read_labels_file(path=options.truth),
        positive=options.positive,
        unsure=options.unsure,
    )
    json.dump(compare_splits(encoded=encoded), sys.stdout)


if __name__ == "__main__":
    main()
