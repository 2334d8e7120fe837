"""Annotators over HTTP on a filled database: votes a second, seconds of a lease, seconds until votes are estimated."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.scale.memory import read_processor_seconds
from benchmarks.scale.servers import Filled, Progress
from benchmarks.scale.service import start_service
from config.embedded.programs import CHECKOUT, Address

ANNOTATORS = 8
PAGE = 24
# The servers have just been started: nobody judges a service by what it has still to read.
WARM_UP_SECONDS, SECONDS = 8.0, 12.0
LOOK_SECONDS = 0.1
CLIENTS = (sys.executable, "-m", "benchmarks.scale.clients")


def measure_load(*, filled: Filled, web_workers: int, progress: Progress, seconds: float = SECONDS) -> dict[str, Any]:
    """Pages of 24 as fast as they are served, then at half that rate, then pages of one picture. The servers run already."""
    with start_service(filled.home, web_workers=web_workers) as service:
        run = Run(service.address, {**service.processes, "postgres": filled.postgres}, progress)
        run.answer(size=PAGE, seconds=WARM_UP_SECONDS, rate=None)
        full = run.answer(size=PAGE, seconds=seconds, rate=None)
        half = run.answer(size=PAGE, seconds=seconds, rate=full["pages_per_second"] / 2)
        single = run.answer(size=1, seconds=seconds / 2, rate=None)
    return {
        "annotators": ANNOTATORS,
        "web_workers": web_workers,
        "pages of 24": full,
        "half": half,
        "pages of 1": single,
    }


class Run:
    """Each crowd is a new one, which has seen nothing."""

    def __init__(self, address: Address, processes: Mapping[str, int], progress: Progress) -> None:
        from benchmarks.scale import newcomers  # noqa: PLC0415 (models, after Django has been set up)

        self.newcomers = newcomers
        newcomers.put_off_estimation()
        self.address, self.processes, self.progress = address, processes, progress

    def answer(self, *, size: int, seconds: float, rate: float | None) -> dict[str, Any]:
        """`rate` in pages a second, None for as fast as they are served."""
        self.newcomers.wait_until_estimated()
        order = {
            "addresses": [(self.address.host, self.address.port)],
            "tokens": self.newcomers.make_tokens(ANNOTATORS),
            "campaign": self.newcomers.CAMPAIGN,
            "size": size,
            "seconds": seconds,
            "pages_per_second": rate,
        }
        before = self._read_processor_seconds()
        with Lag(self.newcomers.read_lag) as lag:
            answer = subprocess.run(
                CLIENTS, input=json.dumps(order), capture_output=True, text=True, check=True, cwd=CHECKOUT
            )
        after = self._read_processor_seconds()
        found = summarize(json.loads(answer.stdout)) | lag.summarize()
        found["processor_ms_a_page"] = {
            name: 1000 * (after[name] - before[name]) / max(found["pages"], 1) for name in after
        } | {"clients": 1000 * found.pop("processor_seconds") / max(found["pages"], 1)}
        self.progress(
            f"pages of {size}: {found['votes_per_second']:.0f} votes/s, lease p99 {found['lease_p99_ms']:.0f} ms"
        )
        return found

    def _read_processor_seconds(self) -> dict[str, float]:
        return {name: read_processor_seconds(pid) for name, pid in self.processes.items()}


class Lag:
    """How long the oldest vote that is not estimated has been waiting, looked at again and again."""

    def __init__(self, read: Any) -> None:
        self.read, self.over = read, threading.Event()
        self.seen: list[float] = []
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Lag":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _look(self) -> None:
        with self.read() as read:
            while not self.over.wait(LOOK_SECONDS):
                self.seen.append(read())

    def summarize(self) -> dict[str, float]:
        median, high = np.percentile(self.seen, (50, 95)) if self.seen else (0.0, 0.0)
        return {"lag_median_s": float(median), "lag_p95_s": float(high), "lag_most_s": max(self.seen, default=0.0)}


def summarize(answer: dict[str, Any]) -> dict[str, Any]:
    """What clients.py prints, in figures."""
    pages = np.array(answer["pages"], dtype=np.float64).reshape(-1, 4)
    found: dict[str, Any] = {
        "pages": len(pages),
        "votes": int(pages[:, 1].sum()),
        "pages_per_second": len(pages) / answer["seconds"],
        "votes_per_second": pages[:, 1].sum() / answer["seconds"],
        "processor_seconds": answer["processor_seconds"],
        "refused": len(answer["refused"]),
        "exhausted": answer["exhausted"],
    }
    for name, column in (("lease", 2), ("submit", 3)):
        for share in (50, 95, 99):
            taken = float(np.percentile(pages[:, column], share)) if len(pages) else 0.0
            found[f"{name}_p{share}_ms"] = 1000 * taken
    return found
