"""From pressing Enter to the next page of pictures on the screen, in Chromium over a network that takes 100 ms to answer, against a static page
that swaps the same pictures.

Both are measured by the browser itself: from the time stamp of the key to when the last picture in the window was painted (Element
Timing). Without Chromium nothing is measured.
"""

import os
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings
from django.test.testcases import LiveServerThread
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, ViewportSize, sync_playwright

from annotation.models import Batch
from benchmarks.images import draw
from benchmarks.measure import Row
from benchmarks.rows import PAGE_SIZE, make_annotator, open_campaign
from hierarchy.models import Candidate, Image, Synset

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
DELAY_MILLISECONDS = 100
WINDOW: ViewportSize = {"width": 1280, "height": 800}
AGAINST = "a static page that swaps as many pictures"
# Resolves to the milliseconds from the next Enter to the last picture of the new page in the window. A picture that is not painted
# in time is a failure of the measurement, not a figure.
WATCH = """
() => {
  window.measured = new Promise((resolve, reject) => {
    let pressed = 0;
    const due = new Set();
    let latest = 0;
    addEventListener("keydown", (event) => (pressed = event.timeStamp), { capture: true, once: true });
    const painted = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        latest = Math.max(latest, entry.renderTime);
        due.delete(entry.element);
      }
      if (!due.size) {
        painted.disconnect();
        resolve(latest - pressed);
      }
    });
    const swapped = new MutationObserver(() => {
      swapped.disconnect();
      for (const picture of document.querySelectorAll(".item__picture img")) {
        if (picture.getBoundingClientRect().top > innerHeight - 120) continue;
        picture.setAttribute("elementtiming", "picture");
        due.add(picture);
      }
      painted.observe({ type: "element" });
    });
    swapped.observe(document.getElementById("region"), { childList: true });
    setTimeout(() => reject(new Error(`${due.size} pictures were not painted`)), 10000);
  });
}
"""
# What the static page does: the next fragment is there, its pictures are decoded, Enter swaps it in.
BARE = """
<!DOCTYPE html><link rel="stylesheet" href="{static}css/base.css"><link rel="stylesheet" href="{static}css/annotate.css">
<main><div id="region"><div id="batch"></div></div></main>
<script>
  window.load = async (html) => {{
    window.next = document.createRange().createContextualFragment(html).firstElementChild;
    const pictures = [...window.next.querySelectorAll(".item__picture img")];
    for (const picture of pictures) picture.decoding = "sync";
    await Promise.all(pictures.map((picture) => picture.decode()));
  }};
  addEventListener("keydown", () => {{
    document.getElementById("region").replaceChildren(window.next);
    scrollTo({{ top: 0 }});
  }});
</script>
"""


def measure(*, quick: bool) -> list[Row]:
    """The median and the 95th percentile of some 30 pages; nothing where there is no Chromium."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        print("no Chromium: nothing is measured (apt-get install chromium, or CHROMIUM=/path)", file=sys.stderr)
        return []
    pages = 5 if quick else 30
    _fill(pages + 4)
    # Playwright runs an event loop in this thread, in which Django would refuse to query.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with _serve() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport=WINDOW)
        _sign_in(context, url, User.objects.get(annotator=make_annotator()))
        ours, fragments = _measure_ours(context, url, pages)
        bare = _measure_bare(context, url, fragments)
        browser.close()
    return [
        _compare("median", statistics.median(ours), statistics.median(bare)),
        _compare("95th percentile", _find_percentile(ours), _find_percentile(bare)),
    ]


def _compare(name: str, ours: float, bare: float) -> Row:
    title = f"Enter to the next {PAGE_SIZE} pictures painted, {DELAY_MILLISECONDS} ms network, {name}"
    return Row(name=title, ours=ours, limit=bare, unit="ms", against=AGAINST, ratio=ours / bare)


def _find_percentile(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def _fill(pages: int) -> None:
    """A campaign with so many pages, each about a synset of its own and the same pictures."""
    numbers = range(1, pages + 1)
    Synset.objects.bulk_create(
        Synset(id=number, wnid=f"n{number:08d}", words=["thing"], gloss="something") for number in numbers
    )
    with TemporaryDirectory() as name:
        folder = Path(name) / "n00000001"
        folder.mkdir()
        for seed in range(PAGE_SIZE):
            picture = draw(seed)
            (folder / picture.name).write_bytes(picture.data)
        call_command("import_images", folder.parent, report=Path(name) / "refused.csv", verbosity=0)
    images = list(Image.objects.all())
    at = images[0].imported_at
    Candidate.objects.bulk_create(
        Candidate(image=image, synset_id=number, collected_at=at) for number in numbers[1:] for image in images
    )
    open_campaign(wnids=[f"n{number:08d}" for number in numbers])


@contextmanager
def _serve() -> Iterator[str]:
    """The service in a thread of this process."""
    with override_settings(ALLOWED_HOSTS=["*"]):
        thread = LiveServerThread("localhost", StaticFilesHandler)
        thread.daemon = True
        thread.start()
        thread.is_ready.wait()
        if thread.error:
            raise thread.error
        yield f"http://localhost:{thread.port}"
        thread.terminate()
        connections.close_all()


def _sign_in(context: BrowserContext, url: str, user: User) -> None:
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])


def _measure_ours(context: BrowserContext, url: str, pages: int) -> tuple[list[float], list[str]]:
    """Milliseconds of each page, and the pages themselves."""
    page = _open(context, url + reverse("annotation:annotate"))
    page.get_by_role("button", name="Get a page of pictures").click()
    times, fragments = [], []
    for number in range(pages):
        # What a person takes to look at a page is enough for the next ones to come.
        _wait_for_pages_at_hand(page, sent=number)
        page.keyboard.press("y")
        page.keyboard.press("n")
        times.append(_press_enter(page))
        fragments.append(page.evaluate("document.getElementById('batch').outerHTML"))
    return times, fragments


def _wait_for_pages_at_hand(page: Page, *, sent: int) -> None:
    page.wait_for_function("() => document.documentElement.classList.contains('enhanced')")
    for _ in range(200):
        submitted = Batch.objects.filter(outcome=Batch.Outcome.SUBMITTED).count()
        if submitted == sent and Batch.objects.filter(closed_at=None).count() > 2:
            break
        page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(200)


def _measure_bare(context: BrowserContext, url: str, fragments: list[str]) -> list[float]:
    address = f"{url}/bare/"
    body = BARE.format(static=settings.STATIC_URL)
    context.route(address, lambda route: route.fulfill(body=body, content_type="text/html"))
    page = _open(context, address)
    times = []
    for fragment in fragments:
        page.evaluate("(html) => window.load(html)", fragment)
        times.append(_press_enter(page))
    return times


def _open(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    conditions: dict[str, Any] = {"offline": False, "latency": DELAY_MILLISECONDS}
    throughput = {"downloadThroughput": -1, "uploadThroughput": -1}
    context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions | throughput)
    page.goto(url)
    return page


def _press_enter(page: Page) -> float:
    page.evaluate(WATCH)
    page.keyboard.press("Enter")
    return float(page.evaluate("window.measured"))
