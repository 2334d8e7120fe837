"""Somebody with a browser."""

import time
from dataclasses import dataclass, field

from django.conf import settings
from django.test import Client
from django.utils.crypto import get_random_string
from playwright.sync_api import Page

from annotation.models import Vote

PATIENCE_SECONDS = 60
POLL_MILLISECONDS = 50


@dataclass
class Visitor:
    """One tab of one browser on the site; `problems` collects what the browser complains of."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def _note(self, message) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{self.page.url}: {message.text}")

    def open(self, path: str):
        return self.page.goto(self.url + path)

    def open_tab(self) -> "Visitor":
        """Another tab of the same browser."""
        return Visitor(page=self.page.context.new_page(), url=self.url)

    def sign_in(self, user) -> None:
        """As if this browser had signed in to that account in yet another tab; nobody: signed out."""
        name = settings.SESSION_COOKIE_NAME
        self.page.context.clear_cookies(name=name)
        if user is None:
            return
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        cookies = [(name, client.cookies[name].value), ("csrftoken", get_random_string(32))]
        self.page.context.add_cookies([{"name": key, "value": value, "url": self.url} for key, value in cookies])

    def wait_for(self, condition):
        """The first true value of `condition()`, which may ask the database; the browser goes on meanwhile."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := condition()):
            assert time.monotonic() < end, "the condition did not come true"
            self.page.wait_for_timeout(POLL_MILLISECONDS)
        return found

    def start_page(self) -> str:
        """Gets a page of pictures and waits until its keys work; returns the number of the batch."""
        self.open("/annotate/")
        self.page.get_by_role("button", name="Get a page of pictures").press("Enter")
        return self.wait_for_keys()

    def wait_for_keys(self) -> str:
        self.page.wait_for_function(
            """() => document.documentElement.classList.contains('enhanced')
                  && document.querySelector('#batch[data-batch]') !== null"""
        )
        # Keys count once the pictures have been drawn: two frames, and one to be sure.
        self.page.evaluate(
            """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
                   requestAnimationFrame(() => setTimeout(done)))))"""
        )
        return self.batch

    @property
    def batch(self) -> str:
        """The number of the batch on the screen; empty when there is none."""
        return self.page.locator("#batch").get_attribute("data-batch") or ""

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


def list_votes(batch: str) -> dict[int, str]:
    """Standing answers by position."""
    return dict(Vote.objects.standing().filter(batch_id=batch).values_list("position", "answer"))
