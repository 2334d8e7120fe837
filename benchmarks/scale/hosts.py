"""python -m benchmarks.scale.hosts --questions 100000 --folder var/bench/scale [--wnids FILE] [--hosts 1 2 4] [--parts web]

What more machines bring, on one machine, as root: hosts are network namespaces on a bridge, each with a share of one core, and reach
PostgreSQL and Valkey over TCP alone. The servers and the annotators are outside of the shares. Measures votes a second with a web process
in each host, seconds of an estimation with a worker in each, pictures a second with an import in each. Prints JSON, and a table on
standard error. Keep hosts x share well below the machine's cores, or the servers have nothing left.
"""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from benchmarks.report import describe_machine, format_columns
from benchmarks.scale.fill import add_arguments, fill_database, make_progress, read_wnids
from benchmarks.scale.network import INTERFACE, lay_network
from benchmarks.scale.servers import Filled, start_filled
from config.embedded.process import StartError
from config.embedded.programs import CHECKOUT
from config.fetch import FetchError

# The estimation comes first: annotators who answer at random would leave it less to learn from.
ESTIMATION, WEB, INTAKE = PARTS = ("estimation", "web", "intake")
# Smaller databases are filled anew for each run, which uses them up.
KEPT = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    options = _read_options(arguments)
    # So that the network is removed then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        found = measure(options)
    except (StartError, FetchError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2))
    print(format_hosts(found), file=sys.stderr)
    return 0


def _read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale.hosts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2, 4], help="how many, one measurement each")
    parser.add_argument("--share", type=float, default=0.25, help="of one core, for each host")
    parser.add_argument("--seconds", type=float, default=20.0, help="for which annotators answer")
    parser.add_argument("--pictures", type=int, default=60, help="imported by each host")
    parser.add_argument("--verify", action="store_true", help="check every promise against the tables afterwards")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The parts one after another, each with every number of hosts. StartError where there can be no such network."""
    progress = make_progress()
    with ExitStack() as stack:
        hosts = stack.enter_context(lay_network(hosts=max(options.hosts)))
        filled = stack.enter_context(
            start_filled(
                folder=options.folder,
                questions=options.questions,
                wnids=read_wnids(options.wnids),
                fill=fill_database,
                progress=progress,
                anew=options.questions < KEPT,
                listen=INTERFACE,
            )
        )
        # Models can be imported only after Django has been set up.
        growth = importlib.import_module("benchmarks.scale.growth")
        plant = growth.Plant(filled.home, hosts, options.share, progress)
        found = {part: _measure_part(part, growth, plant, options) for part in options.parts}
        about: dict[str, Any] = {"questions": options.questions, "share": options.share, **describe_machine()}
        if options.verify:
            about["verified"] = _verify(filled)
    return about | found


def _measure_part(part: str, growth: Any, plant: Any, options: argparse.Namespace) -> dict[str, Any]:
    """By number of hosts, and how many times as fast as with the first number."""
    runs: dict[str, Any] = {}
    if part == ESTIMATION:
        # The first one has more to learn than those that begin from what it found.
        growth.measure_estimation(replace(plant, share=float(len(os.sched_getaffinity(0)))))
    for count in options.hosts:
        some = plant.take(count)
        if part == WEB:
            runs[str(count)] = growth.measure_web(some, seconds=options.seconds)
        elif part == ESTIMATION:
            runs[str(count)] = growth.measure_estimation(some)
        else:
            # Of the clock: pictures that were imported before would be skipped.
            runs[str(count)] = growth.measure_intake(some, pictures=options.pictures, seed=time.time_ns() // 1_000_000)
    rate = (lambda run: 1 / run["seconds"]) if part == ESTIMATION else (lambda run: run[_key(part)])
    return {"hosts": runs, "speed_up": growth.compare(runs, rate), "load": os.getloadavg()}


def _key(part: str) -> str:
    """The figure that counts."""
    return {WEB: "votes_per_second", ESTIMATION: "seconds", INTAKE: "pictures_per_second"}[part]


def _verify(filled: Filled) -> bool:
    command = (sys.executable, "manage.py", "verify_integrity")
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    (filled.home / "integrity.log").write_text(done.stdout + done.stderr)
    return done.returncode == 0


def format_hosts(found: dict[str, Any]) -> str:
    """A line for each number of hosts, two columns for each part."""
    parts = [part for part in PARTS if part in found]
    units = {WEB: "votes/s", ESTIMATION: "estimation s", INTAKE: "pictures/s"}
    heading = ["hosts", *(text for part in parts for text in (units[part], "times"))]
    lines = [
        [
            count,
            *(
                text
                for part in parts
                for text in (f"{found[part]['hosts'][count][_key(part)]:.1f}", f"{found[part]['speed_up'][count]:.2f}")
            ),
        ]
        for count in found[parts[0]]["hosts"]
    ]
    return format_columns([heading, *lines], numbers=range(len(heading)))


if __name__ == "__main__":
    sys.exit(main())
