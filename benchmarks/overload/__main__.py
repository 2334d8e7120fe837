"""python -m benchmarks.overload [--folder FOLDER] [--bare] [--cost] [--anew]

Ten times as many annotators as before, and browsers besides: what the service still takes, whom it refuses, how soon it is itself again.
The servers have one core, the clients the other one. Prints a table and writes FOLDER/overload-<at>.json. --bare measures Django without
the gate, as a web process was before (ADR 0027); --cost measures, instead, how much the gate costs where there is not too much.
The database is filled the first time, some two minutes, and used again. Nothing fails because a machine is slow.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.overload.bare import start_bare, strip
from benchmarks.overload.figures import KINDS, find_recovery, summarize_phase
from benchmarks.report import describe_machine, format_columns
from benchmarks.scale.fill import fill_database, make_progress
from benchmarks.scale.memory import read_processor_seconds
from benchmarks.scale.servers import Filled, Progress, start_filled
from benchmarks.scale.service import Service, start_service
from config.embedded.process import StartError
from config.embedded.programs import CHECKOUT, WEB_WORKERS
from config.fetch import FetchError

FOLDER = CHECKOUT / "var" / "bench"
QUESTIONS, PAGE = 30_000, 8
FEW, MANY, BROWSERS = 8, 80, 16
WARM_UP_SECONDS, BASELINE_SECONDS, OVERLOAD_SECONDS, AFTER_SECONDS, TURN_SECONDS = 6.0, 20.0, 30.0, 20.0, 3.0
# What is aimed at. Missed, it is said and nothing else.
TARGETS = {"goodput_ratio": 0.7, "recovery_seconds": 30.0}
CLIENTS = (sys.executable, "-m", "benchmarks.overload.clients")
TRIVIAL, LEASES, TURNS = "/hierarchy/releases/", "leases and votes", 8
WITH, WITHOUT = "with the gate", "without"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overload", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the JSON and the servers' data are kept")
    parser.add_argument("--bare", action="store_true", help="Django without the gate")
    parser.add_argument("--cost", action="store_true", help="what the gate costs where there is not too much")
    parser.add_argument("--anew", action="store_true", help="fill the database again")
    options = parser.parse_args(arguments)
    servers, clients = _find_cores()
    if servers is not None:
        os.sched_setaffinity(0, {servers})
    databases = {"folder": options.folder / "overload", "questions": QUESTIONS, "anew": options.anew}
    progress = make_progress()
    try:
        with start_filled(fill=fill_database, progress=progress, **databases) as filled:
            crowd = Crowd(filled, clients, progress)
            found = crowd.measure_cost() if options.cost else crowd.measure_overload(bare=options.bare)
    except (StartError, FetchError) as error:
        print(error, file=sys.stderr)
        return 1
    at = datetime.now(UTC)
    path = options.folder / f"overload-{at:%Y%m%dT%H%M%SZ}.json"
    about = {"at": at.isoformat(timespec="seconds"), "targets": TARGETS, **describe_machine()}
    path.write_text(json.dumps(about | found, indent=2) + "\n")
    print(format_cost(found) if options.cost else format_overload(found))
    print(f"Load of the machine: {', '.join(f'{number:.1f}' for number in os.getloadavg())}. Written to {path}")
    return 0


def _find_cores() -> tuple[int, int] | tuple[None, None]:
    """Of the servers and of the clients; none where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[1], cores[0]) if len(cores) > 1 else (None, None)


