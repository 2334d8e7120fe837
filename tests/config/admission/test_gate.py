import io
import json
import logging
import threading
import time
from contextlib import closing, contextmanager

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections
from django.http import FileResponse, HttpResponse, StreamingHttpResponse

from config.admission import gate as admission
from config.admission.gate import Gate
from config.admission.line import Bound, Kind

PATIENCE_SECONDS = 20
VOTE, LEASE, PAGE, FILE = (
    ("POST", "/api/v1/batches/1/votes/"),
    ("POST", "/api/v1/batches/"),
    ("GET", "/hierarchy/"),
    ("GET", "/api/v1/labels/"),
)


def describe_request(method, path, body=b"", **more):
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        **more,
    }


class Reply:
    """What a server gets of one request."""

    def __init__(self, gate, *request, **more):
        body = gate(describe_request(*request, **more), self.start)
        self.thread = threading.current_thread().name
        self.body = body
        self.content = b"".join(body)
        if hasattr(body, "close"):
            body.close()

    def start(self, status, headers, exc_info=None):
        self.status, self.headers = int(status[:3]), dict(headers)


class Application:
    """Answers nothing until it is let go; remembers what it was asked, and in which threads."""

    def __init__(self):
        self.asked, self.threads, self.may_go = [], set(), threading.Event()

    def __call__(self, environ, start_response):
        self.asked.append(environ["PATH_INFO"])
        self.threads.add(threading.current_thread().name)
        assert self.may_go.wait(PATIENCE_SECONDS)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read()]


@contextmanager
def open_gate(application, *, threads=1, waiting=4, streams=1):
    with closing(Gate(application, threads=threads, waiting=waiting, streams=streams)) as gate:
        yield gate


class Crowd:
    """Requests that are under way at once, each in a thread of its own, as a server has them."""

    def __init__(self, gate):
        self.gate, self.replies, self.threads = gate, {}, []

    def send(self, name, *request):
        thread = threading.Thread(target=self._send, args=(name, request))
        thread.start()
        self.threads.append(thread)
        return thread

    def _send(self, name, request):
        self.replies[name] = Reply(self.gate, *request)

    def wait(self):
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)
        return self.replies


def wait_until(condition):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def application():
    return Application()


@pytest.fixture
def crowd(application):
    """At a gate with one thread, which is kept busy, and room for four to wait."""
    with open_gate(application) as gate:
        crowd = Crowd(gate)
        crowd.send("busy", *LEASE)
        wait_until(lambda: application.asked)
        yield crowd
        application.may_go.set()
        crowd.wait()


def send_in_turn(crowd, **requests):
    """Each waits, or is refused, or has pushed another one out, before the next one comes."""
    for number, (name, request) in enumerate(requests.items(), start=1):
        crowd.send(name, *request)
        wait_until(lambda number=number: len(crowd.gate._line) + len(crowd.replies) == number)


def test_what_was_sent_arrives_and_what_is_answered_comes_back(application):
    application.may_go.set()
    with open_gate(application) as gate:
        reply = Reply(gate, *VOTE, b"a vote")

    assert (reply.status, reply.headers, reply.content) == (200, {"Content-Type": "text/plain"}, b"a vote")


def test_the_application_runs_in_the_threads_of_the_gate_alone(application):
    application.may_go.set()
    with open_gate(application, threads=2) as gate:
        crowd = Crowd(gate)
        for number in range(20):
            crowd.send(number, *LEASE)
        crowd.wait()

    assert application.threads <= {"gate-0", "gate-1"}


def test_votes_that_come_later_are_taken_first(application, crowd):
    send_in_turn(crowd, page=PAGE, lease=LEASE, vote=VOTE)
    application.may_go.set()
    crowd.wait()

    assert application.asked[1:] == [VOTE[1], LEASE[1], PAGE[1]]


def test_a_program_that_is_refused_gets_a_problem_document_and_is_told_when_to_come_again(application, crowd):
    send_in_turn(crowd, first=FILE, second=FILE)

    reply = crowd.replies["second"]
    assert (reply.status, reply.headers["Content-Type"]) == (503, "application/problem+json")
    assert json.loads(reply.content)["status"] == 503
    assert 10 <= int(reply.headers["Retry-After"]) <= 30
    assert reply.headers["Cache-Control"] == "no-store"


