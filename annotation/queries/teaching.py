"""What an estimation learns from: votes and truths, by shard of synsets."""

from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation.consensus.model import Answer
from annotation.consensus.shards import Shard
from annotation.consensus.votes import UNKNOWN, Votes
from annotation.models import CampaignSynset
from annotation.queries.copied import copy_columns
from annotation.queries.votes import read_all_votes
from hierarchy.queries.synsets import order_parents

# Whose votes count. Their ids are the numbers that tables stand in order of.
TEACHERS = """
SELECT annotator.id FROM annotation_annotator AS annotator
WHERE annotator.barred_at IS NULL AND EXISTS (
    SELECT 1 FROM annotation_vote AS vote WHERE vote.annotator_id = annotator.id AND vote.withdrawn_at IS NULL)
ORDER BY annotator.id
"""

# What curators know: gold, and what they have decided. Only gold whose truth came first was asked whatever votes said.
TRUTHS = """
SELECT question.id, (gold.truth = 'YES')::int, (gold.source <> 'SETTLED')::int
FROM annotation_gold AS gold JOIN annotation_question AS question ON question.id = gold.question_id
WHERE gold.active AND question.synset_id %% %(shards)s = %(shard)s
UNION ALL
SELECT * FROM (
    SELECT DISTINCT ON (question.id) question.id, (dispute.verdict = 'ACCEPTED')::int, 0
    FROM annotation_dispute AS dispute JOIN annotation_question AS question ON question.id = dispute.question_id
    WHERE dispute.settled_at IS NOT NULL AND question.synset_id %% %(shards)s = %(shard)s
      AND NOT question.is_gold
    ORDER BY question.id, dispute.settled_at DESC, dispute.id DESC
) AS settled
"""

# Of all questions of the shard, with votes or without.
QUESTIONS = """
SELECT question.id, question.campaign_id, question.synset_id, coalesce(candidate.prior, 'NaN')
FROM annotation_question AS question
LEFT JOIN hierarchy_candidate AS candidate ON candidate.id = question.candidate_id
    AND candidate.prior IS NOT NULL AND candidate.synset_id %% %(shards)s = %(shard)s
WHERE question.synset_id %% %(shards)s = %(shard)s
"""
COLUMNS = {"id": "i8", "campaign_id": "i8", "synset_id": "i4", "prior": "f8"}


def list_teachers() -> NDArray[np.int64]:
    """The ids of annotators who are not barred and have voted, ascending."""
    with connection.cursor() as cursor:
        cursor.execute(TEACHERS)
        return np.array(cursor.fetchall(), dtype=np.int64).reshape(-1)


def read_shard(*, shard: int, shards: int, annotator_ids: NDArray[np.int64]) -> tuple[Shard, NDArray[np.int64]]:
    """The standing votes of these annotators, whose ids ascend, on questions whose synset's id leaves the remainder `shard`;
    with the truth that curators know and the probability that importers gave. And the campaign of each of the questions.
    Three queries."""
    table = read_all_votes(campaign_id=None, synset_shard=(shard, shards))
    place = np.searchsorted(annotator_ids, table.annotator_id)
    counts = place < len(annotator_ids)
    counts[counts] = annotator_ids[place[counts]] == table.annotator_id[counts]
    question_id = table.question_id[counts]
    firsts = np.diff(question_id, prepend=-1) > 0
    item_id = question_id[firsts]
    votes = Votes.from_arrays(
        item=np.cumsum(firsts) - 1,
        worker=place[counts],
        answer=table.answer[counts],
        items=len(item_id),
        workers=len(annotator_ids),
        answers=len(Answer),
    )
    truth, drawn = _find_truths(item_id, _read_truths(shard, shards))
    questions = _read_questions(item_id, shard, shards)
    read = Shard(
        votes=votes,
        item_id=item_id,
        truth=truth,
        drawn=drawn,
        prior=questions["prior"],
        synset_id=questions["synset_id"].astype(np.int64),
    )
    return read, questions["campaign_id"]


def read_parents() -> dict[int, list[int]]:
    """The parents of every synset that a campaign asks about and of all above it, parents before their children."""
    return order_parents(CampaignSynset.objects.values_list("synset_id", flat=True).distinct())


def _read_questions(item_id: NDArray[np.int64], shard: int, shards: int) -> dict[str, NDArray[Any]]:
    """COLUMNS of these questions, whose ids ascend."""
    read = copy_columns(sql=QUESTIONS, values={"shard": shard, "shards": shards}, columns=COLUMNS)
    order = np.argsort(read["id"])
    chosen = order[np.searchsorted(read["id"], item_id, sorter=order)]
    return {name: column[chosen] for name, column in read.items()}


def _read_truths(shard: int, shards: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(TRUTHS, {"shard": shard, "shards": shards})
        return list(cursor.fetchall())


def _find_truths(item_id: NDArray[np.int64], rows: list[Any]) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Of those of the items that have one."""
    truth, drawn = np.full(len(item_id), UNKNOWN, dtype=np.int8), np.zeros(len(item_id), dtype=np.bool_)
    question_id, answer, gold = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    voted = np.isin(question_id, item_id)
    place = np.searchsorted(item_id, question_id[voted])
    truth[place], drawn[place] = answer[voted], gold[voted] == 1
    return truth, drawn
