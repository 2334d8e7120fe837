"""Snapshots, and the estimations they come from, as curators look back on them."""

from dataclasses import dataclass

from annotation.models import Campaign, Estimation, Policy, Skill, Snapshot
from annotation.queries.campaigns import find_policies

# What only an estimation's passes need; numbers of passes are small, and are read often.
HEAVY = ("annotator_ids", "course", "previous", "synset_factors")


def find_newest_snapshot() -> Snapshot | None:
    """The one in force, with who published it; None before the first campaign was opened."""
    return Snapshot.objects.select_related("published_by").order_by("-pk").first()


def list_newest_snapshots(*, count: int) -> list[Snapshot]:
    """Without their parameters, with who published them, the newest first."""
    found = Snapshot.objects.select_related("published_by").defer("parameters")
    return list(found.order_by("-pk")[:count])


def count_known_annotators(snapshot: Snapshot) -> int:
    """Those whose own answers the snapshot has learned from."""
    return Skill.objects.filter(snapshot=snapshot).count()


def find_newest_estimation() -> Estimation | None:
    """Running or ended, without what only its passes need; with who started it."""
    shown = Estimation.objects.select_related("started_by")
    return shown.defer(*HEAVY).order_by("-pk").first()


def is_estimating() -> bool:
    """Whether an estimation runs."""
    return Estimation.objects.filter(status=Estimation.Status.RUNNING).exists()


def count_asked_shards(estimation: Estimation) -> int:
    """How many shards have been asked in the pass that is due."""
    return estimation.parts.filter(passes__gt=estimation.passes).count()


@dataclass(frozen=True)
class PolicyInForce:
    """Rules under which campaigns that are not closed decide; those that decide alike are one."""

    target_error: float
    vote_cap: int
    campaigns: list[Campaign]


def list_policies_in_force() -> list[PolicyInForce]:
    """By target error and vote cap. Two queries."""
    campaigns = list(Campaign.objects.exclude(state=Campaign.State.CLOSED).order_by("drafted_at", "pk"))
    policies = find_policies([campaign.pk for campaign in campaigns])
    alike: dict[tuple[float, int], list[Campaign]] = {}
    for campaign in campaigns:
        alike.setdefault(_find_key(policies[campaign.pk]), []).append(campaign)
    return [PolicyInForce(*key, alike[key]) for key in sorted(alike)]


def _find_key(policy: Policy) -> tuple[float, int]:
    return policy.target_error, policy.vote_cap
