"""Leases: a page of questions for one annotator, for a while. Time is the database's."""

import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from annotation.models import Annotator, Batch, BatchItem, Campaign, Policy
from annotation.queries import assignment
from annotation.queries.campaigns import find_policy
from annotation.rules import LIVE_LEASES, check_not_barred
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted

# Rounds of locking before a page is given out that is shorter than asked for.
ROUNDS = 3
# Attempts at a page before an annotator is told that nothing is left while others hold all that is.
ATTEMPTS = 10
_shuffle = random.SystemRandom()


@dataclass(frozen=True)
class _Search:
    """For whom questions are sought, and where; `held` are synsets whose free questions others hold at the moment."""

    annotator: Annotator
    campaign: Campaign
    policy: Policy
    held: list[int] = field(default_factory=list)

    def parameters(self, **more: Any) -> dict[str, Any]:
        return {
            "annotator": self.annotator.pk,
            "campaign": self.campaign.pk,
            "cap": self.policy.vote_cap,
            "exposures": self.policy.gold_exposures,
            "held": self.held,
            "secret": assignment.write_secret(self.annotator),
            **more,
        }


def lease_batch(*, annotator_id: int, campaign_name: str | None = None, size: int | None = None) -> Batch | None:
    """A page of up to `size` questions (never above the policy's) of one synset, gold among them; None if nothing is left.

    The annotator's current synset comes first, then the campaign's order. When the lease is granted, votes in time plus
    live leases of a question do not pass what it asks for: its row is locked, then counted in a later statement.
    NotPermitted for a barred annotator, Conflict with three live leases, NotFound or Conflict for a campaign that is
    not there or not open, InvalidInput for a size below 1.
    """
    if size is not None and size < 1:
        raise InvalidInput({"size": f"must be at least 1, not {size}"})
    for _ in range(ATTEMPTS):
        searches: list[_Search] = []
        batch = _lease(annotator_id, campaign_name, size, searches)
        blocked = [search for search in searches if search.held]
        if batch is not None or not blocked:
            return batch
        _wait(blocked[0])
    return None


@transaction.atomic
def _lease(annotator_id: int, campaign_name: str | None, size: int | None, searches: list[_Search]) -> Batch | None:
    """One attempt; the campaigns it has searched are added to `searches`."""
    annotator = Annotator.objects.select_for_update(no_key=True).get(pk=annotator_id)
    check_not_barred(annotator)
    if annotator.batches.filter(closed_at__isnull=True, expires_at__gt=Now()).count() >= LIVE_LEASES:
        raise Conflict(f"You have {LIVE_LEASES} open pages. Answer one or give one back first.")
    for campaign in _find_campaigns(campaign_name):
        searches.append(_Search(annotator, campaign, find_policy(campaign)))
        batch = _lease_in_campaign(searches[-1], size)
        if batch is not None:
            return batch
    return None


@transaction.atomic
def _wait(search: _Search) -> None:
    """Holds nothing but what it waits for, and that no longer than until its end: so nobody waits in a circle."""
    _select(assignment.WAIT, search.parameters())


def _find_campaigns(name: str | None) -> list[Campaign]:
    opened = Campaign.objects.filter(state=Campaign.State.OPEN)
    if name is None:
        return list(opened.order_by("opened_at", "pk"))
    campaign = Campaign.objects.filter(name=name).exclude(state=Campaign.State.DRAFT).first()
    if campaign is None:
        raise NotFound(f"There is no campaign {name}.")
    if campaign.state != Campaign.State.OPEN:
        raise Conflict(f"Campaign {name} is {campaign.get_state_display()}: it gives out no pages.")
    return [campaign]


def _lease_in_campaign(search: _Search, size: int | None) -> Batch | None:
    size = min(size or search.policy.page_size, search.policy.page_size)
    current = assignment.find_current_synset(search.annotator, search.campaign)
    while (synset := _find_synset(search, current)) is not None:
        questions = _take(search, synset, size, assignment.FREE)
        if questions:
            gold_share = size * search.policy.gold_rate
            gold_size = int(gold_share) + (assignment.draw_lot(search.annotator, synset) < gold_share % 1)
            gold = _take(search, synset, gold_size, assignment.FREE_GOLD)
            # Gold takes the place of others, on a page of one too: neither length nor size tells that there is none.
            return _write_batch(search, synset, questions[: size - len(gold)] + gold)
        search.held.append(synset)
    return None


def _find_synset(search: _Search, current: int | None) -> int | None:
    rows = _select(assignment.SYNSETS, search.parameters(current=current))
    return rows[0] if rows else None


def _take(search: _Search, synset: int, size: int, free: str) -> list[int]:
    taken: list[int] = []
    for _ in range(ROUNDS):
        wanted = size - len(taken)
        if wanted <= 0:
            break
        unseen = f"{free} AND question.id <> ALL(%(taken)s)"
        first = assignment.BY_INFORMATION if free == assignment.FREE else ""
        parameters = search.parameters(synset=synset, size=wanted, taken=taken)
        locked = _select(assignment.LOCK.format(free=unseen, first=first), parameters)
        if not locked:
            break
        # The lock may have come after another's commit that the locking statement's snapshot did not show yet.
        taken += _select(assignment.STILL_FREE.format(free=free), {**parameters, "ids": locked})
    return taken


def _select(sql: str, parameters: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def _write_batch(search: _Search, synset: int, questions: list[int]) -> Batch:
    _shuffle.shuffle(questions)
    batch = Batch.objects.create(
        annotator=search.annotator,
        campaign=search.campaign,
        synset_id=synset,
        leased_at=Now(),
        expires_at=Now() + search.policy.lease_period,
    )
    BatchItem.objects.bulk_create(
        BatchItem(batch=batch, position=position, question_id=question)
        for position, question in enumerate(questions, start=1)
    )
    return Batch.objects.select_related("campaign", "synset").get(pk=batch.pk)


@transaction.atomic
def return_batch(*, annotator_id: int, batch_id: UUID) -> Batch:
    """Gives a lease back, so that others get its questions at once. Returning it twice is one return."""
    batch = lock_batch(annotator_id=annotator_id, batch_id=batch_id)
    if batch.outcome == Batch.Outcome.SUBMITTED:
        raise Conflict("This page was sent already.")
    if batch.closed_at is None:
        batch.outcome, batch.closed_at = Batch.Outcome.RETURNED, Now()
        batch.save(update_fields=["outcome", "closed_at"])
    return batch


def lock_batch(*, annotator_id: int, batch_id: UUID) -> Batch:
    """The annotator's batch, its row locked. NotFound where there is none, NotPermitted for another's."""
    batch = Batch.objects.select_for_update().filter(pk=batch_id).first()
    if batch is None:
        raise NotFound("There is no such batch.")
    if batch.annotator_id != annotator_id:
        raise NotPermitted("This batch is leased to another annotator.")
    return batch
