"""The model in force as curators see it: what it believes, what gold says of its rules, and how it is learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.actions import estimation as actions
from annotation.consensus.calibrate import ENOUGH_DECIDED
from annotation.consensus.decide import Rule
from annotation.consensus.procedure import DISORDER, NOISE, SILENCE
from annotation.models import Estimation
from annotation.pages.figures import describe_states, to_percent
from annotation.pages.refusals import MemberRequest, answer_refusals, redirect_after_post
from annotation.queries import estimations
from annotation.queries.estimations import PolicyInForce
from annotation.queries.snapshots import read_parameters
from annotation.tasks import wake_estimators

SNAPSHOTS_SHOWN = 20
# Why nothing was published, as it is kept (annotation.consensus.procedure); what went wrong with an estimation is kept as an error has it.
REASONS = {
    SILENCE: gettext_lazy("No question has two votes, or a vote and a known answer."),
    NOISE: gettext_lazy("The votes do not agree better than answers that are given without looking."),
    DISORDER: gettext_lazy("What workers answer no longer tells a yes from a no."),
}


@dataclass(frozen=True)
class Side:
    """What gold says of accepting, or of rejecting, under a policy. Shares are in percent; `decided` and `wrong` are mean
    numbers of gold questions; `cautious`: too few were decided to loosen it."""

    accepts: bool
    tolerance: float
    decided: float
    wrong: float
    highest_error: float

    @property
    def cautious(self) -> bool:
        return self.decided < ENOUGH_DECIDED


@dataclass(frozen=True)
class ShownPolicy:
    """`sides` is empty where gold has not been asked about the policy."""

    policy: PolicyInForce
    target: float
    gold: int
    sides: list[Side]

    @property
    def uncalibrated(self) -> float:
        """How often, in percent, a decision may be wrong where gold has not been asked."""
        values = self.policy
        return to_percent(Rule(target_error=values.target_error, vote_cap=values.vote_cap).uncalibrated)


def show_model(request: MemberRequest) -> HttpResponse:
    snapshot = estimations.find_newest_snapshot()
    if snapshot is None:
        return render(request, "annotation/model.html", {"snapshot": None})
    estimation = estimations.find_newest_estimation()
    running = estimation is not None and estimation.status == Estimation.Status.RUNNING
    parameters = read_parameters(snapshot)
    context: dict[str, Any] = {
        "snapshot": snapshot,
        "annotators": estimations.count_known_annotators(snapshot),
        "states": describe_states(parameters),
        "discount": to_percent(parameters.discount),
        "policies": [_describe_policy(each, snapshot.rules) for each in estimations.list_policies_in_force()],
        "enough": ENOUGH_DECIDED,
        "estimation": estimation,
        "reason": REASONS.get(estimation.reason, estimation.reason) if estimation else "",
        "running": running,
        "asked": estimations.count_asked_shards(estimation) if estimation and running else 0,
        "history": estimations.list_newest_snapshots(count=SNAPSHOTS_SHOWN),
    }
    return render(request, "annotation/model.html", context)


@answer_refusals(back="annotation:model")
def start_estimation(request: MemberRequest) -> HttpResponse:
    shards = actions.choose_shards(most=settings.ESTIMATION_SHARDS)
    actions.begin_estimation(shards=shards, by=request.user, at=now())
    wake_estimators(shards)
    messages.success(request, _("The estimation has begun. Votes are taken meanwhile as always."))
    return redirect_after_post("annotation:model")


def _describe_policy(policy: PolicyInForce, rules: Sequence[Mapping[str, Any]]) -> ShownPolicy:
    key = (policy.target_error, policy.vote_cap)
    found = next((entry for entry in rules if (entry["target_error"], entry["vote_cap"]) == key), None)
    target = to_percent(policy.target_error)
    if found is None:
        return ShownPolicy(policy, target, 0, [])
    sides = [_describe_side(found[name], accepts=name == "accept") for name in ("accept", "reject")]
    return ShownPolicy(policy, target, found["gold"], sides)


def _describe_side(side: Mapping[str, Any], *, accepts: bool) -> Side:
    return Side(
        accepts=accepts,
        tolerance=to_percent(side["tolerance"]),
        decided=side["decided"],
        wrong=side["wrong"],
        highest_error=to_percent(side["highest_error"]),
    )
