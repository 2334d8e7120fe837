"""How long a page takes to lease and to send through the actions, whatever lies around it: needs Django set up on a filled
database.

Scenes: a newcomer in the largest synset and in one of usual size; an annotator who is far ahead of all others in the largest
synset; a newcomer while thousands of others hold pages. Beside them the bare limit: as many rows locked and written by plain
psycopg2, without any question of who may be asked what.
"""

import random
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg2
import psycopg2.extensions
from django.db import connection

from annotation.actions import batches, votes
from annotation.actions.votes import GivenVote
from annotation.models import Annotator, Batch, Campaign, Question
from annotation.models.question import RING
from benchmarks.scale.newcomers import CAMPAIGN, make_newcomers
from benchmarks.scale.servers import Progress

PAGE = 24
PAGES = 100
VOTES_AHEAD = 100_000
OPEN_LEASES = 10_000
ANSWERS = ("YES", "NO")

LOCK = """
UPDATE annotation_question SET held_until = ARRAY[now() + interval '30 minutes'] WHERE id IN (
    SELECT id FROM annotation_question
    WHERE campaign_id = %(campaign)s AND synset_id = %(synset)s AND state = 'OPEN' AND closed_at IS NULL AND NOT is_gold
      AND has_room AND priority = %(band)s AND lot >= %(lot)s
    ORDER BY lot LIMIT 24 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id
"""
LEASE = """
INSERT INTO annotation_batch (id, annotator_id, campaign_id, synset_id, leased_at, expires_at, outcome, late)
VALUES (%(batch)s, %(annotator)s, %(campaign)s, %(synset)s, now(), now() + interval '30 minutes', '', false);
INSERT INTO annotation_batchitem (batch_id, position, question_id)
SELECT %(batch)s, position, question_id FROM unnest(%(questions)s::bigint[]) WITH ORDINALITY AS item (question_id, position)
"""
SUBMIT = """
INSERT INTO annotation_vote (question_id, annotator_id, batch_id, position, answer, late, voted_at)
SELECT question_id, %(annotator)s, batch_id, position, 'YES', false, now() FROM annotation_batchitem WHERE batch_id = %(batch)s;
UPDATE annotation_question SET held_until = '{}', votes_in_time = votes_in_time + 1 WHERE id = ANY(%(questions)s);
INSERT INTO annotation_duequestions (campaign_id, questions, due_at)
SELECT %(campaign)s, %(questions)s::bigint[], now() WHERE %(recorded)s > 0;
UPDATE annotation_batch SET outcome = 'SUBMITTED', closed_at = now(), idempotency_key = %(batch)s, body_sha256 = sha256(''),
    recorded = %(recorded)s WHERE id = %(batch)s
"""


