"""Django behind a line: many threads let requests in, few run them, and those few have the connections to the database."""

import io
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connections
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from config.admission.kinds import find_bounds, find_kind
from config.admission.line import Kind, Line, Ticket
from config.admission.refusal import STATUS, Headers, refuse, turn_away
from config.metrics import SHED
from config.watching import HEADER

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
# Granian sends what is whole by itself; what is sent piece by piece keeps a thread until its reader has the last one.
WHOLE_BYTES = 1_000_000
REPORT_SECONDS = 10.0
KEPT_SECONDS = 0.5
# Ready or not; what else may be answered, as to a wrong host name, is for whoever asked.
READINESS = {"200", "503"}
TOO_LONG = gettext_lazy("The request is longer than anything that is taken here.")
CUT_OFF = gettext_lazy("The request ended before its announced length.")
LIVEZ = b'{"status": "alive"}'
LIVEZ_HEADERS = [
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Content-Length", str(len(LIVEZ))),
]


@dataclass
class Answer:
    status: str = ""
    headers: Headers = field(default_factory=list)
    body: Iterable[bytes] = ()

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> None:
        self.status, self.headers = status, headers


@dataclass(frozen=True, eq=False)
class Visit:
    """A request with where its thread waits for what becomes of it: an answer, what went wrong, or None for a refusal."""

    environ: Environ
    outcome: SimpleQueue[Answer | BaseException | None] = field(default_factory=SimpleQueue)


