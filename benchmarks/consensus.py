"""Estimates: the arithmetic against counting, the whole step against reading its votes."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from django.db import connection

from annotation.actions.due import make_due
from annotation.actions.estimates import FRESH_CHUNK, estimate_due
from annotation.consensus.belief import estimate_votes
from annotation.consensus.model import Answer, find_log_tables
from annotation.consensus.start import GRADED
from annotation.models import Batch, BatchItem, Campaign, Question, Vote
from annotation.queries.votes import STANDING
from benchmarks.generate import generate_votes
from benchmarks.measure import Row, compare
from benchmarks.rows import make_annotator, make_campaign, read_clock
from hierarchy.queries.plain import write_array

VOTES = 1_000_000
VOTERS = 3
SHARES_OF_ANSWERS = (0.55, 0.1, 0.35)


def measure(*, quick: bool) -> list[Row]:
    return [_measure_arithmetic(repeats=3 if quick else 9), _measure_due(chunks=2 if quick else 6)]


def _measure_arithmetic(*, repeats: int) -> Row:
    votes, _ = generate_votes(votes=VOTES, graded=True)
    crowd = np.zeros((votes.workers, GRADED.states, GRADED.answers))
    log_tables = find_log_tables(counts=crowd, parameters=GRADED)
    pair = compare(
        ours=lambda _: estimate_votes(votes=votes, log_tables=log_tables, parameters=GRADED),
        limit=lambda _: np.bincount(votes.item, weights=log_tables[votes.worker, 0, votes.answer]),
        inputs=range(repeats),
    )
    return pair.as_nanoseconds(
        "estimate_votes, 1 M votes, 6 states",
        amount=VOTES,
        unit="ns/vote",
        against="np.bincount of one state's logarithms",
    )


def _measure_due(*, chunks: int) -> Row:
    """Each chunk is estimated, decided and labelled in one transaction."""
    campaign = make_campaign(synsets=1, candidates=chunks * FRESH_CHUNK)
    questions = list(campaign.questions.order_by("pk"))
    for seed in range(VOTERS):
        _vote_on_all(campaign, questions, seed=seed)
    make_due(condition="question.campaign_id = %(campaign)s", values={"campaign": campaign.pk}, at=read_clock())
    ids = [question.pk for question in questions]
    pair = compare(
        ours=lambda _: estimate_due(at=read_clock()),
        limit=_read_votes,
        inputs=[ids[start : start + FRESH_CHUNK] for start in range(0, len(ids), FRESH_CHUNK)],
    )
    return pair.as_rate(
        f"estimate_due, {VOTERS} votes each",
        amount=FRESH_CHUNK,
        unit="questions/s",
        against="reading the same votes bare",
    )


def _vote_on_all(campaign: Campaign, questions: Sequence[Question], *, seed: int) -> None:
    """One annotator's votes on all questions, written at once."""
    at, annotator = read_clock(), make_annotator()
    batch = Batch.objects.create(
        annotator=annotator,
        campaign=campaign,
        synset_id=questions[0].synset_id,
        leased_at=at,
        expires_at=at + timedelta(minutes=30),
        closed_at=at,
        outcome=Batch.Outcome.SUBMITTED,
        idempotency_key=str(seed),
        body_sha256=bytes(32),
        recorded=len(questions),
    )
    placed = list(enumerate(questions, start=1))
    BatchItem.objects.bulk_create(
        BatchItem(batch=batch, position=place, question=question) for place, question in placed
    )
    answers = np.random.default_rng(seed).choice([answer.name for answer in Answer], len(placed), p=SHARES_OF_ANSWERS)
    Vote.objects.bulk_create(
        Vote(question=question, annotator=annotator, batch=batch, position=place, answer=str(answer), voted_at=at)
        for (place, question), answer in zip(placed, answers, strict=True)
    )


def _read_votes(ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [write_array(ids)])
        cursor.fetchall()
