"""The consensus engine on made-up votes, against crowd-kit and against a plain compiled loop; each in its own process.

Not measured on either side: making the votes, and turning them into the form in which users have them, arrays here
and a DataFrame of task, worker and label there. Both Dawid-Skenes start from the votes' shares and are given the same
tolerance: the rise of the log-likelihood a vote below which they stop. crowd-kit's bound on it counts an item's prior
once for each of its votes, so that it rises longer, or falls, and a fall stops it, too; so ours is also timed for exactly
as many rounds as crowd-kit took.
"""

from typing import Any

from benchmarks.child import run_child
from benchmarks.measure import Row
from benchmarks.speed import LEAST_RISE, ROUNDS

PEER = "crowd-kit's DawidSkene"
# How far apart two shares of right answers may be of two programs that compute the same.
APART = 0.005
AGREEMENT = 0.999


def measure(*, quick: bool) -> list[Row]:
    rows: list[Row] = []
    for votes in (40_000,) if quick else (400_000, 4_000_000):
        rows += _compare_dawid_skene(votes, repeats=1 if votes > 1_000_000 else 3)
    rows += [_compare_loop(votes) for votes in ((100_000,) if quick else (1_000_000, 10_000_000))]
    rows.append(_time_full(100_000 if quick else 1_000_000))
    if not quick:
        rows.append(_weigh_full(50_000_000))
    return rows


def _compare_dawid_skene(votes: int, *, repeats: int) -> list[Row]:
    size = (f"--votes={votes}", f"--repeats={repeats}")
    ours = run_child("benchmarks.speed", "dawid-skene", *size)
    peer = run_child("benchmarks.peers", "time", *size, f"--rounds={ROUNDS}", f"--tolerance={LEAST_RISE}")
    as_long = run_child("benchmarks.speed", "dawid-skene", *size, f"--rounds={peer['rounds']}")
    for measured in (ours, as_long):
        assert abs(measured["accuracy"] - peer["accuracy"]) < APART, f"not the same: {measured} and {peer}"
    name = f"Dawid-Skene, {votes / 1e6:g} M votes"
    return [
        _divide(
            f"{name}, to a rise of {LEAST_RISE:g} a vote",
            ours["seconds"],
            peer["seconds"],
            unit="s",
            against=f"{PEER}, {_describe(ours, peer)}",
        ),
        _divide(
            f"{name}, as many rounds",
            as_long["seconds"],
            peer["seconds"],
            unit="s",
            against=f"{PEER}, {_describe(as_long, peer)}",
        ),
        _divide(
            f"{name}: memory", ours["peak_mb"], peer["peak_mb"], unit="MB", against=f"{PEER}, growth of the process"
        ),
    ]


def _describe(ours: dict[str, Any], peer: dict[str, Any]) -> str:
    return f"{peer['rounds']} rounds, {peer['accuracy']:.2%} right (ours {ours['rounds']} rounds, {ours['accuracy']:.2%} right)"


def _compare_loop(votes: int) -> Row:
    measured = run_child("benchmarks.loop", str(votes))
    assert measured["agreement"] > AGREEMENT, f"not the same: {measured}"
    return _divide(
        f"Dawid-Skene, a round of {votes / 1e6:g} M votes",
        measured["ours"],
        measured["limit"],
        unit="ns/vote",
        against="plain loop over the same arrays, compiled by numba",
    )


def _time_full(votes: int) -> Row:
    full, plain = (run_child("benchmarks.speed", model, f"--votes={votes}") for model in ("full", "dawid-skene"))
    return _divide(
        f"full model, {votes / 1e6:g} M votes, {full['rounds']} rounds",
        full["seconds"],
        plain["seconds"],
        unit="s",
        against=f"our Dawid-Skene, {plain['rounds']} rounds",
    )


def _weigh_full(votes: int) -> Row:
    full = run_child("benchmarks.speed", "full", f"--votes={votes}", "--rounds=2")
    return _divide(
        f"full model, {votes / 1e6:g} M votes: memory of the process",
        full["process_mb"],
        full["votes_mb"],
        unit="MB",
        against=f"the votes' arrays ({full['rounds']} rounds)",
    )


def _divide(name: str, ours: float, limit: float, *, unit: str, against: str) -> Row:
    return Row(name=name, ours=ours, limit=limit, unit=unit, against=against, ratio=ours / limit)