class Gate:
    """A WSGI application that runs another one in `threads` threads of its own; at most `waiting` requests wait for them, and at
    most `streams` answers are sent piece by piece. Called in threads of the server, which must be more than all of these."""

    def __init__(self, application: Application, *, threads: int, waiting: int, streams: int) -> None:
        self._application, self._threads = application, threads
        self._bounds = find_bounds(threads=threads, waiting=waiting)
        self._line: Line[Visit] = Line(bounds=self._bounds, total=waiting, clock=time.monotonic)
        self._turn = threading.Condition()
        self._running: list[threading.Thread] = []
        self._closed = False
        self._streams = threading.BoundedSemaphore(streams)
        self._readers = threading.BoundedSemaphore(max(waiting, 1))
        self._kept: tuple[float, Answer | None] = (-math.inf, None)
        self._refused: Counter[str] = Counter()
        self._reported = time.monotonic()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/livez" and method in {"GET", "HEAD"}:
            start_response("200 OK", LIVEZ_HEADERS)
            return [LIVEZ]
        kind, length = find_kind(method, path), _find_length(environ)
        # Django refuses most of these; those it would read, it would read in a thread of its own, however slowly they come.
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return _end(start_response, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LONG, environ)
        asks_readiness = kind == Kind.HEALTH and method == "GET"
        if asks_readiness and (kept := self._find_kept()):
            start_response(kept.status, kept.headers)
            return kept.body
        body = self._read(environ, length)
        # Granian gives what it has when a client is gone: half a page of answers would be taken for a whole one.
        if body is not None and len(body) < length:
            return _end(start_response, HTTPStatus.BAD_REQUEST, CUT_OFF, environ)
        outcome = self._wait(kind, Visit(environ)) if body is not None else None
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is None:
            self._note_refusal(kind)
            refusal = refuse(kind, environ, body or b"")
            outcome = Answer(STATUS, refusal.headers, [refusal.content])
        elif asks_readiness and outcome.status[:3] in READINESS:
            self._keep(outcome)
        start_response(outcome.status, outcome.headers)
        return outcome.body

    def _keep(self, answer: Answer) -> None:
        """For others, without what belongs to whoever asked."""
        headers = [(name, value) for name, value in answer.headers if name != HEADER]
        self._kept = time.monotonic(), Answer(answer.status, headers, answer.body)

    def _find_kept(self) -> Answer | None:
        """What was last found of readiness, for a moment, so that many who ask take nothing from votes."""
        at, answer = self._kept
        return answer if time.monotonic() - at < KEPT_SECONDS else None

    def _read(self, environ: Environ, length: int) -> bytes | None:
        """What was sent, before a place is asked for: a slow sender keeps no thread of Django's. None where too many send at a time, so that
        slow ones never have all threads."""
        if not length:
            return b""
        if not self._readers.acquire(blocking=False):
            return None
        try:
            body: bytes = environ["wsgi.input"].read(length)
        finally:
            self._readers.release()
        environ["wsgi.input"] = io.BytesIO(body)
        return body

    def close(self) -> None:
        """Ends the threads when nothing waits any more."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        for thread in self._running:
            thread.join()

    def _wait(self, kind: Kind, visit: Visit) -> Answer | BaseException | None:
        with self._turn:
            self._start_threads()
            ticket, refused = self._line.enter(kind, visit)
            self._turn.notify()
        if refused is not None:
            refused.item.outcome.put(None)
        try:
            return visit.outcome.get(timeout=self._bounds[kind].seconds)
        except Empty:
            with self._turn:
                if self._line.withdraw(ticket):
                    return None
            # It runs, or has just been refused.
            return visit.outcome.get()

    def _start_threads(self) -> None:
        """With the first request, so that none is lost where the server forks after it has loaded the application."""
        while len(self._running) < self._threads:
            thread = threading.Thread(target=self._work, name=f"gate-{len(self._running)}", daemon=True)
            self._running.append(thread)
            thread.start()

    def _work(self) -> None:
        while (ticket := self._take()) is not None:
            try:
                outcome: Answer | BaseException | None = self._run(ticket.item)
            except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits for it)
                outcome = error
            with self._turn:
                self._line.leave(ticket)
            ticket.item.outcome.put(outcome)
            del ticket, outcome
        connections.close_all()

    def _take(self) -> Ticket[Visit] | None:
        with self._turn:
            while True:
                ticket, late = self._line.take()
                for other in late:
                    other.item.outcome.put(None)
                if ticket is not None or self._closed:
                    return ticket
                self._turn.wait()

    def _run(self, visit: Visit) -> Answer | None:
        """What is not too long is read to its end and closed here, where Django's connections are. None where there are too many long
        ones."""
        answer = Answer()
        body = self._application(visit.environ, answer.start)
        if _is_whole(body, answer.headers):
            try:
                answer.body = list(body)
            finally:
                _close(body)
            return answer
        # Its end, which comes in another thread, will look for connections there.
        close_old_connections()
        if not self._streams.acquire(blocking=False):
            _close(body)
            return None
        answer.body = Stream(body, self._streams.release)
        return answer

    def _note_refusal(self, kind: Kind) -> None:
        SHED.labels(kind.name).inc()
        with self._turn:
            self._refused[kind.name] += 1
            now = time.monotonic()
            if now - self._reported < REPORT_SECONDS:
                return
            self._reported, refused = now, dict(self._refused)
            self._refused.clear()
        logger.warning("too much at once, refused since last said: %s", refused)


class Stream:
    """A body that says once when it is over."""

    def __init__(self, body: Iterable[bytes], release: Callable[[], None]) -> None:
        self._body, self._release = body, release
        self._closed = threading.Lock()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        if self._closed.acquire(blocking=False):
            try:
                _close(self._body)
            finally:
                self._release()


def _find_length(environ: Environ) -> int:
    try:
        return max(int(environ.get("CONTENT_LENGTH") or 0), 0)
    except ValueError:
        return 0


def _end(start_response: StartResponse, status: HTTPStatus, detail: Promise, environ: Environ) -> Iterable[bytes]:
    """Of a request that was not even read to its end."""
    refusal = turn_away(status, detail, environ)
    start_response(f"{status.value} {status.phrase}", refusal.headers)
    return [refusal.content]


def _is_whole(body: Iterable[bytes], headers: Headers) -> bool:
    if not getattr(body, "streaming", False):
        return True
    length = next((value for name, value in headers if name.lower() == "content-length"), None)
    return length is not None and int(length) <= WHOLE_BYTES


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()
