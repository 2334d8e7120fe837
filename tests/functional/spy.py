"""An annotator's program that notes all it can see of each picture, and tries everything that is allowed."""

import hashlib
import json
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field

import requests

ANSWER_SECONDS = 30
SIZES = (None, None, 1, 2, 5, 12)
WAYS = ("answer", "answer", "answer", "leave some", "leave most", "give back", "take back", "look twice")
FIGURES = (
    *(
        "shown",
        "first_page",
        "last_page",
        "page_size",
        "asked_less_got",
        "position",
        "first_or_last",
        "again_after_blank",
    ),
    *("came_back_at_once", "lease_ms", "lease_bytes", "lease_headers", "item_bytes", "address", "address_sum"),
    *(
        "picture_ms",
        "picture_bytes",
        "picture_headers",
        "width",
        "height",
        "vote_ms",
        "vote_bytes",
        "recorded_less_sent",
    ),
    *("undo_ms", "me_bytes", "progress_bytes", "tag_sum"),
)


@dataclass
class Spy:
    """Rows by the SHA-256 of a picture's bytes, with a figure for each time it was seen."""

    url: str
    token: str
    campaign: str
    seed: int
    seen: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    held: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {self.token}"
        self.blank: set[str] = set()
        self.page = 0

    def ask(self, method, path, **given):
        begun = time.perf_counter()
        answer = self.session.request(method, self.url + path, timeout=ANSWER_SECONDS, **given)
        return answer, 1000 * (time.perf_counter() - begun)

    def work(self, pages: int) -> None:
        for self.page in range(pages):
            size = self.random.choice(SIZES)
            body = {"campaign": self.campaign} | ({"size": size} if size else {})
            leased, taken = self.ask("POST", "/api/v1/batches/", json=body)
            if leased.status_code == 204:
                return
            assert leased.status_code == 201, leased.text
            pictures = self.look(leased, taken, size)
            self.act(leased.json()["id"], pictures)

    def look(self, leased, taken, size) -> list[str]:
        """The page's pictures, in order."""
        items, pictures = leased.json()["items"], []
        for item in items:
            picture, fetched = self.ask("GET", item["image"]["url"].removeprefix(self.url))
            name = hashlib.sha256(picture.content).hexdigest()
            pictures.append(name)
            self.held[leased.json()["id"], item["position"]] = name
            address = item["image"]["url"].rsplit("/", 1)[-1]
            self.note(
                name,
                page_size=len(items),
                asked_less_got=(size or 0) - len(items),
                position=item["position"] / len(items),
                first_or_last=item["position"] in (1, len(items)),
                lease_ms=taken,
                lease_bytes=len(leased.content) / len(items),
                lease_headers=len(str(leased.headers)),
                item_bytes=len(json.dumps(item)),
                address=len(address),
                address_sum=sum(map(ord, address)),
                picture_ms=fetched,
                picture_bytes=len(picture.content),
                picture_headers=len(str(picture.headers)),
                width=item["image"].get("width", 0),
                height=item["image"].get("height", 0),
                tag_sum=sum(map(ord, picture.headers.get("ETag", ""))),
                came_back_at_once=name in self.blank,
            )
        for name in self.blank:
            self.note(name, again_after_blank=name in pictures)
        self.blank = set()
        return pictures

    def act(self, batch: str, pictures: list[str]) -> None:
        way = self.random.choice(WAYS)
        if way == "look twice":
            again, taken = self.ask("GET", f"/api/v1/batches/{batch}/")
            self.note_all(pictures, lease_ms=taken, lease_headers=len(str(again.headers)))
        if way == "give back":
            self.ask("DELETE", f"/api/v1/batches/{batch}/")
            self.blank = set(pictures)
            return
        share = {"leave some": 0.7, "leave most": 0.1}.get(way, 1.0)
        chosen = [at for at in range(1, len(pictures) + 1) if self.random.random() < share] or [1]
        votes = [{"position": at, "answer": self.random.choice(("YES", "NO")), "milliseconds": 900} for at in chosen]
        path = f"/api/v1/batches/{batch}/votes/"
        sent, taken = self.ask("POST", path, json={"votes": votes}, headers={"Idempotency-Key": batch})
        assert sent.status_code == 201, sent.text
        self.blank = {name for at, name in enumerate(pictures, start=1) if at not in chosen}
        self.note_all(
            [pictures[at - 1] for at in chosen],
            vote_ms=taken,
            vote_bytes=len(sent.content),
            recorded_less_sent=sent.json()["recorded"] - len(votes),
            me_bytes=len(self.ask("GET", "/api/v1/me/")[0].content),
            progress_bytes=len(self.ask("GET", f"/api/v1/campaigns/{self.campaign}/")[0].content),
        )
        if way == "take back":
            _, taken = self.ask("DELETE", path)
            self.note_all(pictures, undo_ms=taken)
            self.blank = set(pictures)

    def note_all(self, pictures: list[str], **figures: float) -> None:
        for name in pictures:
            self.note(name, **figures)

    def note(self, picture: str, **figures: float) -> None:
        for name, value in figures.items():
            self.seen[picture][name].append(float(value))
        if "page_size" in figures:
            self.seen[picture]["shown"].append(self.page)

    def write_rows(self) -> dict[str, list[float]]:
        """By picture, the means of FIGURES; where there is none, that of all this annotator's."""
        rows = {}
        for picture, figures in self.seen.items():
            shown = figures["shown"]
            own = {"shown": len(shown), "first_page": shown[0], "last_page": shown[-1]}
            rows[picture] = [own[name] if name in own else _mean(figures.get(name)) for name in FIGURES]
        means = [_mean([row[at] for row in rows.values() if row[at] == row[at]]) for at in range(len(FIGURES))]
        return {
            picture: [means[at] if value != value else value for at, value in enumerate(row)]
            for picture, row in rows.items()
        }


def _mean(values: list[float] | None) -> float:
    return sum(values) / len(values) if values else float("nan")
