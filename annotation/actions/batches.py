"""Leases: a page of questions for one annotator, for a while. Time is the database's."""

from typing import NoReturn
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation.actions.drawing import Obstacles, Search, draw_page
from annotation.models import Annotator, Batch, Campaign, Policy
from annotation.queries import assignment
from annotation.queries.batches import NO_SUCH_BATCH, check_own
from annotation.queries.training import ASKED_FIRST
from annotation.rules import LIVE_LEASES, UNANSWERED_PAGES, TrainingRequired, check_not_barred
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.queries.plain import build_models, execute_planned, name_columns

# Attempts at a page before an annotator is told that nothing is left while others hold all that is.
ATTEMPTS = 10

# The holds of leases that have expired, some at once. Others may be at it: what they hold is left to them, and questions are
# locked in the order of their ids.
LAPSE = f"""
WITH over AS (
    UPDATE annotation_batch SET lapsed = true WHERE id IN (
        SELECT id FROM annotation_batch WHERE closed_at IS NULL AND NOT lapsed AND expires_at <= now()
        ORDER BY expires_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id
), held AS (
    SELECT question.id FROM annotation_question AS question
    WHERE question.id IN (SELECT item.question_id FROM annotation_batchitem AS item JOIN over ON over.id = item.batch_id)
      AND question.held_until <> '{{}}'
    ORDER BY question.id FOR NO KEY UPDATE
), cleared AS (
    UPDATE annotation_question AS question SET held_until = {assignment.LIVE_HOLDS} FROM held WHERE held.id = question.id
)
SELECT count(*) FROM over
"""  # noqa: S608 (constants of this project)
# Each lease clears away so many, so that there are never many to clear.
LAPSED_AT_ONCE = 20

# Waits until whoever holds a free question has let go of it.
WAIT = "SELECT id FROM annotation_question WHERE id = ANY(%(ids)s) ORDER BY id LIMIT 1 FOR SHARE"

# Whatever else an annotator does waits for their row, so that they do one thing at a time. Beside it the policies in force of the
# campaigns that are open, in the order in which they were opened.
LOCK_ANNOTATOR = f"""
SELECT {ASKED_FIRST}, {name_columns(Annotator, Policy, Campaign)}
FROM annotation_annotator LEFT JOIN (
    annotation_campaign JOIN annotation_policy ON annotation_policy.campaign_id = annotation_campaign.id
        AND annotation_policy.version = (
            SELECT max(newest.version) FROM annotation_policy AS newest WHERE newest.campaign_id = annotation_campaign.id)
) ON annotation_campaign.state = 'OPEN' AND (%(name)s::text IS NULL OR annotation_campaign.name = %(name)s::text)
WHERE annotation_annotator.id = %(annotator)s
ORDER BY annotation_campaign.opened_at, annotation_campaign.id FOR NO KEY UPDATE OF annotation_annotator
"""  # noqa: S608 (names of columns)

LOCK_BATCH = f"""
SELECT {name_columns(Batch)} FROM annotation_batch WHERE id = %(batch)s FOR UPDATE
"""  # noqa: S608 (names of columns)

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


def lease_batch(*, annotator_id: int, campaign_name: str | None = None, size: int | None = None) -> Batch | None:
    """A page of up to `size` questions (never above the policy's) of one synset, gold among them; None if nothing is left.

    The annotator's current synset comes first, then the next in the campaign's order. When the lease is granted, votes in
    time plus live leases of a question do not pass what it asks for: its row is locked, then looked at.
    NotPermitted for a barred annotator, TrainingRequired where nothing is left but what asks for a training first, Conflict with three live leases or after too many pages without answers, NotFound or Conflict for a campaign that is
    not there or not open, InvalidInput for a size below 1.
    """
    if size is not None and size < 1:
        raise InvalidInput({"size": _("must be at least 1, not %(size)s") % {"size": size}})
    attempts = 0
    while attempts < ATTEMPTS:
        obstacles = Obstacles()
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
def _lease(annotator_id: int, campaign_name: str | None, size: int | None, obstacles: Obstacles) -> Batch | None:
    """One attempt; what stood in its way is noted."""
    annotator, policies, untrained = _lock_annotator(annotator_id, campaign_name)
    check_not_barred(annotator)
    if not policies and not untrained and campaign_name is not None:
        _refuse_campaign(campaign_name)
    secret = assignment.write_secret(annotator)
    for policy in policies:
        history = assignment.read_history(annotator, policy.campaign)
        obstacles.has_expired = history.has_expired
        if history.live_leases >= LIVE_LEASES:
            raise Conflict(
                _("You have %(pages)s open pages. Answer one or give one back first.") % {"pages": LIVE_LEASES}
            )
        if history.unanswered >= UNANSWERED_PAGES:
            raise Conflict(
                _("You gave back %(pages)s pages without answers within an hour. Come back a little later.")
                % {"pages": UNANSWERED_PAGES}
            )
        search = Search(annotator, policy.campaign, policy, secret, history, obstacles)
        batch = draw_page(search, size)
        if batch is not None:
            return batch
    if untrained and not obstacles.blocked:
        raise TrainingRequired(untrained[0].campaign.name)
    return None


@transaction.atomic
def _wait(blocked: set[int]) -> None:
    """Holds nothing but what it waits for, and that no longer than until its end: so nobody waits in a circle."""
    with connection.cursor() as cursor:
        cursor.execute(WAIT, {"ids": sorted(blocked)})


def _lock_annotator(annotator_id: int, campaign_name: str | None) -> tuple[Annotator, list[Policy], list[Policy]]:
    """Until the end of the transaction; with the policies of open campaigns, or of the one of that name if it is open, and those of
    campaigns whose training they have still to pass."""
    with connection.cursor() as cursor:
        execute_planned(cursor, LOCK_ANNOTATOR, {"annotator": annotator_id, "name": campaign_name})
        rows = [(row[0], *build_models(row[1:], Annotator, Policy, Campaign)) for row in cursor.fetchall()]
    policies: list[Policy] = []
    untrained: list[Policy] = []
    for asks_first, _annotator, policy, campaign in rows:
        if policy is not None:
            policy.campaign = campaign
            (untrained if asks_first else policies).append(policy)
    return rows[0][1], policies, untrained


def _refuse_campaign(name: str) -> NoReturn:
    campaign = Campaign.objects.filter(name=name).exclude(state=Campaign.State.DRAFT).first()
    if campaign is None:
        raise NotFound(f"There is no campaign {name}.")
    raise Conflict(
        _("Campaign %(name)s is %(state)s: it gives out no pages.")
        % {"name": name, "state": campaign.get_state_display()}
    )


@transaction.atomic
def return_batch(*, annotator_id: int, batch_id: UUID) -> Batch:
    """Gives a lease back, so that others get its questions at once. Returning it twice is one return."""
    batch = lock_batch(annotator_id=annotator_id, batch_id=batch_id)
    if batch.outcome == Batch.Outcome.SUBMITTED:
        raise Conflict(_("This page was sent already."))
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
        raise NotFound(NO_SUCH_BATCH)
    batch: Batch = build_models(row, Batch)[0]
    check_own(batch, annotator_id)
    return batch
