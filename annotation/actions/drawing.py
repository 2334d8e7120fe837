"""Draws a page of questions: free ones of one synset, found without locks, then taken, gold among them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.db import connection

from annotation.models import Annotator, Batch, Campaign, Policy
from annotation.queries import assignment
from annotation.queries.assignment import History, Walk
from annotation.queries.hiding import Asked, Place, choose_gold, find_share, read_pool
from annotation.rules import find_gold_rate
from hierarchy.queries.plain import execute_planned

# Questions are locked in the order in which they were found: what others changed since is seen here, for each row is locked and looked at
# once more, and those that others are at are passed over. So is gold that others are at. The question beside gold is locked with it, but not
# held. Positions are drawn by a generator nobody can foretell. An annotator counts once as shown gold, however often they see it.
TAKE = f"""
WITH gold AS MATERIALIZED (
    SELECT gold.id, gold.question_id FROM annotation_gold AS gold
    WHERE gold.question_id = ANY(%(gold)s::bigint[]) AND gold.active AND gold.exposures < %(exposures)s
    ORDER BY gold.id FOR NO KEY UPDATE OF gold SKIP LOCKED
), drawn AS MATERIALIZED (
    SELECT question.id, found.gold
    FROM unnest(%(found)s::bigint[], %(gold)s::bigint[]) WITH ORDINALITY AS found (id, gold, place)
    JOIN annotation_question AS question ON question.id = found.id
    WHERE {assignment.HAS_ROOM} AND (found.gold IS NULL OR found.gold IN (SELECT question_id FROM gold))
    ORDER BY found.place LIMIT %(size)s::int FOR NO KEY UPDATE OF question SKIP LOCKED
), held AS (
    UPDATE annotation_question AS question SET held_until = {assignment.LIVE_HOLDS} || %(expires_at)s::timestamptz
    FROM drawn WHERE question.id = drawn.id AND drawn.gold IS NULL
), page AS (
    INSERT INTO annotation_batch (id, annotator_id, campaign_id, synset_id, leased_at, expires_at, outcome, late, places)
    SELECT %(batch)s, %(annotator)s, %(campaign)s, %(synset)s, %(leased_at)s, %(expires_at)s, '', false, %(places)s::int[]
    WHERE EXISTS (SELECT FROM drawn)
    RETURNING id
), shown AS (
    UPDATE annotation_gold AS shown SET exposures = exposures + 1 FROM gold JOIN drawn ON drawn.gold = gold.question_id
    WHERE shown.id = gold.id AND NOT EXISTS (
        SELECT FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
        WHERE item.question_id = gold.question_id AND batch.annotator_id = %(annotator)s AND batch.outcome <> 'IMPORTED')
), items AS (
    INSERT INTO annotation_batchitem (batch_id, position, question_id, beside_id)
    SELECT page.id, row_number() OVER (ORDER BY gen_random_uuid()), coalesce(drawn.gold, drawn.id),
           CASE WHEN drawn.gold IS NOT NULL THEN drawn.id END
    FROM page, drawn RETURNING position
)
SELECT count(*) FROM items
"""  # noqa: S608 (constants of this project)


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
            "circle": self.history.circle,
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
    """None where fewer than `least` are free, or where others hold all that was found."""
    walk = Walk(secret=search.secret, synset_id=synset, places=places)
    found = _find(search, walk, synset, size)
    if len(found) < max(least, 1):
        return None
    batch = Batch(
        pk=uuid4(),
        annotator=search.annotator,
        campaign=search.campaign,
        synset_id=synset,
        leased_at=search.history.moment,
        expires_at=search.history.moment + search.policy.lease_period,
        places=walk.places,
    )
    if _take(search, batch, found, size):
        return batch
    search.obstacles.blocked.update(asked.question for asked in found)
    return None


def _find(search: Search, walk: Walk, synset: int, wanted: int) -> list[Asked]:
    """So many questions to ask, or more, gold among them; fewer where the synset has no more."""
    parameters = search.parameters(synset=synset)
    pool = read_pool(secret=search.secret, parameters=parameters)
    share = find_share(find_gold_rate(search.policy.gold_rate, search.history.checked), pool)
    found: list[Place] = []
    asked: list[Asked] = []
    while len(asked) < wanted and not walk.has_ended:
        found += walk.find_free(wanted=wanted - len(asked), parameters=parameters, share=share, found=found)
        asked = choose_gold(found, pool=pool, secret=search.secret)
    return asked


def _take(search: Search, batch: Batch, found: Sequence[Asked], size: int) -> int:
    """How many questions the page has that was written; 0 where none was."""
    values = search.parameters(
        batch=batch.pk,
        synset=batch.synset_id,
        leased_at=batch.leased_at,
        expires_at=batch.expires_at,
        places=batch.places,
        found=[asked.question for asked in found],
        gold=[asked.gold for asked in found],
        size=size,
    )
    with connection.cursor() as cursor:
        execute_planned(cursor, TAKE, values)
        return int(cursor.fetchone()[0])
