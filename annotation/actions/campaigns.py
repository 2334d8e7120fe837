"""Campaigns from draft to close, and their policies."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import connection, transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotation.actions.campaign_ranges import begin
from annotation.actions.gold import record_retired
from annotation.actions.snapshots import ensure_snapshot
from annotation.models import Campaign, CampaignRange, CampaignSynset, Policy
from annotation.queries.campaigns import find_policy
from annotation.rules import UNSAFE, PolicyValues, next_state
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditAction, Synset

NAME_LENGTH = 100
TITLE_LENGTH = 200
SYNSETS_AT_MOST = 100_000
TURN = "annotation.campaigns"


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
    layout: str = Campaign.Layout.CHOICE,
) -> Campaign:
    """A campaign nobody is served from yet. Synsets are served in the order given; repeated ones count once."""
    ordered = list(dict.fromkeys(wnids))
    ids = dict(Synset.objects.filter(wnid__in=ordered).values_list("wnid", "id"))
    _check_draft(name, title, ordered, ids)
    _check_layout(layout)
    campaign = Campaign.objects.create(
        name=name,
        title=title.strip(),
        instructions=instructions.strip(),
        layout=layout,
        drafted_at=at,
        drafted_by=by,
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
        problems["name"] = _("must be letters, digits, hyphens or underscores")
    if len(name) > NAME_LENGTH:
        problems["name"] = _("must have at most %(most)s characters") % {"most": NAME_LENGTH}
    elif Campaign.objects.filter(name=name).exists():
        problems["name"] = _("is taken by another campaign")
    if not 1 <= len(title.strip()) <= TITLE_LENGTH:
        problems["title"] = _("must have 1 to %(most)s characters") % {"most": TITLE_LENGTH}
    unknown = [wnid for wnid in wnids if wnid not in ids]
    if not 1 <= len(wnids) <= SYNSETS_AT_MOST:
        problems["synsets"] = _("must be 1 to %(most)s synsets, not %(number)s") % {
            "most": number_format(SYNSETS_AT_MOST, use_l10n=True, force_grouping=True),
            "number": len(wnids),
        }
    elif unknown:
        problems["synsets"] = _("not in the hierarchy: %(synsets)s") % {"synsets": ", ".join(unknown[:10])}
    if problems:
        raise InvalidInput(problems)


def _check_layout(layout: str) -> None:
    if layout not in Campaign.Layout.values:
        raise InvalidInput({"layout": _("must be one of %(values)s") % {"values": ", ".join(Campaign.Layout.values)}})


@transaction.atomic
def open_campaign(*, name: str, by: User, at: datetime) -> Campaign:
    """Puts every candidate of the campaign's synsets to annotators; resuming a paused one adds what has come since. Of many, some are
    asked about at once, and the others by workers (campaign_ranges).

    Conflict where a synset is marked unsafe, where another unfinished campaign asks about a candidate of it already
    and nothing is left (unless that shows only when workers have gone through all), where one is still being closed that asked
    about a synset of it, or where the state does not allow it.
    """
    _take_turn()
    campaign = _lock_with_ranges(name)
    before = campaign.state
    campaign.state = next_state(campaign, "resume" if before == Campaign.State.PAUSED else "open")
    _check_safe(campaign)
    _check_free(campaign)
    campaign.opened_at = campaign.opened_at or at
    campaign.save(update_fields=["state", "opened_at"])
    ensure_snapshot(by=by, at=at)
    begun = begin(campaign=campaign, kind=CampaignRange.Kind.ASK, at=at)
    if begun.finished and not begun.rows and not campaign.questions.exists():
        raise Conflict(
            _("Campaign %(name)s has nothing to ask: its synsets have no candidates that are not being asked.")
            % {"name": name}
        )
    _record(AuditAction.OPEN_CAMPAIGN, campaign, by, before=before)
    return campaign


def _check_safe(campaign: Campaign) -> None:
    unsafe = list(campaign.synsets.filter(safety__in=UNSAFE).order_by("id")[:10])
    if unsafe:
        listed = ", ".join(f"{synset.wnid} ({synset.get_safety_display()})" for synset in unsafe)
        raise Conflict(
            _("Campaign %(name)s cannot open: synsets marked unsafe: %(synsets)s.")
            % {"name": campaign.name, "synsets": listed}
        )


def _check_free(campaign: Campaign) -> None:
    """What a campaign that is being closed still holds would be left out."""
    closing = CampaignRange.objects.filter(kind=CampaignRange.Kind.CLOSE, campaign__synsets__in=campaign.synsets.all())
    found = closing.select_related("campaign").first()
    if found is not None:
        raise Conflict(
            _("Campaign %(closing)s is still being closed (%(percent)s %%): open %(name)s after that.")
            % {"closing": found.campaign.name, "percent": found.percent, "name": campaign.name}
        )


@transaction.atomic
def pause_campaign(*, name: str, by: User, at: datetime) -> Campaign:
    """No new leases; votes of pages already leased are taken."""
    campaign = _lock_with_ranges(name)
    campaign.state = next_state(campaign, "pause")
    campaign.save(update_fields=["state"])
    _record(AuditAction.PAUSE_CAMPAIGN, campaign, by)
    return campaign


@transaction.atomic
def close_campaign(*, name: str, by: User, at: datetime) -> Campaign:
    """Ends a campaign: its unfinished questions stay as they are, free their candidates for a later campaign, and are
    gold no longer; of many, some at once, and the others as workers come to them (campaign_ranges)."""
    _take_turn()
    campaign = _lock_with_ranges(name)
    campaign.state = next_state(campaign, "close")
    campaign.closed_at = at
    campaign.save(update_fields=["state", "closed_at"])
    campaign.ranges.all().delete()
    begun = begin(campaign=campaign, kind=CampaignRange.Kind.CLOSE, at=at)
    record_retired(campaign=campaign, question_ids=begun.retired, by=by)
    _record(AuditAction.CLOSE_CAMPAIGN, campaign, by)
    return campaign


@transaction.atomic
def change_policy(*, name: str, policy: PolicyValues, by: User, at: datetime) -> Policy:
    """A new version of the rules. Open questions are decided again under it, of many the rest as workers come to them
    (campaign_ranges); finished ones keep what they have."""
    campaign = _lock_with_ranges(name)
    if campaign.state == Campaign.State.CLOSED:
        raise Conflict(_("Campaign %(name)s is closed: its policy stands.") % {"name": name})
    version = find_policy(campaign).version + 1
    created = Policy.objects.create(campaign=campaign, version=version, created_at=at, created_by=by, **asdict(policy))
    begin(campaign=campaign, kind=CampaignRange.Kind.DECIDE, at=at)
    _record(AuditAction.CHANGE_POLICY, campaign, by, version=version, **asdict(policy))
    return created


@transaction.atomic
def change_layout(*, name: str, layout: str, by: User, at: datetime) -> Campaign:
    """How annotators see the campaign's pages from now on, in whichever state it is; no question is decided by it."""
    _check_layout(layout)
    campaign = _lock_with_ranges(name)
    campaign.layout = layout
    campaign.save(update_fields=["layout"])
    _record(AuditAction.CHANGE_POLICY, campaign, by, layout=layout)
    return campaign


def _record(action: AuditAction, campaign: Campaign, by: User, **detail: Any) -> None:
    append_entry(action=action, subject=f"campaign:{campaign.name}", detail=detail, by=by)


def _take_turn() -> None:
    """Until the end of the transaction: what one that is being closed lets go of, another one that is opened finds, or is told to wait
    for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [TURN])


def lock_campaign(name: str) -> Campaign:
    """Until the end of the transaction, for whoever changes it or what belongs to it; without its key, which a lease that is being granted
    needs while it holds questions. NotFound where there is none."""
    campaign = Campaign.objects.select_for_update(no_key=True).filter(name=name).first()
    if campaign is None:
        raise NotFound(f"There is no campaign {name}.")
    return campaign


def _lock_with_ranges(name: str) -> Campaign:
    """And after the step that a worker may be at, so that what it writes is seen."""
    campaign = lock_campaign(name)
    list(campaign.ranges.select_for_update().order_by("pk"))
    return campaign
