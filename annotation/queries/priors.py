"""What is known of questions before any vote under a snapshot: what importers said of them, and the shares of their synsets."""

from collections.abc import Sequence

import numpy as np
from django.db import connection

from annotation.consensus.model import Floats, Parameters
from annotation.consensus.priors import weigh_states
from annotation.exports.votes import name_task
from annotation.models import Snapshot
from hierarchy.queries.plain import write_array

# Questions of which nothing is known are not among them.
KNOWN = """
FROM annotation_question AS question
JOIN hierarchy_candidate AS candidate ON candidate.id = question.candidate_id
LEFT JOIN annotation_synsetprior AS prior
    ON prior.snapshot_id = %(snapshot)s AND prior.synset_id = question.synset_id
"""
SAYS_ANYTHING = "(candidate.prior IS NOT NULL OR prior.id IS NOT NULL)"
# Built of constants of this module only.
OF_QUESTIONS = f"""
SELECT candidate.prior, prior.log_factors, question.id {KNOWN}
WHERE question.id = ANY(%(questions)s::bigint[]) AND {SAYS_ANYTHING}
"""
OF_VOTED = f"""
SELECT candidate.prior, prior.log_factors, synset.wnid, encode(image.sha256, 'hex') {KNOWN}
JOIN hierarchy_synset AS synset ON synset.id = question.synset_id
JOIN hierarchy_image AS image ON image.id = candidate.image_id
WHERE {SAYS_ANYTHING} AND (%(campaign)s::bigint IS NULL OR question.campaign_id = %(campaign)s) AND EXISTS (
    SELECT 1 FROM annotation_vote AS vote WHERE vote.question_id = question.id AND vote.withdrawn_at IS NULL)
ORDER BY question.id
"""  # noqa: S608


def read_log_prior(*, question_ids: Sequence[int], snapshot: Snapshot, parameters: Parameters) -> Floats | None:
    """[Q, S]: the log prior of these questions, whose ids must be sorted, 0 where nothing is known; None where nothing is
    known of any. One query."""
    with connection.cursor() as cursor:
        cursor.execute(OF_QUESTIONS, {"snapshot": snapshot.pk, "questions": write_array(question_ids)})
        rows = cursor.fetchall()
    if not rows:
        return None
    log_prior = np.zeros((len(question_ids), parameters.states))
    log_prior[np.searchsorted(question_ids, [row[2] for row in rows])] = _weigh(rows, parameters)
    return log_prior


def read_task_priors(*, campaign_id: int | None, snapshot: Snapshot, parameters: Parameters) -> dict[str, Floats]:
    """The log prior [S] of each voted question of a campaign, or of all, of which anything is known, by the name that it has in
    a replay. One query."""
    with connection.cursor() as cursor:
        cursor.execute(OF_VOTED, {"snapshot": snapshot.pk, "campaign": campaign_id})
        rows = cursor.fetchall()
    names = [name_task(wnid=row[2], image_sha256=row[3]) for row in rows]
    return dict(zip(names, _weigh(rows, parameters), strict=True))


def _weigh(rows: Sequence[tuple[object, ...]], parameters: Parameters) -> Floats:
    """[rows, S], from rows that begin with a probability and with log factors, each of which may be missing."""
    said = np.array([row[0] for row in rows], dtype=np.float64)
    factors = [[0.0] * parameters.states if row[1] is None else row[1] for row in rows]
    of_synsets = np.array(factors, dtype=np.float64).reshape(-1, parameters.states)
    return np.asarray(weigh_states(probability=said, parameters=parameters) + of_synsets)
