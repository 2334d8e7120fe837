"""A crowd that votes over HTTP from the test's own process and remembers every vote it sent and got confirmed."""

import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from annotation.management.crowd import GOOD, Client, SimulatedAnnotator, Tally
from tests.functional.pictures import draw_candidates, read_truths
from tests.functional.service import Service, wait_until

VOTES = re.compile(r"/api/v1/batches/([0-9a-f-]+)/votes/")
ANNOTATORS = 6
# More annotators than the cap: nobody is needed twice. Leases that a fault swallowed come back soon. Nothing that votes settle waits as gold.
POLICY = "vote_cap=5,page_size=4,lease_seconds=15,gold_rate=0"
FINISH_SECONDS = 240
PAGE = """
SELECT item.position, synset.wnid, encode(image.sha256, 'hex')
FROM annotation_batchitem AS item JOIN annotation_question AS question ON question.id = item.question_id
JOIN hierarchy_candidate AS candidate ON candidate.id = question.candidate_id
JOIN hierarchy_synset AS synset ON synset.id = candidate.synset_id
JOIN hierarchy_image AS image ON image.id = candidate.image_id
WHERE item.batch_id = %s
"""
WAITING = """
SELECT count(*) FROM annotation_question AS question JOIN annotation_campaign AS campaign ON campaign.id = campaign_id
WHERE campaign.name = %s AND (question.state = 'OPEN' OR question.id IN (SELECT unnest(questions) FROM annotation_duequestions))
  AND NOT EXISTS (SELECT 1 FROM annotation_gold AS gold WHERE gold.question_id = question.id AND gold.active)
"""


@dataclass
class Record:
    """Answers by (batch, position) as sent; and of each confirmed batch how many votes the answer named."""

    sent: dict[tuple[str, int], str] = field(default_factory=dict)
    confirmed: dict[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    @property
    def votes(self) -> int:
        return sum(self.confirmed.copy().values())


class RecordingClient(Client):
    def __init__(self, *, record: Record, **options) -> None:
        super().__init__(**options)
        self.record = record

    def request(self, method, path, *, accept, **arguments):
        page = VOTES.fullmatch(path)
        if page:
            self.record.sent |= {(page[1], vote["position"]): vote["answer"] for vote in arguments["json"]["votes"]}
        response = super().request(method, path, accept=accept, **arguments)
        if page:
            self.record.confirmed[page[1]] = response.json()["recorded"]
        return response


@dataclass(frozen=True)
class Crowd:
    """Annotators with a campaign of their own to work on."""

    service: Service
    campaign: str
    truths: dict[tuple[str, str], str]
    tokens: list[str]
    finish_seconds: float = FINISH_SECONDS

    @contextmanager
    def at_work(self, *, to_the_end: bool = True):
        """Votes are cast until the block ends, or until nothing is left. An annotator who cannot go on fails the test."""
        record, is_over = self.begin_record(), threading.Event()
        with ThreadPoolExecutor(len(self.tokens)) as pool:
            working = [pool.submit(self.make_annotator(token, record).work_until, is_over) for token in self.tokens]
            try:
                yield record
                if to_the_end:
                    self._wait_to_finish(working)
            finally:
                is_over.set()
        for future in working:
            future.result()

    def _wait_to_finish(self, working: list[Future[None]]) -> None:
        wait_until(
            lambda: self.count_waiting() == 0 or any(future.done() for future in working),
            seconds=self.finish_seconds,
            what=f"every question of {self.campaign} is decided or disputed",
        )

    def count_waiting(self) -> int:
        """Questions that are open, or that have votes no estimate has seen."""
        return int(self.service.ask(WAITING, self.campaign)[0][0])

    def find_page(self, batch: str) -> dict[int, tuple[str, str]]:
        rows = self.service.ask(PAGE, batch)
        return {position: (self.truths[wnid, sha256], sha256) for position, wnid, sha256 in rows}

    def begin_record(self) -> Record:
        return Record()

    def make_client(self, token: str, record: Record) -> Client:
        return RecordingClient(record=record, url=self.service.url, token=token, tally=record.tally)

    def make_annotator(self, token: str, record: Record) -> SimulatedAnnotator:
        client = self.make_client(token, record)
        return SimulatedAnnotator(
            client=client, skill=GOOD, seed=token, campaign=self.campaign, find_truths=self.find_page
        )


def gather_crowd(service: Service, folder, *, name: str, wnids, each: int) -> Crowd:
    """An open campaign `name` over pictures of its own, and annotators with tokens to answer it."""
    manifest = draw_candidates(folder, wnids=wnids, each=each, seed=sum(name.encode()))
    tokens = service.prepare(name, manifest, "--policy", POLICY, "--annotators", ANNOTATORS)
    annotators = [token for account, token in tokens.items() if account != "curator"]
    return Crowd(service, name, read_truths(manifest), annotators)
