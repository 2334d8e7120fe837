"""Leases: a page of questions for one annotator, for a while. Time is the database's."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models.functions import Now

from annotation.models import Annotator, Batch, Campaign, Policy
from annotation.queries import assignment
from annotation.queries.assignment import History, Walk
from annotation.queries.campaigns import list_open_policies
from annotation.rules import LIVE_LEASES, check_not_barred
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted
from hierarchy.queries.plain import build_models, execute_planned, name_columns

# How often questions that others took at the same moment are replaced before a page is given out that is shorter than asked for.
ROUNDS = 3
# Attempts at a page before an annotator is told that nothing is left while others hold all that is.
ATTEMPTS = 10
_shuffle = random.SystemRandom()

# What others changed since the questions were found is seen here: each row is locked, then looked at once more.
HOLD = f"""
UPDATE annotation_question AS question SET held_until =
    ARRAY(SELECT held.until FROM unnest(question.held_until) AS held (until) WHERE held.until > now()) || %(expires_at)s::timestamptz
FROM (
    SELECT question.id FROM annotation_question AS question WHERE question.id = ANY(%(ids)s) AND {assignment.HAS_ROOM}
    ORDER BY question.id FOR NO KEY UPDATE OF question SKIP LOCKED
) AS locked
WHERE question.id = locked.id RETURNING question.id
"""  # noqa: S608 (constants of this project)

# The holds of leases that have expired, some at once. Others may be at it: what they hold is left to them, and questions are
# locked in the order of their ids.
LAPSE = """
WITH over AS (
    UPDATE annotation_batch SET lapsed = true WHERE id IN (
        SELECT id FROM annotation_batch WHERE closed_at IS NULL AND NOT lapsed AND expires_at <= now()
        ORDER BY expires_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id
), held AS (
    SELECT question.id FROM annotation_question AS question
    WHERE question.id IN (SELECT item.question_id FROM annotation_batchitem AS item JOIN over ON over.id = item.batch_id)
      AND question.held_until <> '{}'
    ORDER BY question.id FOR NO KEY UPDATE
), cleared AS (
    UPDATE annotation_question AS question SET held_until =
        ARRAY(SELECT held.until FROM unnest(question.held_until) AS held (until) WHERE held.until > now())
    FROM held WHERE held.id = question.id
)
SELECT count(*) FROM over
"""
# Each lease clears away so many, so that there are never many to clear.
LAPSED_AT_ONCE = 20

# Waits until whoever holds a free question has let go of it.
WAIT = "SELECT id FROM annotation_question WHERE id = ANY(%(ids)s) ORDER BY id LIMIT 1 FOR SHARE"

# An annotator counts once, however often they were shown it.
EXPOSE = """
UPDATE annotation_gold AS gold SET exposures = exposures + 1
WHERE gold.question_id = ANY(%(ids)s) AND gold.active AND NOT EXISTS (
    SELECT 1 FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
    WHERE item.question_id = gold.question_id AND batch.annotator_id = %(annotator)s AND batch.outcome <> 'IMPORTED')
"""

# Whatever else an annotator does waits for this row, so that they do one thing at a time.
LOCK_ANNOTATOR = f"""
SELECT {name_columns(Annotator)} FROM annotation_annotator WHERE id = %(annotator)s FOR NO KEY UPDATE
"""  # noqa: S608 (names of columns)

LOCK_BATCH = f"""
SELECT {name_columns(Batch)} FROM annotation_batch WHERE id = %(batch)s FOR UPDATE
"""  # noqa: S608 (names of columns)

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

# One hold goes for each page; one that has expired may have been cleared away already.
LET_GO = """
UPDATE annotation_question AS question
SET held_until = question.held_until[:place - 1] || question.held_until[place + 1:]
FROM (
    SELECT held.id, array_position(held.held_until, %(expires_at)s::timestamptz) AS place
    FROM annotation_question AS held WHERE held.id IN (SELECT question_id FROM annotation_batchitem WHERE batch_id = %(batch)s)
    ORDER BY held.id FOR NO KEY UPDATE
) AS locked
WHERE question.id = locked.id AND place IS NOT NULL
"""


@dataclass
class _Obstacles:
    """Why nothing may have been found though something is there: questions whose rows others hold at the moment, and leases that
    have expired but still hold theirs."""

    blocked: set[int] = field(default_factory=set)
    has_expired: bool = False


@dataclass(frozen=True)
class _Search:
    """For whom questions are sought, and where."""

    annotator: Annotator
    campaign: Campaign
    policy: Policy
    secret: str
    history: History
    obstacles: _Obstacles

    def parameters(self, **more: Any) -> dict[str, Any]:
        return {
            "annotator": self.annotator.pk,
            "campaign": self.campaign.pk,
            "cap": self.policy.vote_cap,
            "exposures": self.policy.gold_exposures,
            "secret": self.secret,
            **more,
        }


def lease_batch(*, annotator_id: int, campaign_name: str | None = None, size: int | None = None) -> Batch | None:
    """A page of up to `size` questions (never above the policy's) of one synset, gold among them; None if nothing is left.

    The annotator's current synset comes first, then the next in the campaign's order. When the lease is granted, votes in
    time plus live leases of a question do not pass what it asks for: its row is locked, then looked at.
    NotPermitted for a barred annotator, Conflict with three live leases, NotFound or Conflict for a campaign that is
    not there or not open, InvalidInput for a size below 1.
    """
    if size is not None and size < 1:
        raise InvalidInput({"size": f"must be at least 1, not {size}"})
    attempts = 0
    while attempts < ATTEMPTS:
        obstacles = _Obstacles()
        batch = _lease(annotator_id, campaign_name, size, obstacles)
        lapsed = lapse_leases() if obstacles.has_expired else 0
        if batch is not None or not (obstacles.blocked or lapsed):
            return batch
        if obstacles.blocked:
            attempts += 1
            _wait(obstacles.blocked)
    return None


@transaction.atomic
def lapse_leases() -> int:
    """Others get the questions of some leases that have expired; returns of how many leases."""
    with connection.cursor() as cursor:
        cursor.execute(LAPSE, {"limit": LAPSED_AT_ONCE})
        return int(cursor.fetchone()[0])


@transaction.atomic
def _lease(annotator_id: int, campaign_name: str | None, size: int | None, obstacles: _Obstacles) -> Batch | None:
    """One attempt; what stood in its way is noted."""
    annotator = lock_annotator(annotator_id)
    check_not_barred(annotator)
    secret = assignment.write_secret(annotator)
    for policy in _find_policies(campaign_name):
        history = assignment.read_history(annotator, policy.campaign)
        obstacles.has_expired = history.has_expired
        if history.live_leases >= LIVE_LEASES:
            raise Conflict(f"You have {LIVE_LEASES} open pages. Answer one or give one back first.")
        search = _Search(annotator, policy.campaign, policy, secret, history, obstacles)
        batch = _lease_in_campaign(search, size)
        if batch is not None:
            return batch
    return None


@transaction.atomic
def _wait(blocked: set[int]) -> None:
    """Holds nothing but what it waits for, and that no longer than until its end: so nobody waits in a circle."""
    with connection.cursor() as cursor:
        cursor.execute(WAIT, {"ids": sorted(blocked)})


def lock_annotator(annotator_id: int) -> Annotator:
    """Until the end of the transaction."""
    with connection.cursor() as cursor:
        execute_planned(cursor, LOCK_ANNOTATOR, {"annotator": annotator_id})
        annotator: Annotator = build_models(cursor.fetchone(), Annotator)[0]
    return annotator


def _find_policies(name: str | None) -> list[Policy]:
    """Of the campaign of that name, or of all open ones in the order in which they were opened."""
    policies = list_open_policies(name)
    if policies or name is None:
        return policies
    campaign = Campaign.objects.filter(name=name).exclude(state=Campaign.State.DRAFT).first()
    if campaign is None:
        raise NotFound(f"There is no campaign {name}.")
    raise Conflict(f"Campaign {name} is {campaign.get_state_display()}: it gives out no pages.")


def _lease_in_campaign(search: _Search, size: int | None) -> Batch | None:
    """People stay with their synset as long as it gives half a page; what is left of it waits for those who come by."""
    size = min(size or search.policy.page_size, search.policy.page_size)
    current, places = search.history.synset_id, search.history.places
    passed: list[int] = []
    if current is not None:
        batch = _lease_in_synset(search, current, places, size, least=size // 2)
        if batch is not None:
            return batch
        passed.append(current)
    while (synset := _find_next_synset(search, passed)) is not None:
        there = assignment.read_places(annotator=search.annotator, campaign=search.campaign, synset_id=synset)
        batch = _lease_in_synset(search, synset, there, size)
        if batch is not None:
            return batch
        passed.append(synset)
    return _lease_in_synset(search, current, places, size) if current is not None and size > 1 else None


def _find_next_synset(search: _Search, passed: Sequence[int]) -> int | None:
    return assignment.find_next_synset(campaign=search.campaign, position=search.history.position, passed=passed)


def _lease_in_synset(search: _Search, synset: int, places: Sequence[int], size: int, *, least: int = 1) -> Batch | None:
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


def _lock_gold(search: _Search, synset: int, size: int) -> list[int]:
    share = size * search.policy.gold_rate
    lot = assignment.draw_lot(search.secret, synset, search.history.submitted)
    wanted = int(share) + (lot < share % 1)
    return _select(assignment.LOCK_GOLD, search.parameters(synset=synset, size=wanted)) if wanted else []


def _gather(search: _Search, walk: Walk, synset: int, wanted: int, *, taken: Sequence[int]) -> list[int]:
    """So many free questions besides those `taken`, or a few more; fewer where the synset has no more."""
    found: list[int] = []
    while len(found) < wanted and not walk.has_ended:
        parameters = search.parameters(synset=synset, taken=[*taken, *found])
        found += walk.find_free(wanted=wanted - len(found), parameters=parameters)
    return found


def _hold(search: _Search, walk: Walk, batch: Batch, found: list[int], wanted: int) -> list[int]:
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


def _write_batch(search: _Search, batch: Batch, questions: Sequence[int], gold: Sequence[int]) -> Batch:
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


@transaction.atomic
def return_batch(*, annotator_id: int, batch_id: UUID) -> Batch:
    """Gives a lease back, so that others get its questions at once. Returning it twice is one return."""
    batch = lock_batch(annotator_id=annotator_id, batch_id=batch_id)
    if batch.outcome == Batch.Outcome.SUBMITTED:
        raise Conflict("This page was sent already.")
    if batch.closed_at is None:
        close_unanswered(batch)
    return batch


def close_unanswered(batch: Batch) -> None:
    """An open page is over, and others get its questions at once. The caller's transaction holds the row of the batch."""
    with connection.cursor() as cursor:
        cursor.execute(LET_GO, {"batch": batch.pk, "expires_at": batch.expires_at})
    batch.outcome, batch.closed_at = Batch.Outcome.RETURNED, Now()
    batch.save(update_fields=["outcome", "closed_at"])


def lock_batch(*, annotator_id: int, batch_id: UUID) -> Batch:
    """The annotator's batch, its row locked. NotFound where there is none, NotPermitted for another's."""
    with connection.cursor() as cursor:
        execute_planned(cursor, LOCK_BATCH, {"batch": batch_id})
        row = cursor.fetchone()
    if row is None:
        raise NotFound("There is no such batch.")
    batch: Batch = build_models(row, Batch)[0]
    if batch.annotator_id != annotator_id:
        raise NotPermitted("This batch is leased to another annotator.")
    return batch
