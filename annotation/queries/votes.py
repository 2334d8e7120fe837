"""Votes as the consensus engine reads them."""

from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation.consensus.model import Answer

STANDING = """
SELECT question_id, answer, late FROM annotation_vote
WHERE question_id = ANY(%s) AND withdrawn_at IS NULL ORDER BY question_id, id
"""


@dataclass(frozen=True)
class QuestionVotes:
    """Standing votes of Q questions, sorted by question and, within it, in recorded order.

    `question[V]` is an index into the ids that were asked for, `answer[V]` an `Answer`, `in_time[Q]` counts the votes
    that came before their lease expired.
    """

    question: NDArray[np.int64]
    answer: NDArray[np.int64]
    in_time: NDArray[np.int64]


def read_votes(question_ids: list[int]) -> QuestionVotes:
    """Votes of these questions, whose ids must be sorted. One query."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [question_ids])
        rows = cursor.fetchall()
    index = {pk: place for place, pk in enumerate(question_ids)}
    question = np.array([index[row[0]] for row in rows], dtype=np.int64)
    late = np.array([row[2] for row in rows], dtype=bool)
    return QuestionVotes(
        question=question,
        answer=np.array([Answer[row[1]] for row in rows], dtype=np.int64),
        in_time=np.bincount(question[~late], minlength=len(question_ids)).astype(np.int64),
    )
