"""What is measured of too much at once, in figures."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.overload.clients import run_phases
from benchmarks.overload.figures import find_recovery, summarize_phase

BATCH = "0190a0a0-0000-7000-8000-000000000000"


def make_found(*, votes=(), refused=()):
    """Votes as (sent, acknowledged, how many), refusals as (when, of what)."""
    return {
        "pages": [[BATCH, sent, acknowledged, number] for sent, acknowledged, number in votes],
        "asked": sorted(
            [[at, kind, 503, 0.1] for at, kind in refused] + [[each[0], "vote", 201, 0.1] for each in votes]
        ),
    }


def test_votes_that_come_too_late_are_no_goodput():
    found = make_found(votes=[(0, 1, 10), (0, 6, 10), (9, 11, 10)])

    phase = summarize_phase(found, 0.0, 10.0)

    assert (phase["votes_per_second"], phase["goodput"]) == (2.0, 1.0)


def test_refusals_are_counted_by_what_they_were_of():
    found = make_found(votes=[(1, 2, 10)], refused=[(1, "export"), (2, "export"), (3, "vote"), (12, "vote")])

    phase = summarize_phase(found, 0.0, 10.0)

    assert phase["shed"] == {"vote": 1, "lease": 0, "browsing": 0, "export": 2}
    assert (phase["asked"]["vote"], phase["failed"]) == (2, 0)


def test_it_is_as_before_once_votes_come_as_before_and_nobody_is_refused():
    steady = [(at, at + 0.5, 10) for at in range(20)]

    assert find_recovery(make_found(votes=steady), begin=10.0, end=20.0, baseline=10.0) == 0.0
    refused = make_found(votes=steady, refused=[(12.9, "lease")])
    assert find_recovery(refused, begin=10.0, end=20.0, baseline=10.0) == pytest.approx(3.1, abs=0.1)


def test_it_may_never_be_as_before():
    assert find_recovery(make_found(votes=[(1, 2, 10)]), begin=10.0, end=20.0, baseline=10.0) is None


class Service(BaseHTTPRequestHandler):
    """Leases the same page to everybody; refuses the first try to send it and all that read."""

    protocol_version = "HTTP/1.1"
    keys: list[str] = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/votes/"):
            self.keys.append(self.headers["Idempotency-Key"])
            return self.reply(503 if len(self.keys) == 1 else 201, {"recorded": 2})
        return self.reply(201, {"id": BATCH, "items": [{"position": 1}, {"position": 2}]})

    def do_GET(self):
        self.reply(503, {})

    def reply(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)
        time.sleep(0.01)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        # So that it waits for them at its end.
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_who_is_refused_comes_again_with_the_same_key_and_who_leaves_finishes_first(server):
    host, port = server.server_address
    phases = [{"annotators": 1, "browsers": 0, "seconds": 0.3}, {"annotators": 1, "browsers": 2, "seconds": 0.3}]
    order = {"host": host, "port": port, "campaign": "any", "size": 2, "tokens": ["a"], "pages": ["/api/v1/labels/"]}

    found = run_phases(order | {"phases": phases})

    batch, sent, acknowledged, votes = found["pages"][0]
    assert (batch, votes, set(Service.keys)) == (BATCH, 2, {BATCH})
    assert acknowledged - sent >= 1
    assert [each[1:3] for each in found["asked"] if each[1] == "export"] == [("export", 503)] * 2
    assert found["given_up"] == []
