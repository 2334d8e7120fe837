"""Annotators of known accuracy who use a running service as people's programs do: over HTTP, with tokens."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

import requests
from django.db import InterfaceError, OperationalError, connection

Found = TypeVar("Found")

YES, NO = "YES", "NO"
ANSWER_SECONDS = 30
# Longest time that a service may be away (a server being restarted) before an annotator gives up.
PATIENCE_SECONDS = 120
RETRY_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
WAIT_SECONDS = 0.5
BAD_ADDRESS = (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema)


class CrowdError(Exception):
    """The service answered something that a correct client cannot go on from."""


class Refused(CrowdError):
    """The account may not do this, as one that has been barred."""


def ask_database(query: Callable[[], Found]) -> Found:
    """What `query` finds; asked again, over a new connection, while the database is away. Not for use in a transaction."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return query()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)


@dataclass(frozen=True)
class Skill:
    """Chance of answering YES where that is true (sensitivity) and NO where it is not (specificity)."""

    name: str
    sensitivity: float
    specificity: float


GOOD = Skill("good", 0.95, 0.97)
ALWAYS_YES = Skill("always yes", 1.0, 0.0)
RANDOM = Skill("random", 0.5, 0.5)
MIDDLING = Skill("middling", 0.75, 0.75)
# Of every twelve annotators.
SKILLS = (*(GOOD,) * 9, ALWAYS_YES, RANDOM, MIDDLING)


@dataclass
class Tally:
    """What the crowd did, added up over its threads."""

    pages: int = 0
    votes: int = 0
    repeated: int = 0
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, pages: int = 0, votes: int = 0, repeated: int = 0, refused: int = 0) -> None:
        with self.lock:
            self.pages += pages
            self.votes += votes
            self.repeated += repeated
            self.refused += refused


def read_pause(response: requests.Response) -> float:
    """Seconds until the next try: those of Retry-After and up to half as many, so that not all come back at once."""
    said = response.headers.get("Retry-After", "")
    seconds = float(said) if said.isascii() and said.isdigit() else RETRY_SECONDS
    return min(seconds, LONGEST_PAUSE_SECONDS) * random.uniform(1, 1.5)  # noqa: S311 (spread, no secret)


class Client:
    """One account's way to the service. Answers lost to a fault are asked for again, with the same key."""

    def __init__(self, *, url: str, token: str, tally: Tally) -> None:
        self.url = url.rstrip("/")
        self.tally = tally
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"

    def request(self, method: str, path: str, *, accept: tuple[int, ...], **arguments: Any) -> requests.Response:
        """The first answer that is neither a connection error nor a 5xx. CrowdError unless its status is accepted, Refused where
        it is 403."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                response = self.session.request(method, self.url + path, timeout=ANSWER_SECONDS, **arguments)
            except BAD_ADDRESS as error:
                raise CrowdError(f"{method} {self.url + path}: {error}") from error
            except requests.RequestException as error:
                problem, seconds = str(error), RETRY_SECONDS
            else:
                if response.status_code < 500:
                    break
                problem, seconds = f"{response.status_code}", read_pause(response)
            if time.monotonic() > deadline:
                raise CrowdError(f"{method} {path}: {problem}")
            self.tally.add(repeated=1)
            time.sleep(seconds)
        if response.status_code not in accept:
            kind = Refused if response.status_code == HTTPStatus.FORBIDDEN else CrowdError
            raise kind(f"{method} {path}: {response.status_code} {response.text[:300]}")
        return response


@dataclass(frozen=True)
class SimulatedAnnotator:
    """`find_truths` gives for a batch id the truth (YES or NO) by position; `seed` makes the answers repeatable."""

    client: Client
    skill: Skill
    seed: str
    campaign: str
    find_truths: Callable[[str], Mapping[int, tuple[str, str]]]

    def work_until(self, is_over: threading.Event) -> None:
        """Answers pages as long as there are any, those left from an earlier run first, until told that it is over, or until the
        service bars the account."""
        try:
            self._work(is_over)
        except Refused:
            self.client.tally.add(refused=1)

    def _work(self, is_over: threading.Event) -> None:
        for batch in self.client.request("GET", "/api/v1/me/", accept=(200,)).json()["open_batches"]:
            self.answer(batch)
        while not is_over.is_set():
            response = self.client.request(
                "POST", "/api/v1/batches/", json={"campaign": self.campaign}, accept=(201, 204, 409)
            )
            if response.status_code != 201:
                is_over.wait(WAIT_SECONDS)
                continue
            self.answer(response.json()["id"])

    def answer(self, batch: str) -> None:
        truths = ask_database(lambda: self.find_truths(batch))
        votes = [
            {"position": position, "answer": self.choose(truth, picture), "milliseconds": 800}
            for position, (truth, picture) in sorted(truths.items())
        ]
        answer = self.client.request(
            "POST",
            f"/api/v1/batches/{batch}/votes/",
            json={"votes": votes},
            headers={"Idempotency-Key": f"{self.seed}-{batch}"},
            accept=(201,),
        )
        self.client.tally.add(pages=1, votes=answer.json()["recorded"])

    def choose(self, truth: str, picture: str) -> str:
        """The same annotator answers the same picture the same way in every run of a seed."""
        chance = random.Random(f"{self.seed}:{picture}").random()  # noqa: S311 (a simulation)
        if truth == YES:
            return YES if chance < self.skill.sensitivity else NO
        return NO if chance < self.skill.specificity else YES
