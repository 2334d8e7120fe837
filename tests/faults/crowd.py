"""A crowd that sends pages more than once: beside each other, again, with another body; and notes what should not be answered."""

import contextlib
import random
import threading
import time
from dataclasses import dataclass, field

import requests

from annotation.management.crowd import ANSWER_SECONDS
from tests.functional.crowd import VOTES, Crowd, Record, RecordingClient

OTHER = {"YES": "NO", "NO": "YES", "UNSURE": "YES"}
BESIDE, AGAIN, CHANGED = 0.1, 0.1, 0.1


@dataclass
class Notes(Record):
    """`surprises`: answers that a promise rules out. `repeats`: pages sent again without need, of which `unanswered` had none, or 5xx."""

    surprises: list[str] = field(default_factory=list)
    repeats: int = 0
    unanswered: int = 0

    @property
    def failed(self) -> int:
        """Requests without an answer, or with 5xx."""
        return self.unanswered + self.tally.repeated


@dataclass(frozen=True)
class Pace:
    """How long people look at a page before they send it, in seconds, at least and at most."""

    least: float = 0.0
    most: float = 0.0
    # Whether pages are sent again without need.
    polite: bool = False


class RepeatingClient(RecordingClient):
    """Each page is sent, and some are sent again with the same key; with `pace` between lease and votes."""

    def __init__(self, *, record: Notes, pace: Pace, seed: str, **options) -> None:
        super().__init__(record=record, **options)
        self.notes, self.pace, self.chance = record, pace, random.Random(seed)

    def request(self, method, path, *, accept, **arguments):
        if not VOTES.fullmatch(path):
            return super().request(method, path, accept=accept, **arguments)
        time.sleep(self.chance.uniform(self.pace.least, self.pace.most))
        beside = threading.Thread(target=self._repeat, args=(path, arguments, (201, 409)))
        if self.pace.polite:
            return super().request(method, path, accept=accept, **arguments)
        if self.chance.random() < BESIDE:
            beside.start()
        response = super().request(method, path, accept=accept, **arguments)
        if self.chance.random() < AGAIN:
            again = self._repeat(path, arguments, (201,))
            if again is not None and again.json() != response.json():
                self.notes.surprises.append(f"{path}: {again.json()} after {response.json()}")
        if self.chance.random() < CHANGED:
            votes = [{**vote, "answer": OTHER[vote["answer"]]} for vote in arguments["json"]["votes"]]
            self._repeat(path, {**arguments, "json": {"votes": votes}}, (422,))
        if beside.ident is not None:
            beside.join()
        return response

    def _repeat(self, path, arguments, accept) -> requests.Response | None:
        """None where a fault took the answer."""
        self.notes.repeats += 1
        with contextlib.suppress(requests.RequestException):
            headers = {**self.session.headers, **arguments["headers"]}
            answer = requests.post(self.url + path, json=arguments["json"], headers=headers, timeout=ANSWER_SECONDS)
            if answer.status_code in accept:
                return answer
            if answer.status_code < 500:
                self.notes.surprises.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        self.notes.unanswered += 1
        return None


@dataclass(frozen=True)
class Load(Crowd):
    """Annotators at a pace, who come through `url`."""

    url: str = ""
    pace: Pace = Pace()
    finish_seconds: float = 90.0

    def begin_record(self) -> Notes:
        return Notes()

    def make_client(self, token, record):
        seed = f"{self.campaign} {token}"
        return RepeatingClient(record=record, pace=self.pace, seed=seed, url=self.url, token=token, tally=record.tally)
