"""python -m tests.faults [--seed N] [--only NAME ...] [--mutant NAME]

Runs a whole service, harms it while a crowd votes, and compares what clients were told with what is there. The same seed does the same
harm at the same votes. Exit 1 if a promise was broken; 2 if the service did not run at all.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.faults.harms import mount_small_disk, unmount_small_disk
from tests.faults.mutants import MUTANTS, Mutant, copy_earlier
from tests.faults.scenarios import SCENARIOS, Result, Scenario, run_scenario
from tests.faults.stage import Stage
from tests.functional.service import CHECKOUT

MOST_SECONDS = 900
FOLDER = CHECKOUT / "var" / "faults"
COLUMNS = ("sent", "acknowledged", "found", "lost", "surplus", "doubled", "foreign", "unsure", "kept_unsure")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--only", nargs="+", choices=[scenario.name for scenario in SCENARIOS])
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="with this mistake in the service: must fail")
    parser.add_argument("--upgrade-from", metavar="COMMIT", help="the earlier version; without it no upgrade is tried")
    options = parser.parse_args()
    mutant = MUTANTS.get(options.mutant)
    names = options.only or (mutant.scenarios if mutant else [scenario.name for scenario in SCENARIOS])
    chosen = [scenario for scenario in SCENARIOS if scenario.name in names]
    print(f"seed {options.seed}", flush=True)
    signal.alarm(MOST_SECONDS)
    signal.signal(signal.SIGALRM, _give_up)
    signal.signal(signal.SIGTERM, _give_up)
    try:
        results = _run(chosen, options.seed, mutant, options.upgrade_from)
    except Exception:  # noqa: BLE001 (whatever it was, no scenario has run)
        traceback.print_exc()
        return 2
    _write(results, options.seed, options.mutant)
    if not results:
        print("nothing was tried")
        return 2
    return 1 if any(result.problems for result in results) else 0


def _give_up(*_: object) -> None:
    print(f"stopped, or not done after {MOST_SECONDS} s", flush=True)
    raise SystemExit(3)


def _run(chosen: Sequence[Scenario], seed: int, mutant: Mutant | None, earlier: str | None) -> list[Result]:
    """Those that need servers or variables of their own come last."""
    results: list[Result] = []
    plain = [each for each in chosen if not (each.small_disk or each.variables or each.upgrade)]
    skewed = [scenario for scenario in chosen if scenario.variables]
    if plain or skewed:
        with _make_stage(mutant) as stage:
            results += [_tell(run_scenario(stage, scenario, seed)) for scenario in plain]
            for scenario in skewed:
                stage.stop_service()
                stage.start_service(PYTHONPATH=str(Path(__file__).parent / "skew"), **scenario.variables)
                results.append(_tell(run_scenario(stage, scenario, seed)))
    for scenario in chosen:
        if scenario.small_disk:
            results += _run_on_small_disk(scenario, seed)
        if scenario.upgrade and earlier:
            with _make_stage(None, earlier=earlier) as stage:
                results.append(_tell(run_scenario(stage, scenario, seed)))
    return results


def _run_on_small_disk(scenario: Scenario, seed: int) -> list[Result]:
    if os.geteuid() != 0:
        print(f"{scenario.title}: left out, for only root may mount a file system of its own", flush=True)
        return []
    with _make_stage(None, small_disk=True) as stage:
        return [_tell(run_scenario(stage, scenario, seed))]


@contextmanager
def _make_stage(mutant: Mutant | None, *, small_disk: bool = False, earlier: str | None = None) -> Iterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="veriset-faults-"))
    checkout = mutant.copy(folder / "checkout") if mutant else CHECKOUT
    if earlier:
        checkout = copy_earlier(earlier, folder / "checkout")
    stage = Stage(folder, checkout=checkout)
    begun = time.monotonic()
    try:
        if small_disk:
            mount_small_disk(stage)
        with stage:
            stage.prepare()
            stage.polite = mutant is not None and mutant.polite
            if mutant and mutant.sql:
                stage.execute_as_owner(mutant.sql)
            print(f"the service runs, with pictures and people, after {time.monotonic() - begun:.0f} s", flush=True)
            yield stage
    finally:
        if small_disk:
            unmount_small_disk(stage)
        shutil.rmtree(folder, ignore_errors=True)


def _tell(result: Result) -> Result:
    """One line, and one more for each problem."""
    figures = asdict(result.outcome) if result.outcome else dict.fromkeys(COLUMNS, "-")
    told = " ".join(f"{name} {figures[name]}" for name in COLUMNS)
    verdict = "FAILED" if result.problems else "ok"
    print(
        f"{verdict:7}{result.scenario.name:10} {result.seconds:4.0f} s  {told}  repeats {result.notes.repeats}  failed {result.notes.failed}"
    )
    for problem in result.problems:
        print(f"       {problem}")
    sys.stdout.flush()
    return result


def _write(results: Sequence[Result], seed: int, mutant: str | None) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "scenario": result.scenario.name,
            "title": result.scenario.title,
            "seconds": round(result.seconds, 1),
            "problems": result.problems,
            "repeats": result.notes.repeats,
            "failed": result.notes.failed,
            **(asdict(result.outcome) if result.outcome else {}),
        }
        for result in results
    ]
    name = f"{mutant or 'seed'}-{seed}.json"
    (FOLDER / name).write_text(json.dumps({"seed": seed, "mutant": mutant, "results": rows}, indent=2))
    print(f"written to {(FOLDER / name).relative_to(CHECKOUT)}")


if __name__ == "__main__":
    sys.exit(main())
