"""Votes as the consensus engine reads them."""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation.consensus.model import Answer
from annotation.queries.copied import copy_columns

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


# Whoever asks sorts: PostgreSQL would do it on disk.
ALL_STANDING = f"""
SELECT vote.question_id, vote.id, vote.annotator_id, {NUMBER_OF_ANSWER}::int2
FROM annotation_vote AS vote
JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id AND annotator.barred_at IS NULL
JOIN annotation_question AS question ON question.id = vote.question_id
WHERE vote.withdrawn_at IS NULL
  AND (%(campaign)s::bigint IS NULL OR question.campaign_id = %(campaign)s)
  AND question.synset_id %% %(shards)s = %(shard)s
"""  # noqa: S608 (numbers of an enumeration)
COLUMNS = {"question_id": "i8", "id": "i8", "annotator_id": "i8", "answer": "i2"}


def read_all_votes(*, campaign_id: int | None, synset_shard: tuple[int, int] | None) -> VoteTable:
    """The standing votes of a campaign, or of all, without those of barred annotators. One query.

    `synset_shard` (index, shards) keeps the questions whose synset's id modulo `shards` is `index`. At its peak it
    takes three times the memory of the arrays.
    """
    shard, shards = synset_shard or (0, 1)
    values = {"campaign": campaign_id, "shard": shard, "shards": shards}
    read = copy_columns(sql=ALL_STANDING, values=values, columns=COLUMNS)
    order = np.lexsort((read.pop("id"), read["question_id"]))
    return VoteTable(
        question_id=read.pop("question_id")[order],
        annotator_id=read.pop("annotator_id")[order],
        answer=read.pop("answer").astype(np.int8)[order],
    )
