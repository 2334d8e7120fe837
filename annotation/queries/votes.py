"""Votes as the consensus engine reads them."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation.consensus.model import Answer

NUMBER_OF_ANSWER = (
    f"(CASE vote.answer WHEN 'YES' THEN {Answer.YES:d} WHEN 'NO' THEN {Answer.NO:d} ELSE {Answer.UNSURE:d} END)"
)
STANDING = f"""
SELECT vote.question_id, vote.annotator_id,
       {NUMBER_OF_ANSWER}, vote.late
FROM annotation_vote AS vote
JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id AND annotator.barred_at IS NULL
WHERE vote.question_id = ANY(%s) AND vote.withdrawn_at IS NULL ORDER BY vote.question_id, vote.id
"""  # noqa: S608 (numbers of an enumeration)


@dataclass(frozen=True, kw_only=True, eq=False)
class QuestionVotes:
    """Standing votes of Q questions without those of barred annotators, sorted by question and, within it, in recorded order.

    `question[V]` is an index into the ids that were asked for, `answer[V]` an `Answer`, `in_time[Q]` counts the votes
    that came before their lease expired.
    """

    question: NDArray[np.int64]
    annotator_id: NDArray[np.int64]
    answer: NDArray[np.int64]
    in_time: NDArray[np.int64]


def read_votes(question_ids: list[int]) -> QuestionVotes:
    """Votes of these questions, whose ids must be sorted. One query."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [question_ids])
        rows = cursor.fetchall()
    question_id, annotator_id, answer, late = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    question = np.searchsorted(question_ids, question_id)
    return QuestionVotes(
        question=question,
        annotator_id=annotator_id,
        answer=answer,
        in_time=np.bincount(question[late == 0], minlength=len(question_ids)).astype(np.int64),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class VoteTable:
    """V standing votes, sorted by question and, within it, in recorded order; ids are those of the rows.

    `answer` is an `Answer`: 0 NO, 1 UNSURE, 2 YES.
    """

    question_id: NDArray[np.int64]
    annotator_id: NDArray[np.int64]
    answer: NDArray[np.int8]


ALL_STANDING = f"""
COPY (
    SELECT vote.question_id, vote.annotator_id,
           {NUMBER_OF_ANSWER}::int2
    FROM annotation_vote AS vote
    JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id AND annotator.barred_at IS NULL
    JOIN annotation_question AS question ON question.id = vote.question_id
    WHERE vote.withdrawn_at IS NULL
      AND (%(campaign)s::bigint IS NULL OR question.campaign_id = %(campaign)s)
      AND question.synset_id %% %(shards)s = %(shard)s
    ORDER BY vote.question_id, vote.id
) TO STDOUT (FORMAT binary)
"""  # noqa: S608 (numbers of an enumeration)

# A row of COPY's binary format, whose numbers are big-endian: the number of fields, then each with its length before it.
COPIED_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *[("question_length", ">i4"), ("question_id", ">i8")],
        *[("annotator_length", ">i4"), ("annotator_id", ">i8")],
        *[("answer_length", ">i4"), ("answer", ">i2")],
    ]
)
SIGNATURE = b"PGCOPY\n\xff\r\n\0"
# After the signature: flags, and the length of an extension that the server does not send.
HEADER_BYTES = len(SIGNATURE) + 8
TRAILER = b"\xff\xff"
CHUNK_BYTES = 2**20


class _CopiedVotes(io.RawIOBase):
    """Takes COPY's bytes as they come and turns whole rows into arrays, so that the bytes are never there all at once."""

    def __init__(self) -> None:
        self.rest = bytearray()
        self.skip = HEADER_BYTES
        self.chunks: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        self.rest += view
        if len(self.rest) >= self.skip + COPIED_ROW.itemsize:
            self._take_rows()
        return len(view)

    def _take_rows(self) -> None:
        count = (len(self.rest) - self.skip) // COPIED_ROW.itemsize
        rows = np.frombuffer(self.rest, dtype=COPIED_ROW, count=count, offset=self.skip)
        columns = (
            rows["question_id"].astype(np.int64),
            rows["annotator_id"].astype(np.int64),
            rows["answer"].astype(np.int8),
        )
        self.chunks.append(columns)
        taken = self.skip + rows.nbytes
        del rows  # a bytearray that is looked at cannot shrink
        del self.rest[:taken]
        self.skip = 0

    def build_table(self) -> VoteTable:
        assert self.rest[self.skip :] == TRAILER, "the server ends its rows so"
        none = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int8))
        question_id, annotator_id, answer = zip(none, *self.chunks, strict=True)
        return VoteTable(
            question_id=np.concatenate(question_id),
            annotator_id=np.concatenate(annotator_id),
            answer=np.concatenate(answer),
        )


def read_all_votes(*, campaign_id: int | None, synset_shard: tuple[int, int] | None) -> VoteTable:
    """The standing votes of a campaign, or of all, without those of barred annotators. One query.

    `synset_shard` (index, shards) keeps the questions whose synset's id modulo `shards` is `index`. At its peak it
    takes twice the memory of the arrays.
    """
    shard, shards = synset_shard or (0, 1)
    copied = _CopiedVotes()
    with connection.cursor() as cursor, io.BufferedWriter(copied, CHUNK_BYTES) as buffer:
        sql = cursor.mogrify(ALL_STANDING, {"campaign": campaign_id, "shard": shard, "shards": shards})
        cursor.copy_expert(sql.decode(), buffer)
    return copied.build_table()
