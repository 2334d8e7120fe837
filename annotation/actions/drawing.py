"""Draws a page of questions: free ones of one synset, found without locks, then held, gold among them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.db import connection

from annotation.models import Annotator, Batch, Campaign, Policy
from annotation.queries import assignment
from annotation.queries.assignment import History, Walk
from hierarchy.queries.plain import execute_planned

# How often questions that others took at the same moment are replaced before a page is given out that is shorter than asked for.
ROUNDS = 3
_shuffle = random.SystemRandom()

# What others changed since the questions were found is seen here: each row is locked, then looked at once more.
HOLD = f"""
UPDATE annotation_question AS question SET held_until = {assignment.LIVE_HOLDS} || %(expires_at)s::timestamptz
FROM (
    SELECT question.id FROM annotation_question AS question WHERE question.id = ANY(%(ids)s) AND {assignment.HAS_ROOM}
    ORDER BY question.id FOR NO KEY UPDATE OF question SKIP LOCKED
) AS locked
WHERE question.id = locked.id RETURNING question.id
"""  # noqa: S608 (constants of this project)

# An annotator counts once, however often they were shown it.
EXPOSE = """
UPDATE annotation_gold AS gold SET exposures = exposures + 1
WHERE gold.question_id = ANY(%(ids)s) AND gold.active AND NOT EXISTS (
    SELECT 1 FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
    WHERE item.question_id = gold.question_id AND batch.annotator_id = %(annotator)s AND batch.outcome <> 'IMPORTED')
"""

ADD_PAGE = """
WITH page AS (
INSERT INTO annotation_batch (id, annotator_id, campaign_id, synset_id, leased_at, expires_at, outcome, late, places)
VALUES (%(batch)s, %(annotator)s, %(campaign)s, %(synset)s, %(leased_at)s, %(expires_at)s, '', false, %(places)s::int[])
    RETURNING id
)
INSERT INTO annotation_batchitem (batch_id, position, question_id)
SELECT page.id, item.position, item.question_id
FROM page, unnest(%(questions)s::bigint[]) WITH ORDINALITY AS item (question_id, position)
"""


@dataclass
class Obstacles:
    """Why nothing may have been found though something is there: questions whose rows others hold at the moment, and leases that
    have expired but still hold theirs."""

    blocked: set[int] = field(default_factory=set)
    has_expired: bool = False


@dataclass(frozen=True)
class Search:
    """For whom questions are sought, and where."""

    annotator: Annotator
    campaign: Campaign
    policy: Policy
    secret: str
    history: History
    obstacles: Obstacles

    def parameters(self, **more: Any) -> dict[str, Any]:
        return {
            "annotator": self.annotator.pk,
            "campaign": self.campaign.pk,
            "cap": self.policy.vote_cap,
            "exposures": self.policy.gold_exposures,
            "secret": self.secret,
            **more,
        }


def draw_page(search: Search, size: int | None) -> Batch | None:
    """A page of the campaign, written in the caller's transaction; None where nothing is free.

    People stay with their synset as long as it gives half a page; what is left of it waits for those who come by.
    """
    size = min(size or search.policy.page_size, search.policy.page_size)
    current, places = search.history.synset_id, search.history.places
    passed: list[int] = []
    if current is not None:
        batch = _draw_in_synset(search, current, places, size, least=size // 2)
        if batch is not None:
            return batch
        passed.append(current)
    while (synset := _find_next_synset(search, passed)) is not None:
        there = assignment.read_places(annotator=search.annotator, campaign=search.campaign, synset_id=synset)
        batch = _draw_in_synset(search, synset, there, size)
        if batch is not None:
            return batch
        passed.append(synset)
    return _draw_in_synset(search, current, places, size) if current is not None and size > 1 else None


def _find_next_synset(search: Search, passed: Sequence[int]) -> int | None:
    return assignment.find_next_synset(campaign=search.campaign, position=search.history.position, passed=passed)


def _draw_in_synset(search: Search, synset: int, places: Sequence[int], size: int, *, least: int = 1) -> Batch | None:
    """None where fewer than `least` are free.

    Gold takes the place of others, on a page of one too: neither length nor size tells that there is none. But where nothing
    else is free, no page is given out."""
    walk = Walk(secret=search.secret, synset_id=synset, places=places)
    found = _gather(search, walk, synset, size, taken=[])
    if len(found) < max(least, 1):
        return None
    gold = _lock_gold(search, synset, size)
    batch = Batch(
        pk=uuid4(),
        annotator=search.annotator,
        campaign=search.campaign,
        synset_id=synset,
        leased_at=search.history.moment,
        expires_at=search.history.moment + search.policy.lease_period,
    )
    taken = _hold(search, walk, batch, found, size - len(gold))
    if not taken and len(gold) < size:
        return None
    batch.places = walk.places
    return _write_batch(search, batch, taken, gold)


def _lock_gold(search: Search, synset: int, size: int) -> list[int]:
    share = size * search.policy.gold_rate
    lot = assignment.draw_lot(search.secret, synset, search.history.submitted)
    wanted = int(share) + (lot < share % 1)
    return _select(assignment.LOCK_GOLD, search.parameters(synset=synset, size=wanted)) if wanted else []


def _gather(search: Search, walk: Walk, synset: int, wanted: int, *, taken: Sequence[int]) -> list[int]:
    """So many free questions besides those `taken`, or a few more; fewer where the synset has no more."""
    found: list[int] = []
    while len(found) < wanted and not walk.has_ended:
        parameters = search.parameters(synset=synset, taken=[*taken, *found])
        found += walk.find_free(wanted=wanted - len(found), parameters=parameters)
    return found


def _hold(search: Search, walk: Walk, batch: Batch, found: list[int], wanted: int) -> list[int]:
    """Up to `wanted` of what was found, and of what else the walk finds where others were quicker."""
    tried: list[int] = []
    taken: list[int] = []
    for _ in range(ROUNDS):
        chosen = found[: wanted - len(taken)]
        if not chosen:
            break
        held = _select(HOLD, search.parameters(ids=chosen, expires_at=batch.expires_at))
        search.obstacles.blocked.update(set(chosen) - set(held))
        taken += held
        tried += chosen
        found = found[len(chosen) :]
        missing = wanted - len(taken)
        if len(found) < missing:
            found += _gather(search, walk, batch.synset_id, missing - len(found), taken=[*tried, *found])
    return taken


def _select(sql: str, parameters: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        execute_planned(cursor, sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def _write_batch(search: Search, batch: Batch, questions: Sequence[int], gold: Sequence[int]) -> Batch:
    page = [*questions, *gold]
    _shuffle.shuffle(page)
    values: dict[str, Any] = {
        "batch": batch.pk,
        "annotator": batch.annotator_id,
        "campaign": batch.campaign_id,
        "synset": batch.synset_id,
        "leased_at": batch.leased_at,
        "expires_at": batch.expires_at,
        "places": batch.places,
        "questions": page,
    }
    with connection.cursor() as cursor:
        if gold:
            execute_planned(cursor, EXPOSE, {"ids": list(gold), "annotator": search.annotator.pk})
        execute_planned(cursor, ADD_PAGE, values)
    return batch
