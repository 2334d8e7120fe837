"""The engine's own seconds and memory, in a process of its own; prints one JSON object.

python -m benchmarks.speed MODEL --votes NUMBER [--repeats REPEATS] [--rounds ROUNDS]
"""

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.baselines import dawid_skene
from annotation.consensus.fit import Plan, fit
from annotation.consensus.start import GRADED
from annotation.consensus.votes import Votes
from benchmarks.generate import generate_votes
from benchmarks.measure import KIB, MB, measure_peak_growth

# As crowd-kit's DawidSkene has them: rounds at most, and the rise of its bound a vote, in nats, below which it stops.
ROUNDS = 100
LEAST_RISE = 1e-5


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """How many rounds it took, and P(yes) of each item, if that was asked for."""

    rounds: int
    yes: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is measured, and whether on votes with graded items and unsure answers."""

    fit: Callable[[Votes, int | None], Fitted]
    graded: bool


def fit_dawid_skene(votes: Votes, rounds: int | None) -> Fitted:
    """To `LEAST_RISE`, or exactly so many rounds."""
    least_rise = LEAST_RISE if rounds is None else -np.inf
    probability, course = dawid_skene(votes=votes, rounds=rounds or ROUNDS, tolerance=-1.0, least_rise=least_rise)
    return Fitted(yes=probability[:, 1], rounds=course.rounds)


def fit_full(votes: Votes, rounds: int | None) -> Fitted:
    """The service's: six states, every worker's table shrunk to the crowd's by strengths that are learned, too; to its end,
    or after one look at the crowd only so many rounds."""
    plan = Plan() if rounds is None else Plan(stages=1, last_rounds=rounds)
    return Fitted(rounds=fit(votes=votes, start=GRADED, plan=plan).rounds)


MODELS: Mapping[str, Model] = {
    "dawid-skene": Model(fit=fit_dawid_skene, graded=False),
    "full": Model(fit=fit_full, graded=True),
}


def time_model(model: Model, *, votes: int, repeats: int, rounds: int | None) -> dict[str, float | None]:
    """Of the fit alone: the arrays of votes are there before. Median seconds; MB at the highest while fitting, as growth
    and as the whole process's, and those of the votes themselves."""
    made, truth = generate_votes(votes=votes, graded=model.graded)
    fits: list[tuple[Fitted, float]] = []
    peaks = [measure_peak_growth(lambda: fits.append(_fit(model, made, rounds))) for _ in range(repeats)]
    fitted = fits[-1][0]
    return {
        "seconds": statistics.median(seconds for _, seconds in fits),
        "peak_mb": max(peaks) / MB,
        "process_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB / MB,
        "votes_mb": (made.item.nbytes + made.worker.nbytes + made.answer.nbytes) / MB,
        "rounds": fitted.rounds,
        "accuracy": None if fitted.yes is None else float(((fitted.yes > 0.5) == truth).mean()),
    }


def _fit(model: Model, votes: Votes, rounds: int | None) -> tuple[Fitted, float]:
    start = time.perf_counter()
    return model.fit(votes, rounds), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--votes", type=int, required=True)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    model = MODELS[options.model]
    measured = time_model(model, votes=options.votes, repeats=options.repeats, rounds=options.rounds)
    json.dump(measured, sys.stdout)


if __name__ == "__main__":
    main()
