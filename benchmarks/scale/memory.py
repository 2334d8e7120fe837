"""How much memory and processor time processes take, read from /proc while they work."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
SECONDS_BETWEEN = 1.0


@dataclass
class Peaks:
    """The highest figures so far, in bytes. `largest`: resident memory of one process; `together`: of all at the same moment,
    what several share counted once."""

    largest: int = 0
    together: int = 0

    def note(self, pids: list[int]) -> None:
        self.largest = max([self.largest, *(_read(pid, "status", "VmHWM:") for pid in pids)])
        self.together = max(self.together, sum(_read(pid, "smaps_rollup", "Pss:") for pid in pids))


@contextmanager
def watch_memory(*roots: int) -> Iterator[list[Peaks]]:
    """The peaks of each of these processes with all their descendants, while the block runs."""
    peaks, ended = [Peaks() for _ in roots], threading.Event()

    def look() -> None:
        while not ended.wait(SECONDS_BETWEEN):
            for root, peak in zip(roots, peaks, strict=True):
                peak.note(find_family(root))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def find_family(root: int) -> list[int]:
    """The process and all its descendants that are there now."""
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def _read(pid: int, file: str, field: str) -> int:
    """0 for a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * KIB for line in lines if line.startswith(field)), 0)


def read_processor_seconds(root: int) -> float:
    """Processor time that the process and its family have taken since they began, those that have ended among them."""
    return sum(_read_times(pid) for pid in find_family(root)) / os.sysconf("SC_CLK_TCK")


def _read_times(pid: int) -> int:
    """In clock ticks: of the process in user and system mode, then of children that it has waited for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return sum(int(field) for field in stat.rpartition(")")[2].split()[11:15])
