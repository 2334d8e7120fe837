"""Times two ways of doing a thing side by side, and the memory of one."""

import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Input = TypeVar("Input")
KIB = 1024
MB = 1_000_000
PAGE_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure beside its limit, both in `unit`; `ratio` is what ours costs for each unit of the limit's cost."""

    name: str
    ours: float
    limit: float
    unit: str
    against: str
    ratio: float


@dataclass(frozen=True)
class Pair:
    """Median seconds of ours and of the limit."""

    ours: float
    limit: float

    def as_rate(self, name: str, *, amount: float, unit: str, against: str) -> Row:
        """How many things are done in a second, when one run does `amount` of them."""
        return Row(
            name=name,
            ours=amount / self.ours,
            limit=amount / self.limit,
            unit=unit,
            against=against,
            ratio=self.ours / self.limit,
        )

    def as_nanoseconds(self, name: str, *, amount: float, unit: str, against: str) -> Row:
        """What one thing takes, when one run does `amount` of them."""
        return Row(
            name=name,
            ours=self.ours * 1e9 / amount,
            limit=self.limit * 1e9 / amount,
            unit=unit,
            against=against,
            ratio=self.ours / self.limit,
        )


def compare(*, ours: Callable[[Input], object], limit: Callable[[Input], object], inputs: Iterable[Input]) -> Pair:
    """Median seconds of both, run in turn on each input, so that a busy machine slows both alike.

    Inputs are made outside the measured time; `limit` runs after `ours`.
    """
    times = [(_time(ours, each), _time(limit, each)) for each in inputs]
    return Pair(statistics.median(own for own, _ in times), statistics.median(bare for _, bare in times))


def _time(run: Callable[[Input], object], each: Input) -> float:
    start = time.perf_counter()
    run(each)
    return time.perf_counter() - start


def measure_peak_growth(run: Callable[[], object]) -> int:
    """Bytes by which the process's resident memory grew at its highest while `run` went on; one page at least."""
    # Memory that was freed and kept would be used again unseen.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    # Sets the high-water mark back to what is resident now (proc(5)).
    Path("/proc/self/clear_refs").write_text("5")
    before = _read_memory("VmRSS")
    run()
    return max(_read_memory("VmHWM") - before, PAGE_BYTES)


def _read_memory(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * KIB for line in lines if line.startswith(f"{field}:"))
