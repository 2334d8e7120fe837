"""The rows of every large table for a chunk of the crowd's questions. A new column of a table is one line here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.decide import Decision
from annotation.models.question import RING
from benchmarks.scale.copying import NO_INTEGERS, NO_TIMES, Column
from benchmarks.scale.crowd import BLOCKS_AT_ONCE, SEED, VOTE_CAP, Chunk, Integers, Outcomes

# TRUNCATE and REINDEX take them in this order, too.
TABLES = (
    "hierarchy_image",
    "hierarchy_candidate",
    "hierarchy_label",
    "annotation_question",
    "annotation_estimate",
    "annotation_dispute",
    "annotation_gold",
    "annotation_batch",
    "annotation_batchitem",
    "annotation_vote",
)
BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
# Of PostgreSQL's moments, which are microseconds.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
PAGE_SECONDS, LEASE_SECONDS = 2, 1800
# A page is sent so long after it was leased.
ANSWERING_SECONDS = 30
STATES = np.array([b"ACCEPTED", b"REJECTED", b"OPEN", b"DISPUTED"])
ANSWERS = np.array([b"NO", b"UNSURE", b"YES"])
SOURCE = b"https://pictures.example.org/" + b"0" * 8 + b".jpg"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the rows hang: rows that are there before them."""

    campaign: int
    snapshot: int
    synset_ids: Integers
    outcomes: Outcomes
    # The numbers of the first annotator and of the first vote.
    annotator: int
    vote: int


