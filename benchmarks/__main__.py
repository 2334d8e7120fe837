"""python -m benchmarks [--quick] [--folder FOLDER] [GROUP ...]

Each figure stands beside a peer or the bare limit, measured in the same run; the ratio says what ours costs for each unit
of the limit's cost (1: as cheap as the limit, 3: three times as dear). Nothing fails because a machine is slow.
"""

import argparse
import importlib
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Row
from benchmarks.report import format_table, write_report
from benchmarks.servers import start_servers
from config.embedded.process import StartError

GROUPS = ("votes", "consensus", "labels", "hierarchy", "images", "pages")
FOLDER = Path(__file__).resolve().parents[1] / "var" / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small amounts: some seconds instead of minutes")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the JSON and the servers' data are kept")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"all, or any of {', '.join(GROUPS)}")
    options = parser.parse_args(arguments)
    unknown = [group for group in options.groups if group not in GROUPS]
    if unknown:
        parser.error(f"there is no group {unknown[0]!r}; choose from {', '.join(GROUPS)}")
    try:
        with start_servers(options.folder.resolve()):
            run_groups(options.groups or GROUPS, folder=options.folder, quick=options.quick)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run_groups(groups: Sequence[str], *, folder: Path, quick: bool) -> list[Row]:
    """Measures the groups one after another, each on empty tables; prints the table and writes the JSON."""
    at, start, rows = datetime.now(UTC), time.perf_counter(), []
    for group in groups:
        print(f"measuring {group} ...", file=sys.stderr)
        rows += _measure_group(group, quick=quick)
    path = write_report(rows=rows, folder=folder, at=at, quick=quick, seconds=time.perf_counter() - start)
    print(format_table(rows))
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    print(f"\nratio: cost of ours / cost of the limit. Load of the machine: {load}. Written to {path}")
    return rows


def _measure_group(group: str, *, quick: bool) -> list[Row]:
    """Groups import models, which they can only after Django has been set up."""
    importlib.import_module("benchmarks.rows").empty_tables()
    measured: list[Row] = importlib.import_module(f"benchmarks.{group}").measure(quick=quick)
    return measured


if __name__ == "__main__":
    sys.exit(main())
