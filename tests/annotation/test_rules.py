"""What may be done, and in which state."""

import math
from typing import Any

import pytest
from django.utils.timezone import now

from annotation.actions.bars import bar_annotator
from annotation.consensus.decide import Rule
from annotation.models import Campaign
from annotation.rules import TRANSITIONS, Barred, PolicyValues, check_not_barred, next_state, steps_of
from hierarchy.errors import Conflict, InvalidInput
from tests.builders import find_annotator, make_user


def make_policy(name, value):
    values: dict[str, Any] = {name: value}
    return PolicyValues(**values)


def test_every_state_has_its_steps_and_leads_to_a_known_state():
    assert set(TRANSITIONS) == set(Campaign.State.values)
    assert {state for steps in TRANSITIONS.values() for state in steps.values()} <= set(Campaign.State.values)


@pytest.mark.parametrize("state", Campaign.State.values)
@pytest.mark.parametrize("step", ["open", "pause", "resume", "close", "delete"])
def test_a_step_is_offered_just_where_it_is_allowed(state, step):
    campaign = Campaign(name="animals", state=state)

    if step in steps_of(campaign):
        assert next_state(campaign, step) == TRANSITIONS[state][step]
    else:
        with pytest.raises(Conflict, match=f"it cannot {step}"):
            next_state(campaign, step)


@pytest.mark.parametrize("state", Campaign.State.values)
def test_nothing_leads_out_of_closed(state):
    assert (steps_of(Campaign(state=state)) == []) == (state == "CLOSED")


@pytest.mark.parametrize(
    ("name", "low", "high", "step"),
    [
        ("target_error", 0.001, 0.4, 0.001),
        ("vote_cap", 2, 100, 1),
        ("page_size", 1, 100, 1),
        ("gold_rate", 0, 0.5, 0.001),
        ("gold_exposures", 1, 1_000_000, 1),
        ("lease_seconds", 1, 86_400, 1),
        ("undo_seconds", 0, 3600, 1),
    ],
)
def test_a_policy_keeps_to_its_ranges(name, low, high, step):
    for value in (low, high):
        assert getattr(make_policy(name, value), name) == value
    for value in (low - step, high + step, math.nan, math.inf):
        with pytest.raises(InvalidInput, match=f"^{name}: must be between"):
            make_policy(name, value)


def test_a_bad_policy_names_every_bad_field():
    with pytest.raises(InvalidInput) as refusal:
        PolicyValues(vote_cap=1, page_size=0, gold_rate=0.6)

    assert list(refusal.value.fields) == ["vote_cap", "page_size", "gold_rate"]


@pytest.mark.parametrize("target_error", [0.001, 0.4])
@pytest.mark.parametrize("vote_cap", [2, 100])
def test_the_consensus_engine_takes_every_policy(target_error, vote_cap):
    policy = PolicyValues(target_error=target_error, vote_cap=vote_cap)

    assert Rule(target_error=policy.target_error, vote_cap=policy.vote_cap).vote_cap == vote_cap


@pytest.mark.django_db
def test_a_bar_is_told_with_its_reason():
    annotator = find_annotator(make_user("ann"))
    check_not_barred(annotator)

    barred = bar_annotator(annotator_id=annotator.pk, reason="all yes", by=None, at=now())

    with pytest.raises(Barred, match="all yes"):
        check_not_barred(barred)
