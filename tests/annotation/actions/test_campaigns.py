"""Campaigns from draft to close."""

import pytest
from django.utils.timezone import now

from annotation.actions import campaigns
from annotation.consensus.start import GRADED
from annotation.models import Campaign, CampaignSynset, Estimate, Policy, Question, Snapshot
from annotation.rules import PolicyValues
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditEntry, Candidate, Label
from tests import builders
from tests.annotation.actions.test_batches import make_campaign


@pytest.fixture
def curator(db):
    return builders.make_user("carol", "curator")


def draft(by, *, name="animals", title="Animals", wnids=("n00001740",), **policy):
    return campaigns.draft_campaign(name=name, title=title, wnids=wnids, policy=PolicyValues(**policy), by=by, at=now())


def act(step, name, by):
    return getattr(campaigns, f"{step}_campaign")(name=name, by=by, at=now())


def test_a_draft_holds_its_synsets_in_order_and_its_first_policy(curator):
    for number in (1740, 1930):
        builders.make_synset(number)
    campaign = draft(curator, wnids=["n00001930", "n00001740", "n00001930"], vote_cap=7)

    served = CampaignSynset.objects.order_by("position").values_list("synset_id", "position")
    assert list(served) == [(1930, 1), (1740, 2)]
    assert list(campaign.policies.values_list("version", "vote_cap")) == [(1, 7)]
    assert (campaign.state, campaign.opened_at) == ("DRAFT", None)
    assert not Question.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "two words"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"title": "  "}, "title"),
        ({"title": "t" * 201}, "title"),
        ({"wnids": []}, "synsets"),
        ({"wnids": ["n00001740", "n99999999"]}, "synsets"),
    ],
)
def test_a_bad_draft_names_its_field(curator, given, field):
    builders.make_synset(1740)

    with pytest.raises(InvalidInput) as refusal:
        draft(curator, **given)
    assert list(refusal.value.fields) == [field]
    assert not Campaign.objects.exists()


def test_a_name_is_used_once(curator):
    builders.make_synset(1740)
    draft(curator)

    with pytest.raises(InvalidInput, match="is taken"):
        draft(curator)


def test_opening_asks_every_candidate_and_publishes_the_first_snapshot(curator):
    builders.make_candidates(builders.make_synset(1740), 3)
    draft(curator)
    act("open", "animals", curator)

    [(state, votes_wanted, priority)] = Question.objects.values_list("state", "votes_wanted", "priority").distinct()
    assert state == "OPEN"
    assert 1 <= votes_wanted <= 10
    assert priority > 0
    assert not Question.objects.due().exists()
    assert Snapshot.objects.get().parameters == GRADED.to_json()


def test_what_an_importer_said_of_a_candidate_makes_its_first_estimate_due(curator):
    plain, scored = builders.make_candidates(builders.make_synset(1740), 2)
    Candidate.objects.filter(pk=scored.pk).update(prior=0.9)
    draft(curator)
    act("open", "animals", curator)

    assert Question.objects.due().get().candidate == scored
    builders.estimate_all()
    assert Estimate.objects.get(question__candidate=scored).probability > 0.5
    assert not Estimate.objects.filter(question__candidate=plain).exists()


@pytest.mark.parametrize("safety", ["SENSITIVE", "OFFENSIVE"])
@pytest.mark.parametrize("step", ["open", "resume"])
def test_an_unsafe_synset_keeps_a_campaign_shut(curator, safety, step):
    campaign = make_campaign(by=curator) if step == "resume" else None
    if campaign is None:
        builders.make_candidates(builders.make_synset(1740), 1)
        campaign = draft(curator)
    else:
        act("pause", campaign.name, curator)
    campaign.synsets.update(safety=safety)

    with pytest.raises(Conflict, match="unsafe: n00001740"):
        act("open", campaign.name, curator)
    campaign.refresh_from_db()
    assert campaign.state == ("PAUSED" if step == "resume" else "DRAFT")


def test_a_candidate_is_asked_in_one_unfinished_campaign_at_a_time(curator):
    first = make_campaign(2, by=curator)
    draft(curator, name="second")

    with pytest.raises(Conflict, match="nothing to ask"):
        act("open", "second", curator)
    act("close", first.name, curator)
    second = act("open", "second", curator)

    assert second.questions.count() == 2
    assert first.questions.filter(closed_at__isnull=False).count() == 2


def test_a_finished_question_may_be_asked_again_by_another_campaign(curator):
    first = make_campaign(2, by=curator, gold_rate=0, page_size=2)
    builders.make_votes(first, ["NO", "NO", "NO"])
    finished = first.questions.exclude(state="OPEN").count()
    draft(curator, name="second")

    assert act("open", "second", curator).questions.count() == finished >= 1


def test_resuming_adds_the_candidates_that_have_come_since(curator):
    campaign = make_campaign(2, by=curator)
    act("pause", campaign.name, curator)
    builders.make_candidates(campaign.synsets.get(), 3)
    opened_at = campaign.opened_at

    resumed = act("open", campaign.name, curator)

    assert (resumed.state, resumed.opened_at, resumed.questions.count()) == ("OPEN", opened_at, 5)


