"""python -m benchmarks.scale.clients: annotators who answer pages as fast as they are served, or at a rate. Prints JSON.

Knows nothing of the service but its API, and takes as little of the machine as it can: it stands beside what it measures.
Standard input: {"addresses", "tokens", "campaign", "size", "seconds", "pages_per_second"}. An address is a host and a port; annotators
are dealt out to them in turn. `pages_per_second` null: each annotator asks for the next page as soon as the last was sent.
"""

import http.client
import json
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

# Of YES, NO and UNSURE: people who do not agree, so that questions stay open.
ANSWERS = ("YES", "NO", "YES", "NO", "YES", "NO", "YES", "NO", "YES", "UNSURE")
TIMEOUT_SECONDS = 60


@dataclass
class Record:
    """What one annotator did: when each page began (seconds from the start), its votes, the seconds of both requests."""

    pages: list[tuple[float, int, float, float]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    exhausted: bool = False


class Annotator:
    def __init__(self, order: dict[str, Any], token: str, seed: int) -> None:
        self.order = order
        host, port = order["addresses"][seed % len(order["addresses"])]
        self.connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        self.headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
        self.body = json.dumps({"campaign": order["campaign"], "size": order["size"]}).encode()
        self.random = random.Random(seed)
        self.record = Record()

    def work(self, start: float) -> None:
        """Until the time is over or nothing is left. The first page is not due before a moment of the annotator's own."""
        rate, end = self.order["pages_per_second"], start + self.order["seconds"]
        pause = len(self.order["tokens"]) / rate if rate else 0.0
        due = start + self.random.random() * pause
        try:
            while (now := time.perf_counter()) < end and not self.record.exhausted:
                if due > now:
                    time.sleep(min(due, end) - now)
                    continue
                due += pause
                self._answer_page(start)
        finally:
            self.connection.close()

    def _answer_page(self, start: float) -> None:
        begun = time.perf_counter()
        status, page = self._post("/api/v1/batches/", self.body, {})
        leased = time.perf_counter()
        if status == http.HTTPStatus.NO_CONTENT:
            self.record.exhausted = True
            return
        if status != http.HTTPStatus.CREATED:
            self.record.refused.append(f"lease {status}")
            return
        votes = [
            {"position": item["position"], "answer": self.random.choice(ANSWERS), "milliseconds": 800}
            for item in page["items"]
        ]
        body = json.dumps({"votes": votes}).encode()
        ready = time.perf_counter()
        status, receipt = self._post(f"/api/v1/batches/{page['id']}/votes/", body, {"Idempotency-Key": page["id"]})
        done = time.perf_counter()
        if status == http.HTTPStatus.CREATED:
            self.record.pages.append((begun - start, receipt["recorded"], leased - begun, done - ready))
        else:
            self.record.refused.append(f"submit {status}")

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        self.connection.request("POST", path, body, self.headers | headers)
        answer = self.connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None


def run_clients(order: dict[str, Any]) -> dict[str, Any]:
    """All annotators at once, a thread each."""
    annotators = [Annotator(order, token, seed) for seed, token in enumerate(order["tokens"])]
    start = time.perf_counter()
    threads = [threading.Thread(target=annotator.work, args=(start,)) for annotator in annotators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = [annotator.record for annotator in annotators]
    return {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time(),
        "pages": sorted(page for record in records for page in record.pages),
        "votes": [sum(page[1] for page in record.pages) for record in records],
        "refused": sorted(text for record in records for text in record.refused),
        "exhausted": sum(record.exhausted for record in records),
    }


if __name__ == "__main__":
    json.dump(run_clients(json.load(sys.stdin)), sys.stdout)
