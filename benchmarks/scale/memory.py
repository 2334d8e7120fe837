"""How much memory and processor time processes take, read from /proc while they work."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
SECONDS_BETWEEN = 1.0
FIELDS = ("VmHWM", "RssAnon", "RssFile", "RssShmem")


@dataclass
class Peaks:
    """The highest figures so far, in bytes. `largest`: resident memory of one process; `together`: of all at the same moment, what
    files and shared memory hold counted once. What a process has from its parent is counted for both, and what each of two has of a
    file or of shared memory alone only once: to look at each page would take as long as what is measured."""

    largest: int = 0
    together: int = 0

    def note(self, pids: list[int]) -> None:
        found = [_read_status(pid) for pid in pids]
        self.largest = max([self.largest, *(each["VmHWM"] for each in found)])
        shared = sum(max((each[kind] for each in found), default=0) for kind in ("RssShmem", "RssFile"))
        self.together = max(self.together, sum(each["RssAnon"] for each in found) + shared)


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


def _read_status(pid: int) -> dict[str, int]:
    """Bytes of each of FIELDS; 0 for a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        lines = []
    said = dict(line.split(":", 1) for line in lines)
    return {field: int(said[field].split()[0]) * KIB if field in said else 0 for field in FIELDS}


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