def test_closing_leaves_finished_questions_and_labels_as_they_are(curator):
    campaign = make_campaign(1, by=curator)
    builders.make_votes(campaign, ["NO", "NO", "NO"][: campaign.questions.get().votes_wanted])
    act("close", campaign.name, curator)
    question = campaign.questions.get()

    assert (question.state, question.closed_at) == ("REJECTED", None)
    assert Label.objects.current().count() == 1


def test_votes_on_a_closed_campaign_are_kept_and_decide_nothing(curator):
    campaign = make_campaign(1, by=curator)
    Question.objects.update(votes_wanted=10)
    pages = [builders.lease(user, campaign) for user in builders.make_crowd(4)]
    act("close", campaign.name, curator)
    for page in pages:
        builders.submit(page, "YES")
    builders.estimate_all()
    question = campaign.questions.get()

    assert (question.state, question.estimate.votes) == ("OPEN", 4)
    assert not Question.objects.due().exists()
    assert not Label.objects.exists()


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ([], "pause"),
        (["open"], "open"),
        (["open", "pause"], "pause"),
        (["close"], "open"),
        (["open", "close"], "open"),
        (["open", "close"], "pause"),
        (["open", "close"], "close"),
    ],
)
def test_a_step_that_the_state_does_not_allow_is_refused(curator, before, step):
    builders.make_candidates(builders.make_synset(1740), 1)
    draft(curator)
    for earlier in before:
        act(earlier, "animals", curator)

    with pytest.raises(Conflict, match="it cannot"):
        act(step, "animals", curator)


@pytest.mark.parametrize("step", ["open", "pause", "close"])
def test_an_unknown_campaign_is_not_found(curator, step):
    with pytest.raises(NotFound, match="absent"):
        act(step, "absent", curator)


def change_policy(campaign, by, **policy):
    return campaigns.change_policy(name=campaign.name, policy=PolicyValues(**policy), by=by, at=now())


def test_a_policy_change_decides_open_questions_again_and_no_others(curator):
    campaign = make_campaign(2, by=curator, gold_rate=0, target_error=0.01)
    builders.make_votes(campaign, ["NO"])
    finished, opened = campaign.questions.order_by("pk")
    Question.objects.filter(pk=finished.pk).update(state="ACCEPTED", decided_at=now())

    assert change_policy(campaign, curator, target_error=0.4, gold_rate=0).version == 2
    assert list(campaign.questions.due()) == [opened]
    builders.estimate_all()
    finished.refresh_from_db()
    assert finished.state == "ACCEPTED"


def test_a_looser_policy_decides_what_was_open_under_the_stricter(curator):
    campaign = make_campaign(1, by=curator, gold_rate=0, target_error=0.003)
    builders.make_votes(campaign, ["NO"] * 3)
    assert campaign.questions.get().state == "OPEN"

    change_policy(campaign, curator, gold_rate=0, target_error=0.4)
    builders.estimate_all()

    assert campaign.questions.get().state == "REJECTED"


def test_a_policy_change_asks_what_nobody_has_seen_as_often_as_it_takes(curator):
    campaign = make_campaign(2, by=curator)
    change_policy(campaign, curator, vote_cap=2)

    assert list(campaign.questions.values_list("votes_wanted", flat=True)) == [2] * 2
    assert not campaign.questions.due().exists()


def test_a_policy_change_never_makes_gold_due(curator):
    campaign = make_campaign(4, by=curator, gold_rate=0)
    builders.make_votes(campaign, ["NO"])
    builders.make_gold(campaign.questions.last())
    change_policy(campaign, curator, vote_cap=5)

    assert campaign.questions.due().count() == 3
    assert not campaign.questions.due().filter(gold__active=True).exists()


def test_a_closed_campaign_keeps_its_policy(curator):
    campaign = make_campaign(by=curator)
    act("close", campaign.name, curator)

    with pytest.raises(Conflict, match="its policy stands"):
        change_policy(campaign, curator)
    assert Policy.objects.count() == 1


def test_a_layout_is_changed_in_any_state_and_told_to_the_audit_log(curator):
    campaign = make_campaign(by=curator)
    act("close", campaign.name, curator)

    campaigns.change_layout(name=campaign.name, layout="CARDS", by=curator, at=now())

    campaign.refresh_from_db()
    assert campaign.layout == "CARDS"
    entry = AuditEntry.objects.latest("number")
    assert (entry.subject, entry.detail) == (f"campaign:{campaign.name}", {"layout": "CARDS"})


def test_an_unknown_layout_is_named(curator):
    with pytest.raises(InvalidInput) as refusal:
        campaigns.change_layout(name="animals", layout="HEAP", by=curator, at=now())

    assert refusal.value.fields == {"layout": "must be one of GRID, CARDS, CHOICE"}
