"""A browser, a site with pictures to look at, and people who are signed in to it."""

import os
import shutil
import time
from contextlib import ExitStack

import pytest
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from playwright.sync_api import expect

from hierarchy.models import Synset
from tests.browser.visitor import Visitor
from tests.builders import make_open_campaign, make_user, make_votes
from tests.functional.pictures import NOUNS, draw_candidates

# Playwright's synchronous interface runs an event loop in this thread, in which Django would refuse to query.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium found: apt-get install chromium, or set CHROMIUM=/path"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DOG, CAT, CORGI = "n02084071", "n02121808", "n02112826"
PICTURES = 8
# Generous, because other work may share the machine.
PATIENCE_MILLISECONDS = 60_000
REST_SECONDS = 0.3
POLL_SECONDS = 0.02


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        (pytest.fail if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip)(MISSING)
    return {**browser_type_launch_args, "executable_path": path, "args": [*QUIET]}


@pytest.fixture
def drawings(tmp_path, live_server):
    """The small WordNet with pictures of dogs, cats and corgis."""
    call_command("import_wordnet", NOUNS / "data.noun", verbosity=0)
    manifest = draw_candidates(tmp_path / "pictures", wnids=[DOG, CAT, CORGI], each=PICTURES)
    call_command("import_images", manifest, root=manifest.parent, report=tmp_path / "refused.csv", verbosity=0)
    return {word: Synset.objects.get(wnid=wnid) for word, wnid in (("dog", DOG), ("cat", CAT), ("corgi", CORGI))}


@pytest.fixture
def campaign(drawings):
    """An open campaign that asks about dogs and cats, six pictures a page, none of them gold."""
    return make_open_campaign([drawings["dog"], drawings["cat"]], name="animals", page_size=6, gold_rate=0)


@pytest.fixture
def disputed(drawings):
    """A campaign about corgis whose questions all went to a curator."""
    found = make_open_campaign([drawings["corgi"]], name="corgis", vote_cap=2, gold_rate=0)
    make_votes(found, ["YES", "NO"])
    return found


@pytest.fixture
def server_at_rest(live_server):
    """At the end, waits for requests under way: emptying the tables beneath them is a deadlock."""
    begun, ended = [], []

    def note_begin(**_):
        begun.append(1)

    def note_end(**_):
        ended.append(1)

    request_started.connect(note_begin)
    request_finished.connect(note_end)
    yield
    steady_since = time.monotonic()
    while time.monotonic() - steady_since < REST_SECONDS:
        if len(begun) > len(ended):
            steady_since = time.monotonic()
        time.sleep(POLL_SECONDS)
    request_started.disconnect(note_begin)
    request_finished.disconnect(note_end)


@pytest.fixture
def visit(browser, live_server, server_at_rest):
    """Opens a browser of its own for somebody: an account, or nobody."""
    with ExitStack() as opened:

        def open_visitor(user=None, **options):
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
            opened.callback(context.close)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            expect.set_options(timeout=PATIENCE_MILLISECONDS)
            visitor = Visitor(page=context.new_page(), url=live_server.url)
            if user is not None:
                visitor.sign_in(user)
            return visitor

        yield open_visitor


@pytest.fixture
def annotator(live_server):
    return make_user("ann")


@pytest.fixture
def curator(live_server):
    return make_user("cora", "curator")