def test_a_vote_pushes_out_a_page_that_waits(application, crowd):
    send_in_turn(crowd, lease=LEASE, other=LEASE, page=PAGE, file=FILE, vote=VOTE, late=VOTE)
    wait_until(lambda: {"file", "page"} <= crowd.replies.keys())
    application.may_go.set()
    replies = crowd.wait()

    assert {name: reply.status for name, reply in replies.items()} == {
        "busy": 200,
        "lease": 200,
        "other": 200,
        "page": 503,
        "file": 503,
        "vote": 200,
        "late": 200,
    }


def test_who_has_waited_too_long_is_refused_and_never_run(application, crowd):
    send_in_turn(crowd, vote=VOTE)
    [ticket] = crowd.gate._line._waiting[1]
    with crowd.gate._turn:
        object.__setattr__(ticket, "until", 0.0)
    application.may_go.set()
    replies = crowd.wait()

    assert (replies["busy"].status, replies["vote"].status) == (200, 503)
    assert VOTE[1] not in application.asked


def test_a_thread_need_not_come_free_for_a_refusal(application, crowd):
    crowd.gate._bounds = {**crowd.gate._bounds, Kind.BROWSING: Bound(waiting=1, seconds=0.05, places=1)}
    crowd.send("page", *PAGE).join(PATIENCE_SECONDS)

    assert crowd.replies["page"].status == 503
    assert not application.may_go.is_set()


def test_what_has_begun_is_never_cut(application, crowd):
    crowd.gate._bounds = dict.fromkeys(crowd.gate._bounds, Bound(waiting=1, seconds=0.01, places=1))
    time.sleep(0.05)
    application.may_go.set()

    assert crowd.wait()["busy"].status == 200


def test_whether_the_process_lives_is_answered_without_waiting(application, crowd):
    reply = Reply(crowd.gate, "GET", "/livez")

    assert (reply.status, json.loads(reply.content)) == (200, {"status": "alive"})


def test_what_the_application_raises_reaches_the_server():
    def application(environ, start_response):
        raise ZeroDivisionError

    with open_gate(application) as gate:
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                Reply(gate, *PAGE)


def test_refusals_are_logged_together(application, crowd, monkeypatch, caplog):
    monkeypatch.setattr(admission, "REPORT_SECONDS", 0.0)
    with caplog.at_level(logging.WARNING, logger=admission.__name__):
        send_in_turn(crowd, first=FILE, second=FILE)

    assert caplog.messages == ["too much at once, refused since last said: {'EXPORT': 1}"]


class Body(io.BytesIO):
    """A file that remembers in which thread it was closed."""

    closed_in = ""

    def close(self):
        self.closed_in = self.closed_in or threading.current_thread().name
        super().close()


def serve(response):
    def application(environ, start_response):
        start_response("200 OK", list(response.items()))
        return response

    return application


def test_a_small_file_is_read_and_closed_where_it_was_opened():
    file = Body(b"a picture")
    with open_gate(serve(FileResponse(file))) as gate:
        reply = Reply(gate, "GET", "/pictures/a")

    assert (reply.content, file.closed_in, type(reply.body)) == (b"a picture", "gate-0", list)


@pytest.mark.django_db
def test_a_large_file_is_sent_piece_by_piece_and_closed_once_by_the_server(monkeypatch):
    monkeypatch.setattr(admission, "WHOLE_BYTES", 10)
    file = Body(b"labels of a release")
    with open_gate(serve(FileResponse(file))) as gate:
        reply = Reply(gate, *FILE)

    assert (reply.content, file.closed_in) == (b"labels of a release", threading.current_thread().name)


@pytest.mark.django_db
def test_what_has_no_length_is_sent_piece_by_piece():
    with open_gate(serve(StreamingHttpResponse(iter([b"one ", b"two"])))) as gate:
        reply = Reply(gate, *FILE)

    assert (reply.content, type(reply.body)) == (b"one two", admission.Stream)


@pytest.mark.django_db
def test_slow_readers_of_large_files_are_bounded_and_make_room_when_they_are_done():
    with open_gate(lambda *asked: serve(StreamingHttpResponse(iter([b"x"])))(*asked)) as gate:
        slow = gate(describe_request(*FILE), lambda *_: None)
        second = Reply(gate, *FILE)
        slow.close()
        slow.close()
        third = Reply(gate, *FILE)

    assert (second.status, third.status) == (503, 200)


