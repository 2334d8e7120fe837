"""Workers of external crowds: inside another site's iframe, and by a link."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode, urlsplit

import pytest
from django.utils.timezone import now
from playwright.sync_api import expect

from annotation.actions import crowds
from annotation.models import Assignment, Vote

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


class Provider(BaseHTTPRequestHandler):
    """A page that frames whatever it is asked for, and takes what is handed in."""

    taken: list[str] = []

    def do_GET(self):
        frame = self.path.partition("?frame=")[2]
        self._answer(f'<iframe title="work" width="900" height="700" src="{frame}"></iframe>')

    def do_POST(self):
        self.taken.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer("<h1>Taken</h1>")

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<!doctype html><title>Provider</title>{body}".encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def provider(settings):
    """The address of another origin than the service's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    settings.CROWD_FRAMES, settings.CROWD_SUBMITS = [address], {"live": address, "sandbox": address}
    Provider.taken.clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address
    server.shutdown()
    server.server_close()


def answer_page(frame):
    """Every picture of the page with yes, and the page sent."""
    for radio in frame.locator("input[type=radio][value=YES]").all():
        radio.check(force=True)
    frame.get_by_role("button", name="Send answers").click()


def test_a_worker_of_mechanical_turk_works_inside_its_iframe(visit, campaign, curator, provider, live_server):
    crowd = crowds.open_crowd(name="animals", provider="MTURK", pages=1, days=1, by=curator, at=now())
    visitor = visit()
    # Another host than the provider's page, so that none of our cookies comes along.
    link = f"http://localhost:{urlsplit(live_server.url).port}/crowd/{crowd.token}/"
    visitor.page.goto(f"{provider}/?frame={link}?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H1")
    frame = visitor.page.frame_locator("iframe")
    expect(frame.get_by_text("accept the assignment")).to_be_visible()

    given = {"assignmentId": "A1", "hitId": "H1", "workerId": "W1", "turkSubmitTo": provider}
    visitor.page.goto(f"{provider}/?frame={link}?{urlencode(given)}")
    frame.get_by_role("button", name="Get a page of pictures").click()
    expect(frame.locator("#answers")).to_be_visible()
    answer_page(frame)
    frame.get_by_role("link", name="Go on to hand in").click()
    frame.get_by_role("button", name="Submit").click()

    expect(frame.get_by_text("Taken")).to_be_visible()
    assert Provider.taken == ["assignmentId=A1&answered=6"]
    assert (Assignment.objects.get().finished_at is not None, Vote.objects.count()) == (True, 6)


def test_a_worker_of_prolific_comes_by_a_link_and_leaves_with_a_code(visit, campaign, curator):
    crowd = crowds.open_crowd(
        name="animals", provider="PROLIFIC", pages=1, days=1, completion_code="C0DE", by=curator, at=now()
    )
    visitor = visit()
    visitor.open(f"/crowd/{crowd.token}/?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=x1")
    visitor.page.get_by_role("button", name="Get a page of pictures").click()
    expect(visitor.page.locator("#answers")).to_be_visible()
    answer_page(visitor.page)

    visitor.page.get_by_role("link", name="Go on to hand in").click()

    expect(visitor.page.get_by_text("C0DE")).to_be_visible()
    back = visitor.page.get_by_role("link", name="Back to Prolific")
    assert back.get_attribute("href") == "https://app.prolific.com/submissions/complete?cc=C0DE"
    assert visitor.problems == []