def measure_leases(*, progress: Progress) -> dict[str, Any]:
    """Milliseconds (median and 99th percentile) of leases and of submissions in each scene."""
    campaign = Campaign.objects.get(name=CAMPAIGN)
    synsets = list(campaign.campaign_synsets.order_by("position").values_list("synset_id", flat=True))
    largest, usual = synsets[0], synsets[len(synsets) // 2]
    found: dict[str, Any] = {"bare": measure_bare(campaign, largest)}
    found["largest synset"] = answer_pages(make_newcomers(1)[0], PAGES)
    found["usual synset"] = answer_pages(place_annotator(campaign, usual), PAGES)
    progress(
        f"leases: {_describe(found['usual synset'])} in a usual synset, {_describe(found['largest synset'])} in the largest"
    )
    found["far ahead"] = go_ahead(campaign, largest, progress)
    found["many open"] = hold_many(campaign, progress)
    clean_up()
    return found


def measure_bare(campaign: Campaign, synset: int) -> dict[str, float]:
    """The same tables, keys and triggers, two transactions a page, from random places of the fullest band; each page by somebody else,
    for nothing looks after who has voted on what."""
    taken = []
    band = _find_fullest_band(campaign, synset)
    place = random.Random(0)
    with closing(psycopg2.connect(**connection.get_connection_params())) as bare, bare.cursor() as cursor:
        for annotator in make_newcomers(PAGES):
            values = {
                "batch": str(uuid4()),
                "annotator": annotator.pk,
                "campaign": campaign.pk,
                "synset": synset,
                "band": band,
                "lot": place.randrange(RING),
            }
            taken.append(_answer_bare(cursor, values))
    return summarize(taken)


def _find_fullest_band(campaign: Campaign, synset: int) -> int:
    wanted = campaign.questions.filter(synset_id=synset, state=Question.State.OPEN, is_gold=False)
    bands = list(wanted.values_list("priority", flat=True))
    return max(set(bands), key=bands.count)


def _answer_bare(cursor: psycopg2.extensions.cursor, values: dict[str, Any]) -> tuple[float, float]:
    start = time.perf_counter()
    cursor.execute(LOCK, values)
    values["questions"] = [row[0] for row in cursor.fetchall()]
    values["recorded"] = len(values["questions"])
    cursor.execute(LEASE, values)
    cursor.connection.commit()
    leased = time.perf_counter()
    cursor.execute(SUBMIT, values)
    cursor.connection.commit()
    return leased - start, time.perf_counter() - leased


def place_annotator(campaign: Campaign, synset: int) -> Annotator:
    """A newcomer whose newest page, given back, was in that synset."""
    annotator, at = make_newcomers(1)[0], datetime.now(UTC) - timedelta(seconds=1)
    Batch.objects.create(
        annotator=annotator,
        campaign=campaign,
        synset_id=synset,
        leased_at=at,
        expires_at=at + timedelta(seconds=1),
        closed_at=at,
        outcome=Batch.Outcome.RETURNED,
    )
    return annotator


def answer_pages(annotator: Annotator, pages: int) -> dict[str, float]:
    return summarize([answer_page(annotator) for _ in range(pages)])


def answer_page(annotator: Annotator) -> tuple[float, float]:
    """Seconds of the lease and of the submission. Answers differ, so that questions stay open."""
    start = time.perf_counter()
    batch = batches.lease_batch(annotator_id=annotator.pk, campaign_name=CAMPAIGN)
    leased = time.perf_counter()
    assert batch is not None, "the campaign has too few open questions"
    positions = batch.items.values_list("position", flat=True)
    given = [GivenVote(position=at, answer=random.choice(ANSWERS), milliseconds=800) for at in positions]
    ready = time.perf_counter()
    votes.submit_batch(annotator_id=annotator.pk, batch_id=batch.pk, votes=given, key=str(batch.pk))
    return leased - start, time.perf_counter() - ready


def go_ahead(campaign: Campaign, synset: int, progress: Progress) -> dict[str, Any]:
    """One annotator votes on half of what is open in the synset (VOTES_AHEAD at most), page by page, while nobody else votes."""
    annotator = make_newcomers(1)[0]
    there = campaign.questions.filter(synset_id=synset, state=Question.State.OPEN).count()
    pages, taken = min(VOTES_AHEAD, there // 2) // PAGE, []
    for page in range(pages):
        taken.append(answer_page(annotator))
        if page % 500 == 499:
            progress(f"{(page + 1) * PAGE:,} votes ahead, {_describe(summarize(taken[-500:]))}")
    few = min(PAGES, max(1, pages // 4))
    return {"votes": pages * PAGE, "first": summarize(taken[:few]), "last": summarize(taken[-few:])}


def hold_many(campaign: Campaign, progress: Progress) -> dict[str, Any]:
    """Newcomers hold a page each; then others come."""
    open_questions = campaign.questions.filter(state=Question.State.OPEN, is_gold=False).count()
    crowd, taken = make_newcomers(min(OPEN_LEASES, open_questions // (2 * PAGE))), []
    for number, annotator in enumerate(crowd):
        start = time.perf_counter()
        batches.lease_batch(annotator_id=annotator.pk, campaign_name=CAMPAIGN)
        taken.append((time.perf_counter() - start, 0.0))
        if number % 2000 == 1999:
            progress(f"{number + 1:,} leases open, {_describe(summarize(taken[-2000:]))}")
    few = min(PAGES, max(1, len(taken) // 4))
    after = [answer_page(annotator) for annotator in make_newcomers(few)]
    return {"leases": len(crowd), "first": summarize(taken[:few]), "last": summarize(after)}


def clean_up() -> None:
    """Open pages are given back."""
    for batch_id, annotator_id in list(Batch.objects.filter(closed_at=None).values_list("pk", "annotator_id")):
        batches.return_batch(annotator_id=annotator_id, batch_id=batch_id)


def summarize(taken: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Of seconds of leases and of submissions."""
    columns = 1000 * np.array(taken).reshape(-1, 2).T
    return {
        f"{name}_{label}_ms": float(np.percentile(column, share))
        for name, column in zip(("lease", "submit"), columns, strict=True)
        for label, share in (("median", 50), ("p99", 99))
    }


def _describe(found: dict[str, float]) -> str:
    return f"lease {found['lease_median_ms']:.1f} ms (p99 {found['lease_p99_ms']:.1f})"
