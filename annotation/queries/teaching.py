"""What an estimation learns from: votes and truths, by shard of questions."""

from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation.consensus.model import Answer
from annotation.consensus.shards import Shard
from annotation.consensus.votes import UNKNOWN, Votes
from annotation.models import CampaignSynset
from annotation.queries.copied import copy_columns
from annotation.queries.stripes import ITS_STRIPES, find_stripes, lies_in_shard, lies_in_stripe
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
TRUTHS = f"""
SELECT gold.question_id, (gold.truth = 'YES')::int, (gold.source <> 'SETTLED')::int
FROM annotation_gold AS gold
WHERE gold.active AND {lies_in_shard("gold.question_id")}
UNION ALL
SELECT * FROM (
    SELECT DISTINCT ON (question.id) question.id, (dispute.verdict = 'ACCEPTED')::int, 0
    FROM annotation_dispute AS dispute JOIN annotation_question AS question ON question.id = dispute.question_id
    WHERE dispute.settled_at IS NOT NULL AND {lies_in_shard("dispute.question_id")} AND NOT question.is_gold
    ORDER BY question.id, dispute.settled_at DESC, dispute.id DESC
) AS settled
"""  # noqa: S608 (constants)

# Of all questions of the shard, with votes or without.
QUESTIONS = f"""
SELECT question.id, question.campaign_id, question.synset_id, coalesce(candidate.prior, 'NaN')
FROM {ITS_STRIPES}
JOIN annotation_question AS question ON {lies_in_stripe("question.id")}
LEFT JOIN hierarchy_candidate AS candidate ON candidate.id = question.candidate_id AND candidate.prior IS NOT NULL
"""  # noqa: S608 (constants)
COLUMNS = {"id": "i8", "campaign_id": "i8", "synset_id": "i4", "prior": "f8"}


def list_teachers() -> NDArray[np.int64]:
    """The ids of annotators who are not barred and have voted, ascending."""
    with connection.cursor() as cursor:
        cursor.execute(TEACHERS)
        return np.array(cursor.fetchall(), dtype=np.int64).reshape(-1)


def read_shard(*, shard: int, shards: int, annotator_ids: NDArray[np.int64]) -> tuple[Shard, NDArray[np.int64]]:
    """The standing votes of these annotators, whose ids ascend, on a shard's questions (stripes); with the truth that curators
    know and the probability that importers gave. And the campaign of each of the questions. Three queries."""
    table = read_all_votes(shard=shard, shards=shards)
    place = _find_places(table.annotator_id, annotator_ids)
    counts = place >= 0
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


def _find_places(annotator_id: NDArray[np.int64], annotator_ids: NDArray[np.int64]) -> NDArray[np.int32]:
    """Where each stands among those, which ascend; -1 for others."""
    places = np.full(int(annotator_ids.max(initial=0)) + 2, -1, dtype=np.int32)
    places[annotator_ids] = np.arange(len(annotator_ids))
    return places[np.minimum(annotator_id, len(places) - 1)]


def _read_questions(item_id: NDArray[np.int64], shard: int, shards: int) -> dict[str, NDArray[Any]]:
    """COLUMNS of these questions, whose ids ascend."""
    read = copy_columns(sql=QUESTIONS, values=find_stripes(shard=shard, shards=shards), columns=COLUMNS)
    # They mostly come in order, and what is in order is soon sorted so.
    order = np.argsort(read["id"], kind="stable")
    chosen = order[np.searchsorted(read["id"], item_id, sorter=order)]
    return {name: column[chosen] for name, column in read.items()}


def _read_truths(shard: int, shards: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(TRUTHS, find_stripes(shard=shard, shards=shards))
        return list(cursor.fetchall())


def _find_truths(item_id: NDArray[np.int64], rows: list[Any]) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Of those of the items that have one."""
    truth, drawn = np.full(len(item_id), UNKNOWN, dtype=np.int8), np.zeros(len(item_id), dtype=np.bool_)
    question_id, answer, gold = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    place = np.searchsorted(item_id, question_id)
    voted = place < len(item_id)
    voted[voted] = item_id[place[voted]] == question_id[voted]
    place = place[voted]
    truth[place], drawn[place] = answer[voted], gold[voted] == 1
    return truth, drawn
