"""python -m benchmarks.scale --questions 14197122 [--folder var/bench/scale] [--wnids FILE] [PART ...]

The service at the size of a large collection: fills a database of so many questions (kept and used again), then measures pages,
leases, annotators over HTTP, re-estimation, and intake. Writes FOLDER/<questions>.json, and prints a table of all sizes that have been
measured there; --plot FILE draws it. Nothing fails because a machine is slow.
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.child import ChildError, run_child
from benchmarks.report import describe_machine
from benchmarks.scale.fill import add_arguments, fill_database, make_progress, read_wnids
from benchmarks.scale.report import format_sizes, plot_sizes, read_sizes
from benchmarks.scale.servers import Filled, Progress, start_filled
from config.embedded.folders import write_atomically
from config.embedded.process import StartError
from config.embedded.programs import WEB_WORKERS
from config.fetch import FetchError

INTAKE = "intake"
PARTS = ("pages", "leases", "load", "estimation", INTAKE)
# Smaller ones are filled anew for each run, which uses them up.
KEPT = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.add_argument("--web-workers", type=int, default=WEB_WORKERS)
    parser.add_argument("--estimators", type=int, default=2, help="processes that share an estimation")
    parser.add_argument("--plot", type=Path, help="where to draw how cost grows with size, as SVG")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all, or any of {', '.join(PARTS)}")
    options = parser.parse_args(arguments)
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; choose from {', '.join(PARTS)}")
    try:
        measure(options)
    except (StartError, FetchError, ChildError) as error:
        print(error, file=sys.stderr)
        return 1
    sizes = read_sizes(options.folder)
    print(format_sizes(sizes))
    if options.plot:
        plot_sizes(sizes, options.plot)
    return 0


def measure(options: argparse.Namespace) -> None:
    """The parts one after another; each is written as soon as it has been measured."""
    progress, wnids = make_progress(), read_wnids(options.wnids)
    parts = options.parts or PARTS
    databases = {"questions": options.questions, "folder": options.folder, "wnids": wnids, "progress": progress}
    for part in [part for part in PARTS if part in parts]:
        if part == INTAKE:
            _write(options, part, run_child("benchmarks.scale.intake"))
            continue
        anew = options.questions < KEPT and part in ("leases", "load")
        with start_filled(**databases, fill=fill_database, anew=anew) as filled:
            start = time.perf_counter()
            found = _measure_part(part, options, filled, progress)
            _write(options, part, {"seconds": round(time.perf_counter() - start, 1), **found, "filled": filled.figures})


def _measure_part(part: str, options: argparse.Namespace, filled: Filled, progress: Progress) -> dict[str, Any]:
    """Modules of models can be imported only after Django has been set up."""
    if part == "pages":
        found = importlib.import_module("benchmarks.scale.pages").measure_pages(progress=progress)
    elif part == "leases":
        found = importlib.import_module("benchmarks.scale.leases").measure_leases(progress=progress)
    elif part == "load":
        load = importlib.import_module("benchmarks.scale.load")
        found = load.measure_load(filled=filled, web_workers=options.web_workers, progress=progress)
    else:
        estimating = importlib.import_module("benchmarks.scale.estimating")
        found = estimating.measure_estimation(
            workers=options.estimators, postgres=filled.postgres, logs=filled.home, progress=progress
        )
        found["nanoseconds_a_vote_and_pass"] = estimating.measure_loop()
    return dict(found)


def _write(options: argparse.Namespace, part: str, found: dict[str, Any]) -> None:
    """Beside what other parts have left."""
    path = options.folder / f"{options.questions}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known["questions"] = options.questions
    known[part] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **describe_machine(), **found}
    write_atomically(path, json.dumps(known, indent=2))


if __name__ == "__main__":
    sys.exit(main())
