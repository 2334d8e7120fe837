"""python -m benchmarks.overload.clients: annotators and browsers who come and go in phases. Prints what each met as JSON.

Standard input: {"core", "host", "port", "campaign", "size", "tokens", "pages", "phases": [{"annotators", "browsers", "seconds"}]}.
Each annotator asks for a page, answers it and asks for the next. Refused, they come again as Retry-After says, with the same key;
browsers ask for one of `pages` after another and make little of a refusal. Who leaves after a phase finishes what was begun.
"""

import http.client
import json
import os
import random
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_SECONDS = 30.0
# A page that could not be sent in that time is given up and counted as lost.
PATIENCE_SECONDS = 60.0
BROWSER_SECONDS = 1.0
ANSWERS = ("YES", "NO", "YES", "NO", "YES", "NO", "YES", "NO", "YES", "UNSURE")
BUSY = 503


@dataclass
class Record:
    """Seconds count from the start. `pages`: batch, when the votes were first sent, when they were acknowledged, how many; `asked`: when,
    what for, status (0: no answer), seconds."""

    pages: list[tuple[str, float, float, int]] = field(default_factory=list)
    asked: list[tuple[float, str, int, float]] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    exhausted: int = 0


class Visitor:
    """Keeps one connection, as a browser does."""

    def __init__(self, order: dict[str, Any], number: int, start: float, end: float) -> None:
        self.order, self.start, self.end = order, start, end
        self.random = random.Random(number)
        self.record = Record()
        self.headers = {"Content-Type": "application/json"}
        self.headers["Authorization"] = f"Token {order['tokens'][number % len(order['tokens'])]}"
        self.connection = http.client.HTTPConnection(order["host"], order["port"], timeout=TIMEOUT_SECONDS)

    def now(self) -> float:
        return time.perf_counter() - self.start

    def ask(self, kind: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes, float]:
        """Status (0: no answer), content, and seconds to wait before the next time."""
        begun = self.now()
        try:
            self.connection.request(method, path, body, self.headers | headers)
            answer = self.connection.getresponse()
            status, content = answer.status, answer.read()
            seconds = float(answer.headers.get("Retry-After", 0))
        except (OSError, http.client.HTTPException):
            self.connection.close()
            status, content, seconds = 0, b"", 1.0
        self.record.asked.append((begun, kind, status, self.now() - begun))
        return status, content, seconds * (1 + self.random.random() / 2)

    def work(self) -> None:
        try:
            while self.now() < self.end:
                self.step()
        finally:
            self.connection.close()

    def step(self) -> None:
        raise NotImplementedError


class Annotator(Visitor):
    def step(self) -> None:
        body = json.dumps({"campaign": self.order["campaign"], "size": self.order["size"]}).encode()
        status, content, seconds = self.ask("lease", "POST", "/api/v1/batches/", body)
        if status == http.HTTPStatus.CREATED:
            self.answer(json.loads(content))
        elif status == http.HTTPStatus.NO_CONTENT:
            self.record.exhausted += 1
            time.sleep(BROWSER_SECONDS)
        else:
            time.sleep(max(min(seconds, self.end - self.now()), 0))

    def answer(self, page: dict[str, Any]) -> None:
        votes = [
            {"position": item["position"], "answer": self.random.choice(ANSWERS), "milliseconds": 800}
            for item in page["items"]
        ]
        body, first = json.dumps({"votes": votes}).encode(), self.now()
        while self.now() < first + PATIENCE_SECONDS:
            path = f"/api/v1/batches/{page['id']}/votes/"
            status, content, seconds = self.ask("vote", "POST", path, body, **{"Idempotency-Key": page["id"]})
            if status == http.HTTPStatus.CREATED:
                self.record.pages.append((page["id"], first, self.now(), json.loads(content)["recorded"]))
                return
            time.sleep(seconds or BROWSER_SECONDS)
        self.record.given_up.append(page["id"])


class Browser(Visitor):
    def step(self) -> None:
        path = self.random.choice(self.order["pages"])
        status, _, _ = self.ask("export" if path.startswith("/api/") else "browsing", "GET", path)
        if status != http.HTTPStatus.OK:
            time.sleep(BROWSER_SECONDS)


def run_phases(order: dict[str, Any]) -> dict[str, Any]:
    """One phase after the other; who is in two phases in a row stays."""
    start, begin = time.perf_counter(), 0.0
    visitors: list[Visitor] = []
    threads: list[threading.Thread] = []
    ends: list[float] = []
    here: dict[str, list[Visitor]] = {"annotators": [], "browsers": []}
    for phase in order["phases"]:
        end = begin + phase["seconds"]
        for name, kind in (("annotators", Annotator), ("browsers", Browser)):
            here[name] = here[name][: phase[name]]
            for visitor in here[name]:
                visitor.end = end
            for number in range(len(here[name]), phase[name]):
                here[name].append(kind(order, number, start, end))
                visitors.append(here[name][-1])
                threads.append(threading.Thread(target=visitors[-1].work))
                threads[-1].start()
        begin = end
        ends.append(end)
        # Before those who stay look at the clock.
        time.sleep(max(start + end - time.perf_counter() - 0.02, 0))
    for thread in threads:
        thread.join()
    return _describe(visitors, ends)


def _describe(visitors: list[Visitor], ends: list[float]) -> dict[str, Any]:
    records = [visitor.record for visitor in visitors]
    return {
        "ends": ends,
        "processor_seconds": time.process_time(),
        "pages": sorted((page for record in records for page in record.pages), key=lambda page: page[2]),
        "asked": sorted(each for record in records for each in record.asked),
        "given_up": [batch for record in records for batch in record.given_up],
        "exhausted": sum(record.exhausted for record in records),
    }


if __name__ == "__main__":
    given = json.load(sys.stdin)
    if given["core"] is not None:
        os.sched_setaffinity(0, {given["core"]})
    # Two hundred connections at once are a burst that a backlog may drop; TCP then comes again after a second.
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    json.dump(run_phases(given), sys.stdout)