@dataclass(frozen=True)
class Rows:
    """Of one chunk."""

    chunk: Chunk
    place: Place

    def iterate(self) -> Iterator[tuple[str, Mapping[str, Column]]]:
        """Tables with their columns; those in which the chunk has no row are left out."""
        for table in TABLES:
            columns = getattr(self, f"list_{table.partition('_')[2]}")()
            if any(len(column) for column in columns.values() if isinstance(column, np.ndarray)):
                yield table, columns

    @cached_property
    def ids(self) -> Integers:
        """Of questions, candidates and images alike."""
        return np.arange(self.chunk.first, self.chunk.first + len(self.chunk)) + 1

    @cached_property
    def decision(self) -> NDArray[np.int8]:
        found = self.place.outcomes.decision[self.chunk.combination]
        return np.where(self.chunk.gold, np.int8(Decision.ASK), found)

    @cached_property
    def finished(self) -> NDArray[np.bool_]:
        return self.decision < Decision.ASK

    @cached_property
    def sent_at(self) -> Integers:
        """[blocks, pages]: when each page came."""
        blocks = len(self.chunk.annotator)
        number = np.arange(VOTE_CAP) * BLOCKS_AT_ONCE + np.arange(blocks)[:, np.newaxis]
        number += self.chunk.number * VOTE_CAP * BLOCKS_AT_ONCE
        return measure_moment(BEGINNING) + (number * PAGE_SECONDS + ANSWERING_SECONDS) * SECOND

    @cached_property
    def decided_at(self) -> Integers:
        last = np.maximum(self.chunk.votes, 1) - 1
        return self.sent_at[self.chunk.block, last] + SECOND

    @cached_property
    def batch_ids(self) -> NDArray[Any]:
        return _draw_bytes(self.chunk, len(self.chunk.pages.block), width=16, purpose=1, version=True)

    @cached_property
    def synset_ids(self) -> NDArray[np.int32]:
        return self.place.synset_ids[self.chunk.synset].astype(np.int32)

    def list_image(self) -> dict[str, Column]:
        source = np.full(len(self.ids), np.void(SOURCE))
        digits = (self.ids[:, np.newaxis] // 10 ** np.arange(7, -1, -1) % 10 + ord("0")).astype(np.uint8)
        source.view(np.uint8).reshape(len(source), -1)[:, -12:-4] = digits
        return {
            "id": self.ids,
            "sha256": mix_digests(self.ids),
            "perceptual_hash": _mix(self.ids).view(np.int64),
            "width": np.int32(500),
            "height": np.int32(375),
            "small_width": np.int32(320),
            "small_height": np.int32(240),
            "source": source,
            "author": b"",
            "licence": b"",
            "consent_basis": b"",
            "imported_at": _long_before(),
            "imported_by_id": None,
        }

    def list_candidate(self) -> dict[str, Column]:
        return {
            "id": self.ids,
            "image_id": self.ids,
            "synset_id": self.synset_ids,
            "collected_at": _long_before(),
            "prior": None,
        }

    def list_label(self) -> dict[str, Column]:
        chosen, outcomes = self.finished, self.place.outcomes
        return {
            "id": self.ids[chosen],
            "candidate_id": self.ids[chosen],
            "synset_id": self.synset_ids[chosen],
            "verdict": STATES[self.decision[chosen]],
            "probability": outcomes.probability[self.chunk.combination[chosen]],
            "votes": self.chunk.votes[chosen].astype(np.int32),
            "source": b"CONSENSUS",
            "source_ref": b"campaign:scale snapshot:%d" % self.place.snapshot,
            "at": self.decided_at[chosen],
            "by_id": None,
            "superseded_at": None,
        }

    def list_question(self) -> dict[str, Column]:
        known = np.where(self.chunk.gold, 0, self.chunk.combination)
        return {
            "id": self.ids,
            "campaign_id": np.int64(self.place.campaign),
            "candidate_id": self.ids,
            "synset_id": self.synset_ids,
            "state": STATES[self.decision],
            "votes_wanted": self.place.outcomes.wanted[known],
            "priority": self.place.outcomes.priority[known],
            "asked_at": _long_before(),
            "decided_at": np.ma.masked_array(self.decided_at, mask=~self.finished),
            "closed_at": None,
            "lot": np.random.default_rng([SEED, self.chunk.number, 4]).integers(0, RING, len(self.ids), dtype=np.int32),
            "votes_in_time": np.where(self.chunk.gold, 0, self.chunk.votes).astype(np.int16),
            "held_until": NO_TIMES,
            "is_gold": self.chunk.gold,
        }

    def list_estimate(self) -> dict[str, Column]:
        chosen, outcomes = (self.chunk.votes > 0) & ~self.chunk.gold, self.place.outcomes
        return {
            "question_id": self.ids[chosen],
            "log_odds": outcomes.log_odds[self.chunk.combination[chosen]],
            "probability": outcomes.probability[self.chunk.combination[chosen]],
            "votes": self.chunk.votes[chosen].astype(np.int32),
            "snapshot_id": np.int64(self.place.snapshot),
            "estimated_at": self.decided_at[chosen],
        }

    def list_dispute(self) -> dict[str, Column]:
        chosen = self.decision == Decision.DISPUTE
        return {
            "id": self.ids[chosen],
            "question_id": self.ids[chosen],
            "reason": b"VOTES_SPENT",
            "version": np.int32(1),
            "snapshot_id": np.int64(self.place.snapshot),
            "opened_at": self.decided_at[chosen],
            "settled_at": None,
            "settled_by_id": None,
            "verdict": b"",
            "explanation": b"",
        }

    def list_gold(self) -> dict[str, Column]:
        chosen = self.chunk.gold
        return {
            "id": self.ids[chosen],
            "question_id": self.ids[chosen],
            "truth": np.where(self.chunk.truth[chosen], b"YES", b"NO"),
            "source": b"IMPORT",
            "active": np.True_,
            "exposures": self.chunk.votes[chosen].astype(np.int32),
            "created_at": _long_before(),
            "created_by_id": None,
        }

    def list_batch(self) -> dict[str, Column]:
        pages = self.chunk.pages
        sent_at = self.sent_at[pages.block, pages.number]
        leased_at = sent_at - ANSWERING_SECONDS * SECOND
        return {
            "id": self.batch_ids,
            "annotator_id": pages.annotator + self.place.annotator,
            "campaign_id": np.int64(self.place.campaign),
            "synset_id": self.place.synset_ids[self._synset_of_block[pages.block]].astype(np.int32),
            "leased_at": leased_at,
            "expires_at": leased_at + LEASE_SECONDS * SECOND,
            "closed_at": sent_at,
            "outcome": b"SUBMITTED",
            "late": np.False_,
            "idempotency_key": _write_hexadecimal(self.batch_ids),
            "body_sha256": _draw_bytes(self.chunk, len(pages.block), width=32, purpose=2),
            "recorded": pages.votes.astype(np.int16),
            "undone_at": None,
            "places": NO_INTEGERS,
        }

    @cached_property
    def _synset_of_block(self) -> Integers:
        return self.chunk.synset[np.searchsorted(self.chunk.block, np.arange(len(self.chunk.annotator)))]

    def list_batchitem(self) -> dict[str, Column]:
        pages = self.chunk.pages
        return {
            "batch_id": self.batch_ids[pages.page],
            "position": pages.position.astype(np.int16),
            "question_id": self.ids[pages.question],
        }

    def list_vote(self) -> dict[str, Column]:
        pages = self.chunk.pages
        random = np.random.default_rng([SEED, self.chunk.number, 3])
        return {
            "id": self._vote_ids,
            "question_id": self.ids[pages.question],
            "annotator_id": pages.annotator[pages.page] + self.place.annotator,
            "batch_id": self.batch_ids[pages.page],
            "position": pages.position.astype(np.int16),
            "answer": ANSWERS[pages.answer],
            "milliseconds": random.integers(300, 4000, len(pages.page), dtype=np.int32),
            "late": np.False_,
            "voted_at": self.sent_at[pages.block, pages.number][pages.page],
            "withdrawn_at": None,
        }

    @cached_property
    def _vote_ids(self) -> Integers:
        return np.arange(len(self.chunk.pages.page)) + self.place.vote


def measure_moment(at: datetime) -> np.int64:
    return np.int64((at - EPOCH) // timedelta(microseconds=1))


def _long_before() -> np.int64:
    return measure_moment(BEGINNING - timedelta(days=1))


def _mix(numbers: NDArray[np.integer]) -> NDArray[np.uint64]:
    """splitmix64, which makes different numbers of different ones."""
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def mix_digests(numbers: NDArray[np.integer]) -> NDArray[Any]:
    """32 bytes for each number, which no two have in common: in the place of a digest of a picture that is not there."""
    words = [_mix(numbers)]
    for _ in range(3):
        words.append(_mix(words[-1]))
    return np.ascontiguousarray(np.stack(words, axis=1)).view("V32").reshape(-1)


def _draw_bytes(chunk: Chunk, count: int, *, width: int, purpose: int, version: bool = False) -> NDArray[Any]:
    """Random bytes, the same whenever asked for; `version` marks them as UUIDs of version 4."""
    drawn = np.random.default_rng([SEED, chunk.number, purpose]).integers(0, 256, (count, width), dtype=np.uint8)
    if version:
        drawn[:, 6], drawn[:, 8] = drawn[:, 6] & 0x0F | 0x40, drawn[:, 8] & 0x3F | 0x80
    return drawn.view(f"V{width}").reshape(-1)


def _write_hexadecimal(values: NDArray[Any]) -> NDArray[Any]:
    digits = np.frombuffer(values.tobytes().hex().encode(), dtype=np.uint8)
    return digits.view(f"V{2 * values.dtype.itemsize}")