class Crowd:
    def __init__(self, filled: Filled, core: int | None, progress: Progress) -> None:
        # Models can be imported only after Django has been set up.
        self.newcomers = importlib.import_module("benchmarks.scale.newcomers")
        self.checking = importlib.import_module("benchmarks.overload.checking")
        self.filled, self.core, self.progress = filled, core, progress

    def measure_overload(self, *, bare: bool) -> dict[str, Any]:
        phases = (
            (FEW, 0, WARM_UP_SECONDS),
            (FEW, 0, BASELINE_SECONDS),
            (MANY, BROWSERS, OVERLOAD_SECONDS),
            (FEW, 0, AFTER_SECONDS),
        )
        self.newcomers.put_off_estimation()
        change = strip if bare else (lambda command: command)
        with start_service(self.filled.home, web_workers=WEB_WORKERS, change=change) as service:
            found = self._run(service, phases, self.checking.choose_pages())
        _, *spans = zip([0.0, *found["ends"]], found["ends"], strict=False)
        names = ("baseline", "overload", "after")
        figures = {name: summarize_phase(found, *span) for name, span in zip(names, spans, strict=True)}
        baseline, (begin, end) = figures["baseline"], spans[2]
        return {
            "bare": bare,
            "phases": figures,
            "goodput_ratio": round(figures["overload"]["goodput"] / max(baseline["goodput"], 1e-9), 3),
            "recovery_seconds": find_recovery(found, begin=begin, end=end, baseline=baseline["votes_per_second"]),
            "votes": self.checking.compare_with_table(found["pages"]),
            "given_up": len(found["given_up"]),
            "exhausted": found["exhausted"],
            "clients_processor_seconds": round(found["processor_seconds"], 1),
        }

    def measure_cost(self) -> dict[str, Any]:
        """Both stand beside each other and are asked in short turns, so that whatever else the machine does meets both alike."""
        self.newcomers.put_off_estimation()
        with (
            start_service(self.filled.home, web_workers=WEB_WORKERS) as service,
            start_bare(self.filled.home, web_workers=WEB_WORKERS) as bare,
        ):
            turns = [
                (kind, name, self._take_turn(each, kind))
                for number in range(1 + TURNS)
                for kind in (TRIVIAL, LEASES)
                for name, each in ((WITH, service), (WITHOUT, bare))[:: 1 if number % 2 else -1]
            ]
        # The first turn of each warms up.
        return {"turns": turns, "means": _find_means(turns[4:])}

    def _take_turn(self, service: Service, kind: str) -> dict[str, float]:
        """Requests a second by few clients, and what web takes of the processor for each."""
        web = service.processes["web"]
        before = read_processor_seconds(web)
        phase = (0, FEW, TURN_SECONDS) if kind == TRIVIAL else (FEW, 0, TURN_SECONDS)
        found = self._run(service, (phase,), [TRIVIAL])
        taken = read_processor_seconds(web) - before
        asked = len(found["asked"])
        figures = {"requests_per_second": asked / TURN_SECONDS, "processor_ms": 1000 * taken / max(asked, 1)}
        self.progress(f"{kind}: {', '.join(f'{name} {value:.1f}' for name, value in figures.items())}")
        return figures

    def _run(self, service: Service, phases: Sequence[tuple[int, int, float]], pages: Sequence[str]) -> dict[str, Any]:
        order = {
            "core": self.core,
            "host": service.address.host,
            "port": service.address.port,
            "campaign": self.newcomers.CAMPAIGN,
            "size": PAGE,
            "tokens": self.newcomers.make_tokens(MANY),
            "pages": list(pages),
            "phases": [dict(zip(("annotators", "browsers", "seconds"), phase, strict=True)) for phase in phases],
        }
        answer = subprocess.run(
            CLIENTS, input=json.dumps(order), capture_output=True, text=True, check=True, cwd=CHECKOUT
        )
        found: dict[str, Any] = json.loads(answer.stdout)
        return found


def _find_means(turns: Sequence[tuple[str, str, dict[str, float]]]) -> dict[str, dict[str, dict[str, float]]]:
    """By what was asked for, with the gate and without, each figure."""
    means: dict[str, dict[str, dict[str, float]]] = {}
    for asked_for, which, _ in turns:
        own = [figures for kind, name, figures in turns if (kind, name) == (asked_for, which)]
        means.setdefault(asked_for, {})[which] = {key: mean(each[key] for each in own) for key in own[0]}
    return means


def format_overload(found: dict[str, Any]) -> str:
    phases = found["phases"]
    figures = (
        ("votes/s", "votes_per_second"),
        ("votes/s acknowledged within 5 s", "goodput"),
        ("vote, p50 ms", "vote_p50_ms"),
        ("vote, p99 ms", "vote_p99_ms"),
        ("failed", "failed"),
    )
    lines = [
        ["", *phases],
        *([name, *(f"{phase[key]:,.0f}" for phase in phases.values())] for name, key in figures),
        *(
            [f"503 of {kind}", *(f"{phase['shed'][kind]:,} of {phase['asked'][kind]:,}" for phase in phases.values())]
            for kind in KINDS
        ),
    ]
    return f"{format_columns(lines, numbers=range(1, len(lines[0])))}\n\n{_describe_end(found)}"


def _describe_end(found: dict[str, Any]) -> str:
    """What was aimed at beside what came of it, and what became of the votes."""
    votes, recovery = found["votes"], found["recovery_seconds"]
    said = [
        f"goodput {found['goodput_ratio']:.2f} of the baseline (aimed at {TARGETS['goodput_ratio']:.2f})",
        f"as before after {'-' if recovery is None else recovery} s (aimed at {TARGETS['recovery_seconds']:.0f})",
        f"{votes['acknowledged']:,} votes acknowledged, {votes['lost']} lost, {votes['doubled']} doubled",
    ]
    if found["exhausted"]:
        said.append(f"{found['exhausted']} times no page was left: fill --anew")
    return "; ".join(said)


def format_cost(found: dict[str, Any]) -> str:
    lines = [["8 clients", WITH, WITHOUT, "ratio"]]
    for kind, means in found["means"].items():
        for figure in ("requests_per_second", "processor_ms"):
            ours, bare = (means[which][figure] for which in (WITH, WITHOUT))
            lines.append([f"{kind}, {figure}", f"{ours:,.1f}", f"{bare:,.1f}", f"{ours / bare:.3f}"])
    return format_columns(lines, numbers=range(1, 4))


if __name__ == "__main__":
    sys.exit(main())
