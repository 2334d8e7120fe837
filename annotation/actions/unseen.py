"""Questions of which nothing is known ask for as many votes as the model in force wants."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db import connection

from annotation.consensus.belief import estimate_evidence
from annotation.consensus.information import expect_information, find_bands
from annotation.consensus.model import Answer
from annotation.consensus.sequence import count_votes_wanted
from annotation.models import Campaign, Policy, Snapshot
from annotation.queries.campaigns import find_policies
from annotation.queries.snapshots import find_rule, read_parameters

IDS_AT_ONCE = 10_000

# Questions without an estimate: nobody has voted, and no importer said anything of them. Rows that somebody holds are left
# out, so that nobody waits in a circle.
ASK_UNSEEN = """
UPDATE annotation_question AS question SET votes_wanted = found.wanted, priority = found.priority
FROM (
    SELECT question.id, new.wanted, new.priority
    FROM annotation_question AS question
    JOIN unnest(%(campaign)s::bigint[], %(wanted)s::int[], %(priority)s::int[]) AS new (campaign_id, wanted, priority)
        ON new.campaign_id = question.campaign_id
    WHERE question.id > %(after)s AND question.id <= %(last)s
      AND question.state = 'OPEN' AND question.closed_at IS NULL
      AND (question.votes_wanted, question.priority) <> (new.wanted, new.priority)
      AND NOT EXISTS (SELECT 1 FROM annotation_estimate AS estimate WHERE estimate.question_id = question.id)
    FOR NO KEY UPDATE OF question SKIP LOCKED
) AS found
WHERE question.id = found.id
"""


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """How a question of which nothing is known is asked: its votes wanted, and its priority."""

    wanted: int
    priority: int


# Neither a snapshot nor a policy ever changes.
@lru_cache(maxsize=1000)
def find_unseen(snapshot: Snapshot, policy: Policy) -> Unseen:
    parameters = read_parameters(snapshot)
    nothing = estimate_evidence(
        evidence=np.zeros((1, parameters.states)),
        counts=np.zeros((1, len(Answer)), dtype=np.int64),
        parameters=parameters,
    )
    wanted = count_votes_wanted(estimates=nothing, parameters=parameters, rule=find_rule(policy, snapshot))
    bands = find_bands(expect_information(estimates=nothing, parameters=parameters))
    return Unseen(wanted=int(wanted[0]), priority=int(bands[0]))


def list_asking_policies() -> list[Policy]:
    """Those in force in campaigns that are open or paused."""
    campaigns = Campaign.objects.filter(state__in=[Campaign.State.OPEN, Campaign.State.PAUSED]).order_by("pk")
    return list(find_policies(list(campaigns.values_list("pk", flat=True))).values())


def ask_unseen_between(*, snapshot: Snapshot, policies: Iterable[Policy], after: int, last: int) -> int:
    """Asks the open questions of these policies' campaigns that have no estimate, with ids above `after` up to `last`, as this snapshot
    wants it; returns how many ask otherwise than before."""
    asked = {policy.campaign_id: find_unseen(snapshot, policy) for policy in policies}
    columns = {
        "campaign": list(asked),
        "wanted": [unseen.wanted for unseen in asked.values()],
        "priority": [unseen.priority for unseen in asked.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(ASK_UNSEEN, {**columns, "after": after, "last": last})
        return int(cursor.rowcount)
