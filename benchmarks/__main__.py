"""python -m benchmarks [--quick] [--folder FOLDER] [--data DATA] [GROUP ...]

Each figure stands beside a peer or the bare limit, measured in the same run; the ratio says what ours costs for each unit
of the limit's cost (1: as cheap as the limit, 3: three times as dear). Nothing fails because a machine is slow.
With DATA, a folder of vote sets, every rule is replayed on each set, too; the group `replays` alone does nothing else.
"""

import argparse
import importlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.child import ChildError, run_child
from benchmarks.measure import Row
from benchmarks.replays import Replay, SetError, VoteSet, find_sets, format_replays, replay_sets
from benchmarks.report import format_table, write_report
from benchmarks.servers import start_servers
from benchmarks.splits import format_splits
from config.embedded.process import StartError

GROUPS = ("votes", "consensus", "labels", "hierarchy", "images", "pages", "latency", "engine")
REPLAYS = "replays"
FOLDER = Path(__file__).resolve().parents[1] / "var" / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small amounts: some seconds instead of minutes")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the JSON and the servers' data are kept")
    parser.add_argument("--data", type=Path, help="a folder of vote sets: votes.csv and truth.csv in a sub-folder each")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"all, or any of {', '.join(GROUPS)}")
    options = parser.parse_args(arguments)
    known = (*GROUPS, REPLAYS) if options.data else GROUPS
    unknown = [group for group in options.groups if group not in known]
    if unknown:
        parser.error(f"there is no group {unknown[0]!r}; choose from {', '.join(known)}")
    try:
        sets = find_sets(options.data) if options.data else []
        with start_servers(options.folder.resolve()):
            groups = [group for group in options.groups or GROUPS if group != REPLAYS]
            run_groups(groups, folder=options.folder, quick=options.quick, sets=sets)
    except SetError as error:
        parser.error(str(error))
    except (StartError, ChildError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run_groups(groups: Sequence[str], *, folder: Path, quick: bool, sets: Sequence[VoteSet] = ()) -> list[Row]:
    """Measures the groups one after another, each on empty tables, then the rules on the sets; prints the tables and writes
    the JSON."""
    at, start, rows = datetime.now(UTC), time.perf_counter(), []
    for group in groups:
        print(f"measuring {group} ...", file=sys.stderr)
        rows += _measure_group(group, quick=quick)
    replays = _replay_sets(sets)
    splits = _split_sets(sets)
    path = write_report(
        rows=rows,
        replays=[asdict(replay) for replay in replays],
        splits=splits,
        folder=folder,
        at=at,
        quick=quick,
        seconds=time.perf_counter() - start,
    )
    if replays:
        print(f"{format_replays(replays)}\n")
    for name, figures in splits.items():
        print(f"{format_splits(name, figures)}\n")
    if rows:
        print(f"{format_table(rows)}\n\nratio: cost of ours / cost of the limit.")
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    print(f"Load of the machine: {load}. Written to {path}")
    return rows


def _measure_group(group: str, *, quick: bool) -> list[Row]:
    """Groups import models, which they can only after Django has been set up."""
    importlib.import_module("benchmarks.rows").empty_tables()
    measured: list[Row] = importlib.import_module(f"benchmarks.{group}").measure(quick=quick)
    return measured


def _replay_sets(sets: Sequence[VoteSet]) -> list[Replay]:
    replays = []
    for replay in replay_sets(sets):
        print(f"replayed {replay.rule} on {replay.votes} ({replay.failure or 'done'})", file=sys.stderr)
        replays.append(replay)
    return replays


def _split_sets(sets: Sequence[VoteSet]) -> dict[str, Any]:
    """Gold splits of the sets that have votes to learn workers from."""
    splits = {}
    for given in sets:
        if given.train and given.positive:
            print(f"splitting the gold of {given.name}, some minutes ...", file=sys.stderr)
            splits[given.name] = run_child("benchmarks.splits", *given.arguments)
    return splits


if __name__ == "__main__":
    sys.exit(main())
