"""Votes as the consensus engine reads them."""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation.consensus.model import Answer
from annotation.queries.copied import copy_columns
from annotation.queries.stripes import ITS_STRIPES, find_stripes, lies_in_stripe
from hierarchy.queries.plain import write_array

NUMBER_OF_ANSWER = (
    f"(CASE vote.answer WHEN 'YES' THEN {Answer.YES:d} WHEN 'NO' THEN {Answer.NO:d} ELSE {Answer.UNSURE:d} END)"
)
STANDING = f"""
SELECT vote.question_id, vote.annotator_id,
       {NUMBER_OF_ANSWER}, vote.late
FROM annotation_vote AS vote
WHERE vote.question_id = ANY(%s::bigint[]) AND vote.withdrawn_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM annotation_annotator AS barred
                  WHERE barred.id = vote.annotator_id AND barred.barred_at IS NOT NULL)
ORDER BY vote.question_id, vote.id
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
        cursor.execute(STANDING, [write_array(question_ids)])
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


# Whoever asks sorts: PostgreSQL would do it on disk. Annotator and answer come as one number: sending takes the longest.
ANSWERS = len(Answer)
ALL_STANDING = f"""
SELECT vote.question_id, vote.id, vote.annotator_id * {ANSWERS} + {NUMBER_OF_ANSWER}
FROM {ITS_STRIPES}
JOIN annotation_vote AS vote ON {lies_in_stripe("vote.question_id")} AND vote.withdrawn_at IS NULL
JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id AND annotator.barred_at IS NULL
"""  # noqa: S608 (numbers of an enumeration)
COLUMNS = {"question_id": "i8", "id": "i8", "said": "i8"}
KEY_BITS = 63


def read_all_votes(*, shard: int, shards: int) -> VoteTable:
    """The standing votes on a shard's questions (stripes), without those of barred annotators. One query.

    At its peak it takes three times the memory of the arrays.
    """
    read = copy_columns(sql=ALL_STANDING, values=find_stripes(shard=shard, shards=shards), columns=COLUMNS)
    order = _order(read["question_id"], read.pop("id"))
    said = read.pop("said")[order]
    return VoteTable(
        question_id=read.pop("question_id")[order],
        annotator_id=said // ANSWERS,
        answer=(said % ANSWERS).astype(np.int8),
    )


def _order(question_id: NDArray[np.int64], vote_id: NDArray[np.int64]) -> NDArray[np.int64]:
    """That of questions, and of votes within them."""
    if not len(vote_id):
        return np.zeros(0, dtype=np.int64)
    question, vote = question_id - question_id.min(), vote_id - vote_id.min()
    bits = int(vote.max()).bit_length()
    if int(question.max()).bit_length() + bits > KEY_BITS:
        return np.lexsort((vote, question))
    # One key is sorted many times faster than two.
    return np.argsort(question << bits | vote)