def test_what_is_longer_than_anything_of_ours_is_not_even_read(application):
    with open_gate(application) as gate:
        reply = Reply(gate, *VOTE, **{"CONTENT_LENGTH": "1000001", "wsgi.input": None})

    assert (reply.status, application.asked) == (413, [])


def test_what_was_cut_off_on_its_way_is_not_taken_for_the_whole(application):
    with open_gate(application) as gate:
        reply = Reply(gate, *VOTE, b"half a page", CONTENT_LENGTH="22")

    assert (reply.status, application.asked) == (400, [])


def test_senders_who_never_end_are_bounded_so_that_others_are_heard(application):
    application.may_go.set()
    endless, going = threading.Event(), []

    class Endless:
        def read(self, length):
            going.append(length)
            endless.wait(PATIENCE_SECONDS)
            return b"x" * length

    with open_gate(application, waiting=2) as gate:
        slow = [
            threading.Thread(target=Reply, args=(gate, *VOTE, b"x"), kwargs={"wsgi.input": Endless()}) for _ in range(2)
        ]
        for thread in slow:
            thread.start()
        wait_until(lambda: len(going) == 2)
        third, reader = Reply(gate, *VOTE, b"x"), Reply(gate, *LEASE)
        endless.set()
        for thread in slow:
            thread.join()

    assert (third.status, reader.status) == (503, 200)


def test_many_who_ask_for_readiness_at_once_get_one_answer(application):
    application.may_go.set()
    with open_gate(application) as gate:
        replies = [Reply(gate, "GET", "/readyz") for _ in range(5)]

    assert {reply.status for reply in replies} == {200}
    assert application.asked == ["/readyz"]


@pytest.mark.parametrize(
    ("method", "status"), [("POST", "405 Method Not Allowed"), ("HEAD", "200 OK"), ("GET", "400 Bad Request")]
)
def test_what_others_are_answered_at_that_address_is_not_taken_for_readiness(method, status):
    asked = []

    def application(environ, start_response):
        asked.append(environ["REQUEST_METHOD"])
        start_response("200 OK" if len(asked) > 1 else status, [("X-Request-ID", f"of-request-{len(asked)}")])
        return [b"ready"]

    with open_gate(application) as gate:
        replies = [Reply(gate, asks, "/readyz") for asks in (method, "GET", "GET")]

    assert asked == [method, "GET"]
    assert [reply.status for reply in replies[1:]] == [200, 200]
    assert [reply.headers.get("X-Request-ID") for reply in replies[1:]] == ["of-request-2", None]


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/v1/batches/", "application/problem+json"), ("/annotate/", "text/plain")]
)
def test_a_program_that_is_turned_away_gets_a_problem_document(application, path, kind):
    with open_gate(application) as gate:
        reply = Reply(gate, "POST", path, CONTENT_LENGTH="1000001")

    assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (413, kind)
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_a_slow_sender_keeps_no_thread_of_djangos():
    class Slow(io.BytesIO):
        def read(self, *size):
            self.read_in = threading.current_thread().name
            return super().read(*size)

    sent = Slow(b"a vote")
    with open_gate(serve(HttpResponse("taken"))) as gate:
        reply = Reply(gate, *VOTE, b"a vote", **{"wsgi.input": sent})

    assert (reply.status, sent.read_in) == (200, threading.current_thread().name)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_connections_are_kept_and_given_up_in_the_threads_that_have_them(settings, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    seen = []

    def application(environ, start_response):
        response = get_wsgi_application()(environ, start_response)
        seen.append((threading.current_thread().name, connections["default"].connection))
        return response

    with open_gate(application, threads=2) as gate:
        crowd = Crowd(gate)
        for number in range(12):
            crowd.send(number, "GET", "/api/v1/releases/")
        replies = crowd.wait()
        kept = dict(seen)
        assert {reply.status for reply in replies.values()} <= {200, 503}
        assert all(found is kept[thread] for thread, found in seen)
        assert not any(found.closed for found in kept.values())

    assert all(found.closed for found in kept.values())
    assert kept.keys() <= {"gate-0", "gate-1"}
