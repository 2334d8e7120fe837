"""Campaigns from draft to close, and their policies."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import connection, transaction

from annotation.actions.due import make_due
from annotation.actions.snapshots import PATIENCE, ensure_snapshot
from annotation.actions.unseen import ask_unseen, find_unseen
from annotation.models import Campaign, CampaignSynset, Gold, Policy, Question
from annotation.queries.campaigns import find_policy
from annotation.queries.snapshots import find_snapshot
from annotation.rules import UNSAFE, PolicyValues, next_state
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import Synset

NAME_LENGTH = 100
TITLE_LENGTH = 200
SYNSETS_AT_MOST = 100_000


@transaction.atomic
def draft_campaign(
    *,
    name: str,
    title: str,
    wnids: Sequence[str],
    policy: PolicyValues,
    by: User,
    at: datetime,
    instructions: str = "",
) -> Campaign:
    """A campaign nobody is served from yet. Synsets are served in the order given; repeated ones count once."""
    ordered = list(dict.fromkeys(wnids))
    ids = dict(Synset.objects.filter(wnid__in=ordered).values_list("wnid", "id"))
    _check_draft(name, title, ordered, ids)
    campaign = Campaign.objects.create(
        name=name, title=title.strip(), instructions=instructions.strip(), drafted_at=at, drafted_by=by
    )
    CampaignSynset.objects.bulk_create(
        CampaignSynset(campaign=campaign, synset_id=ids[wnid], position=position)
        for position, wnid in enumerate(ordered, start=1)
    )
    Policy.objects.create(campaign=campaign, version=1, created_at=at, created_by=by, **asdict(policy))
    return campaign


def _check_draft(name: str, title: str, wnids: Sequence[str], ids: dict[str, int]) -> None:
    problems: dict[str, str] = {}
    try:
        validate_slug(name)
    except ValidationError:
        problems["name"] = "must be letters, digits, hyphens or underscores"
    if len(name) > NAME_LENGTH:
        problems["name"] = f"must have at most {NAME_LENGTH} characters"
    elif Campaign.objects.filter(name=name).exists():
        problems["name"] = "is taken by another campaign"
    if not 1 <= len(title.strip()) <= TITLE_LENGTH:
        problems["title"] = f"must have 1 to {TITLE_LENGTH} characters"
    unknown = [wnid for wnid in wnids if wnid not in ids]
    if not 1 <= len(wnids) <= SYNSETS_AT_MOST:
        problems["synsets"] = f"must be 1 to {SYNSETS_AT_MOST:,} synsets, not {len(wnids)}"
    elif unknown:
        problems["synsets"] = f"not in the hierarchy: {', '.join(unknown[:10])}"
    if problems:
        raise InvalidInput(problems)


@transaction.atomic
def open_campaign(*, name: str, by: User, at: datetime) -> Campaign:
    """Puts every candidate of the campaign's synsets to annotators; resuming a paused one adds what has come since.

    Conflict where a synset is marked unsafe, where another unfinished campaign asks about a candidate of it already
    and nothing is left, or where the state does not allow it.
    """
    campaign = _lock_campaign(name)
    campaign.state = next_state(campaign, "resume" if campaign.state == Campaign.State.PAUSED else "open")
    _check_safe(campaign)
    campaign.opened_at = campaign.opened_at or at
    ensure_snapshot(by=by, at=at)
    added = _ask_candidates(campaign, at)
    if not added and not campaign.questions.exists():
        raise Conflict(f"Campaign {name} has nothing to ask: its synsets have no candidates that are not being asked.")
    campaign.save(update_fields=["state", "opened_at"])
    return campaign


def _check_safe(campaign: Campaign) -> None:
    unsafe = list(campaign.synsets.filter(safety__in=UNSAFE).order_by("id")[:10])
    if unsafe:
        listed = ", ".join(f"{synset.wnid} ({synset.get_safety_display()})" for synset in unsafe)
        raise Conflict(f"Campaign {campaign.name} cannot open: synsets marked unsafe: {listed}.")


ASK = """
INSERT INTO annotation_question (campaign_id, candidate_id, synset_id, state, votes_wanted, priority, asked_at)
SELECT %(campaign)s, candidate.id, candidate.synset_id, 'OPEN', %(wanted)s, %(priority)s, %(at)s
FROM annotation_campaignsynset AS member
JOIN hierarchy_candidate AS candidate ON candidate.synset_id = member.synset_id
WHERE member.campaign_id = %(campaign)s
ORDER BY candidate.id
ON CONFLICT DO NOTHING
"""
WITH_A_PRIOR = """question.campaign_id = %(campaign)s AND EXISTS (
    SELECT FROM hierarchy_candidate AS candidate WHERE candidate.id = question.candidate_id AND candidate.prior IS NOT NULL)"""
ESTIMATED_AND_OPEN = """question.campaign_id = %(campaign)s AND question.state = 'OPEN' AND question.closed_at IS NULL AND EXISTS (
    SELECT FROM annotation_estimate AS estimate WHERE estimate.question_id = question.id)"""


def _ask_candidates(campaign: Campaign, at: datetime) -> int:
    unseen = find_unseen(find_snapshot(), find_policy(campaign))
    with connection.cursor() as cursor:
        cursor.execute(ASK, {"campaign": campaign.pk, "at": at, **asdict(unseen)})
        asked = int(cursor.rowcount)
    # What an importer said of a candidate is an estimate already.
    make_due(condition=WITH_A_PRIOR, values={"campaign": campaign.pk}, at=at)
    return asked


@transaction.atomic
def pause_campaign(*, name: str, by: User, at: datetime) -> Campaign:
    """No new leases; votes of pages already leased are taken."""
    campaign = _lock_campaign(name)
    campaign.state = next_state(campaign, "pause")
    campaign.save(update_fields=["state"])
    return campaign


@transaction.atomic
def close_campaign(*, name: str, by: User, at: datetime) -> Campaign:
    """Ends a campaign: its unfinished questions stay as they are, free their candidates for a later campaign, and are
    gold no longer."""
    campaign = _lock_campaign(name)
    campaign.state = next_state(campaign, "close")
    campaign.closed_at = at
    campaign.save(update_fields=["state", "closed_at"])
    _lock_unfinished(campaign)
    Question.objects.filter(campaign=campaign).unfinished().update(closed_at=at)
    Gold.objects.filter(question__campaign=campaign, active=True).update(active=False)
    return campaign


@transaction.atomic
def change_policy(*, name: str, policy: PolicyValues, by: User, at: datetime) -> Policy:
    """A new version of the rules. Open questions are decided again under it; finished ones keep what they have."""
    campaign = _lock_campaign(name)
    if campaign.state == Campaign.State.CLOSED:
        raise Conflict(f"Campaign {name} is closed: its policy stands.")
    version = find_policy(campaign).version + 1
    created = Policy.objects.create(campaign=campaign, version=version, created_at=at, created_by=by, **asdict(policy))
    _lock_unfinished(campaign)
    make_due(condition=ESTIMATED_AND_OPEN, values={"campaign": campaign.pk}, at=at + PATIENCE)
    ask_unseen(snapshot=find_snapshot(), policy=created)
    return created


def _lock_campaign(name: str) -> Campaign:
    """Without its key, which a lease that is being granted needs while it holds questions."""
    campaign = Campaign.objects.select_for_update(no_key=True).filter(name=name).first()
    if campaign is None:
        raise NotFound(f"There is no campaign {name}.")
    return campaign


LOCK_UNFINISHED = """
SELECT count(*) FROM (
    SELECT id FROM annotation_question
    WHERE campaign_id = %s AND state IN ('OPEN', 'DISPUTED') AND closed_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
) AS locked
"""


def _lock_unfinished(campaign: Campaign) -> None:
    """In the order of their ids, as pages of votes lock them, so that neither waits for the other in a circle."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_UNFINISHED, [campaign.pk])
