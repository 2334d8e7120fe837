"""Pages of 24 questions, leased and sent, against the same number of rows written bare."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from psycopg2.extras import execute_values

from annotation.actions.batches import lease_batch
from annotation.actions.votes import GivenVote, submit_batch
from annotation.models import Annotator
from benchmarks.measure import Row, compare
from benchmarks.rows import PAGE_SIZE, make_annotator, make_campaign, open_bare

THREADS = (1, 4)
PAGES_A_SYNSET = 20
# A page is one batch, its items and its votes.
ROWS_A_PAGE = 1 + 2 * PAGE_SIZE
CREATE = (
    "CREATE TABLE IF NOT EXISTS bare_page (batch uuid, position smallint, question bigint, answer text, at timestamptz)"
)
INSERT = "INSERT INTO bare_page VALUES %s"


def measure(*, quick: bool) -> list[Row]:
    rounds, pages = (2, 8) if quick else (3, 40)
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
    # No question is met twice, as if the estimates came at once.
    make_campaign(synsets=len(THREADS) * rounds * pages // PAGES_A_SYNSET + 1, candidates=PAGES_A_SYNSET * PAGE_SIZE)
    return [_measure_threads(threads, rounds=rounds, pages=pages) for threads in THREADS]


def _measure_threads(threads: int, *, rounds: int, pages: int) -> Row:
    each = pages // threads
    annotators = [make_annotator() for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        pair = compare(
            ours=lambda _: list(pool.map(lambda annotator: _answer_pages(annotator, each), annotators)),
            limit=lambda _: list(pool.map(lambda _: _write_pages(each), annotators)),
            inputs=range(rounds),
        )
    return pair.as_rate(
        f"lease and submit, {threads} thread{'s' * (threads > 1)}",
        amount=each * threads,
        unit="pages/s",
        against=f"{ROWS_A_PAGE} rows by execute_values, one commit a page",
    )


def _answer_pages(annotator: Annotator, pages: int) -> None:
    """Opens a connection and closes it, as its peer does."""
    try:
        for _ in range(pages):
            batch = lease_batch(annotator_id=annotator.pk)
            assert batch is not None, "the campaign has too few questions"
            votes = [GivenVote(position=at, answer="YES", milliseconds=900) for at in range(1, batch.items.count() + 1)]
            submit_batch(annotator_id=annotator.pk, batch_id=batch.pk, votes=votes, key=str(batch.pk))
    finally:
        connection.close()


def _write_pages(pages: int) -> None:
    with open_bare() as bare:
        for _ in range(pages):
            batch = str(uuid.uuid4())
            rows = [(batch, position, position, "YES", None) for position in range(ROWS_A_PAGE)]
            with bare, bare.cursor() as cursor:
                execute_values(cursor, INSERT, rows, page_size=ROWS_A_PAGE)
