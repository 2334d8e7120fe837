"""What became of a crowd, in figures."""

from collections.abc import Sequence
from typing import Any

import numpy as np

GOOD_SECONDS = 5.0
WINDOW_SECONDS, STEP_SECONDS = 2.0, 0.1
RECOVERED = 0.9
BUSY = 503
KINDS = ("vote", "lease", "browsing", "export")


def summarize_phase(found: dict[str, Any], begin: float, end: float) -> dict[str, Any]:
    """Of what was acknowledged, and asked, from `begin` until `end`. Goodput: votes a second acknowledged in time."""
    pages = [page for page in found["pages"] if begin <= page[2] < end]
    taken = np.array([page[2] - page[1] for page in pages])
    good = sum(page[3] for page in pages if page[2] - page[1] <= GOOD_SECONDS)
    asked = [each for each in found["asked"] if begin <= each[0] < end]
    return {
        "seconds": end - begin,
        "votes_per_second": sum(page[3] for page in pages) / (end - begin),
        "goodput": good / (end - begin),
        "vote_p50_ms": _find_percentile(taken, 50),
        "vote_p99_ms": _find_percentile(taken, 99),
        "asked": {kind: _count(asked, kind) for kind in KINDS},
        "shed": {kind: _count(asked, kind, BUSY) for kind in KINDS},
        "failed": sum(each[2] == 0 or (each[2] >= 500 and each[2] != BUSY) for each in asked),
    }


def find_recovery(found: dict[str, Any], *, begin: float, end: float, baseline: float) -> float | None:
    """Seconds after `begin` from which a window has nearly the baseline's votes a second and no refusal is seen any more; None if not
    before `end`."""
    last = max((each[0] + each[3] for each in found["asked"] if each[2] == BUSY), default=0.0)
    at = np.array([page[2] for page in found["pages"]])
    votes = np.array([page[3] for page in found["pages"]])
    for start in np.arange(begin, end - WINDOW_SECONDS, STEP_SECONDS):
        here = votes[(at >= start) & (at < start + WINDOW_SECONDS)].sum() / WINDOW_SECONDS
        if start >= last and here >= RECOVERED * baseline:
            return round(float(start - begin), 1)
    return None


def _find_percentile(taken: np.ndarray[Any, Any], share: int) -> float:
    return round(1000 * float(np.percentile(taken, share)), 1) if len(taken) else 0.0


def _count(asked: Sequence[Sequence[Any]], kind: str, status: int | None = None) -> int:
    return sum(each[1] == kind and status in (None, each[2]) for each in asked)
