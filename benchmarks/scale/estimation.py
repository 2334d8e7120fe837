"""python -m benchmarks.scale.estimation --questions 1000000 --folder var/bench/scale [--workers N] [--wnids FILE]

Runs an estimation with real Celery workers on the database that `python -m benchmarks.scale.fill` fills: from all votes to a
new snapshot and open questions scored again, while somebody votes. Prints figures as JSON; some bare limits stand beside them.
"""

import argparse
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.child import run_child
from benchmarks.scale.fill import Progress, add_arguments, fill_database, make_progress, read_wnids
from benchmarks.scale.servers import start_filled
from config.embedded.process import StartError
from config.fetch import FetchError

# Of the loop that a pass stands beside.
VOTES_OF_THE_LOOP = 1_000_000


def measure_estimation(*, workers: int, postgres: int, logs: Path, progress: Progress) -> dict[str, Any]:
    """On Django's connection; see estimating.measure_estimation."""
    # Models can be imported only after Django has been set up.
    estimating = importlib.import_module("benchmarks.scale.estimating")
    figures: dict[str, Any] = estimating.measure_estimation(
        workers=workers, postgres=postgres, logs=logs, progress=progress
    )
    return figures


def measure_loop() -> dict[str, float] | None:
    """Nanoseconds a vote and pass of two-state models, ours and a plain compiled loop's; None without numba (make bench)."""
    if importlib.util.find_spec("numba") is None:
        return None
    return run_child("benchmarks.loop", str(VOTES_OF_THE_LOOP))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale.estimation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that share the estimation")
    options = parser.parse_args(arguments)
    progress = make_progress()
    try:
        with start_filled(
            folder=options.folder,
            questions=options.questions,
            wnids=read_wnids(options.wnids),
            fill=fill_database,
            progress=progress,
        ) as filled:
            figures = measure_estimation(
                workers=options.workers, postgres=filled.postgres, logs=filled.home, progress=progress
            )
            figures["nanoseconds_a_vote_and_pass"] = measure_loop()
            print(json.dumps(figures, indent=2))
    except (StartError, FetchError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
