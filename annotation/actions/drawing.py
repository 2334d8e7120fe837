"""Draws a page of questions: free ones of one synset, found without locks, then taken, gold among them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.db import connection

from annotation.models import Annotator, Batch, Campaign, Policy
from annotation.models.question import RING
from annotation.queries import assignment
from annotation.queries.assignment import History, Walk
from hierarchy.queries.plain import execute_planned

# Gold is locked, then as many of the questions that were found as are missing: what others changed since is seen here, for each row
# is locked and looked at once more, and those that others are at are passed over. Positions are drawn by a generator nobody can
# foretell. Neither length nor size tells that there is no gold on a page; but where nothing else is free, no page is written. An
# annotator counts once as shown gold, however often they see it.
TAKE = f"""
WITH ahead AS MATERIALIZED ({assignment.GOLD_AHEAD}), gold AS MATERIALIZED (
    SELECT question.id, gold.id AS gold_id FROM ahead AS question JOIN annotation_gold AS gold ON gold.question_id = question.id
    WHERE question.wanted AND gold.active AND gold.exposures < %(exposures)s AND NOT {assignment.HELD_BY_THEM}
    ORDER BY md5(%(secret)s::text || question.id) LIMIT %(gold)s FOR NO KEY UPDATE OF gold SKIP LOCKED
), locked AS MATERIALIZED (
    SELECT question.id
    FROM unnest(%(found)s::bigint[]) WITH ORDINALITY AS found (id, place)
    JOIN annotation_question AS question ON question.id = found.id
    WHERE {assignment.HAS_ROOM}
    ORDER BY found.place LIMIT %(size)s::int - (SELECT count(*) FROM gold) FOR NO KEY UPDATE OF question SKIP LOCKED
), held AS (
    UPDATE annotation_question AS question SET held_until = {assignment.LIVE_HOLDS} || %(expires_at)s::timestamptz
    FROM locked WHERE question.id = locked.id
), page AS (
    INSERT INTO annotation_batch (id, annotator_id, campaign_id, synset_id, leased_at, expires_at, outcome, late, places)
    SELECT %(batch)s, %(annotator)s, %(campaign)s, %(synset)s, %(leased_at)s, %(expires_at)s, '', false, %(places)s::int[] || (
        CASE WHEN %(gold)s = 0 THEN %(gold_place)s ELSE coalesce(
            (SELECT lot FROM ahead WHERE wanted ORDER BY number LIMIT 1),
            (SELECT lot + 1 FROM ahead WHERE lot < {RING - 1} ORDER BY number DESC LIMIT 1), %(gold_place)s) END)
    WHERE EXISTS (SELECT FROM locked) OR (SELECT count(*) FROM gold) = %(size)s
    RETURNING id
), shown AS (
    UPDATE annotation_gold AS shown SET exposures = exposures + 1 FROM gold, page
    WHERE shown.id = gold.gold_id AND NOT EXISTS (
        SELECT FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
        WHERE item.question_id = gold.id AND batch.annotator_id = %(annotator)s AND batch.outcome <> 'IMPORTED')
), items AS (
    INSERT INTO annotation_batchitem (batch_id, position, question_id)
    SELECT page.id, row_number() OVER (ORDER BY gen_random_uuid()), drawn.id
    FROM page, (SELECT id FROM locked UNION ALL SELECT id FROM gold) AS drawn RETURNING position
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
    if _take(search, walk, batch, found, size):
        return batch
    search.obstacles.blocked.update(found)
    return None


def _find(search: Search, walk: Walk, synset: int, wanted: int) -> list[int]:
    """So many free questions, or more; fewer where the synset has no more."""
    found: list[int] = []
    while len(found) < wanted and not walk.has_ended:
        parameters = search.parameters(synset=synset, taken=found)
        found += walk.find_free(wanted=wanted - len(found), parameters=parameters)
    return found


def _take(search: Search, walk: Walk, batch: Batch, found: Sequence[int], size: int) -> int:
    """How many questions the page has that was written; 0 where none was."""
    share = size * search.policy.gold_rate
    lot = assignment.draw_lot(search.secret, batch.synset_id, search.history.submitted)
    values = search.parameters(
        batch=batch.pk,
        synset=batch.synset_id,
        leased_at=batch.leased_at,
        expires_at=batch.expires_at,
        places=batch.places,
        gold_place=walk.gold_place,
        gold=int(share) + (lot < share % 1),
        found=found,
        size=size,
    )
    with connection.cursor() as cursor:
        execute_planned(cursor, TAKE, values)
        return int(cursor.fetchone()[0])
