"""A snapshot in force, and all that follows from it."""

import numpy as np
import pytest
from django.db import transaction
from django.utils.timezone import now

from annotation.actions import bars, estimates, snapshots
from annotation.actions.unseen import find_unseen
from annotation.consensus.calibrate import Calibration, Side
from annotation.consensus.decide import Rule
from annotation.consensus.workers import judge_workers
from annotation.models import Annotator, Bar, Dispute, Estimate, Question, Skill, Snapshot
from annotation.queries.campaigns import find_policy
from annotation.queries.snapshots import find_rule
from hierarchy.models import Label
from tests import builders
from tests.annotation.actions.test_batches import make_campaign, run_together
from tests.annotation.slow import slow_log_odds

pytestmark = pytest.mark.django_db
YES, NO = 2, 0
# Expected votes by state and answer: sees well, says the contrary, says yes to everything.
GOOD, CONTRARY, ALL_YES = ([[90, 5, 5], [5, 5, 90]], [[5, 5, 90], [90, 5, 5]], [[1, 1, 98], [1, 1, 98]])


@pytest.fixture
def curator():
    return builders.make_user("carol", "curator")


def find_ids(users):
    return [builders.find_annotator(user).pk for user in users]


def log_table(counts):
    """The annotator's table under builders.CLEAR."""
    table = np.array(counts) + builders.CLEAR.strengths[:, np.newaxis] * builders.CLEAR.responses
    return table / table.sum(axis=1, keepdims=True)


def test_a_snapshot_holds_what_was_learned_and_its_rules(curator):
    campaign = make_campaign(1, by=curator)
    side = Side(tolerance=0.12, decided=40.0, wrong=2.0, highest_error=0.14)
    chosen = Calibration(gold=60, accept=side, reject=side, votes=3.2, undecided=0.1)
    skills = judge_workers(
        counts=np.zeros((0, 2, 3)), parameters=builders.CLEAR, gold_answers=np.zeros((0, 2, 3), dtype=np.int64)
    )
    published = snapshots.publish_snapshot(
        parameters=builders.CLEAR,
        rules={Rule(target_error=0.05, vote_cap=10): chosen},
        annotator_ids=[],
        skills=skills,
        votes=100,
        questions=30,
        gold=9,
        rounds=12,
        log_likelihood=-77.5,
        report={"losses": {"2": 0.3}},
        by=curator,
        at=now(),
    )

    snapshot = Snapshot.objects.get(pk=published.pk)
    assert (snapshot.votes, snapshot.questions, snapshot.gold, snapshot.rounds) == (100, 30, 9, 12)
    assert (snapshot.log_likelihood, snapshot.report, snapshot.published_by) == (-77.5, {"losses": {"2": 0.3}}, curator)
    assert snapshot.rules[0]["accept"] == {"tolerance": 0.12, "decided": 40.0, "wrong": 2.0, "highest_error": 0.14}
    assert find_rule(find_policy(campaign), snapshot) == chosen.apply(Rule(target_error=0.05, vote_cap=10))


def test_a_policy_that_gold_said_nothing_of_gets_the_cautious_rule(curator):
    campaign = make_campaign(1, by=curator, target_error=0.02, vote_cap=7)

    assert find_rule(find_policy(campaign), Snapshot.objects.get()) == Rule(target_error=0.02, vote_cap=7)


def test_skills_are_kept_row_by_row():
    ids = find_ids(builders.make_crowd(2))
    snapshot = builders.make_snapshot(counts={ids[0]: GOOD, ids[1]: ALL_YES})

    good, all_yes = Skill.objects.filter(snapshot=snapshot).order_by("annotator_id")
    assert (good.annotator_id, good.counts, good.votes) == (ids[0], [90, 5, 5, 5, 5, 90], 200)
    assert good.sensitivity_low < good.sensitivity < good.sensitivity_high
    assert good.bits > all_yes.bits
    assert all_yes.specificity < 0.2 < 0.9 < all_yes.sensitivity


def test_a_vote_weighs_what_its_annotator_is_worth(curator):
    users = builders.make_crowd(3)
    known, contrary, _ = find_ids(users)
    builders.make_snapshot(counts={known: GOOD, contrary: CONTRARY})
    campaign = make_campaign(1, by=curator, gold_rate=0)
    for page in [builders.lease(user, campaign) for user in users]:
        builders.submit(page, "YES")
    builders.estimate_all()

    tables = [log_table(GOOD), log_table(CONTRARY), builders.CLEAR.responses]
    expected = slow_log_odds([YES] * 3, builders.CLEAR, tables=tables)
    assert Estimate.objects.get().log_odds == pytest.approx(expected, abs=1e-7)


def test_a_prior_counts_as_evidence(curator):
    campaign = make_campaign(2, by=curator, gold_rate=0)
    scored, plain = campaign.questions.order_by("pk")
    type(scored.candidate).objects.filter(pk=scored.candidate_id).update(prior=0.9)
    builders.vote(curator, "UNSURE", campaign=campaign)
    builders.estimate_all()

    for question, prior in ((scored, 0.9), (plain, None)):
        expected = slow_log_odds([1], builders.CLEAR, prior=prior)
        assert Estimate.objects.get(question=question).log_odds == pytest.approx(expected, abs=1e-7)


# What follows


def make_mixed(curator):
    """Questions: finished, undecided, gold with votes, never seen."""
    campaign = make_campaign(4, by=curator, gold_rate=0)
    finished, undecided, gold, unseen = campaign.questions.order_by("pk")
    pages = [builders.lease(user, campaign) for user in builders.make_crowd(3)]
    builders.submit(pages[0], "NO")
    builders.estimate_all()
    Estimate.objects.filter(question=unseen).delete()
    Question.objects.filter(pk=finished.pk).update(state="REJECTED", decided_at=now())
    builders.make_gold(gold)
    return campaign, finished, undecided, gold, unseen


def test_open_questions_that_have_an_estimate_are_scored_again_first(curator):
    _, _, undecided, _, _ = make_mixed(curator)
    snapshot = builders.make_snapshot()
    estimates.estimate_due(at=now())

    assert [estimate.question for estimate in Estimate.objects.filter(snapshot=snapshot)] == [undecided]


def test_what_nobody_has_seen_asks_for_what_the_new_model_wants(curator):
    *_, unseen = make_mixed(curator)
    Question.objects.update(votes_wanted=9, priority=0)
    snapshot = builders.make_snapshot()
    builders.estimate_all()

    expected = find_unseen(snapshot, find_policy(unseen.campaign))
    unseen.refresh_from_db()
    assert (unseen.votes_wanted, unseen.priority) == (expected.wanted, expected.priority)
    assert expected.wanted < 9


def test_every_estimate_is_made_again_and_then_nothing_is_left(curator):
    _, _, _, gold, unseen = make_mixed(curator)
    snapshot = builders.make_snapshot()
    builders.estimate_all()

    assert set(Estimate.objects.exclude(question=gold).values_list("snapshot", flat=True)) == {snapshot.pk}
    assert not Estimate.objects.filter(question=unseen).exists()
    assert estimates.estimate_due(at=now()) == 0


def test_fresh_votes_come_before_what_is_scored_again(curator):
    campaign = make_campaign(3, by=curator, gold_rate=0, page_size=1)
    pages = [builders.lease(user, campaign) for user in builders.make_crowd(2)]
    builders.submit(pages[0], "UNSURE")
    builders.estimate_all()
    builders.make_snapshot()
    builders.submit(pages[1], "UNSURE")
    fresh = campaign.questions.get(votes__batch=pages[1])
    estimates.estimate_due(at=now(), limit=1)

    assert not Question.objects.due().filter(pk=fresh.pk).exists()


def test_a_campaign_may_be_scored_again_alone(curator):
    first, second = make_campaign(1, by=curator), make_campaign(1, number=1930, by=curator)
    for campaign in (first, second):
        builders.make_votes(campaign, ["YES"])
    snapshot = builders.make_snapshot()
    while estimates.estimate_due(at=now(), campaign_id=second.pk):
        pass

    assert Estimate.objects.get(snapshot=snapshot).question.campaign == second


def turn_votes_round(campaign):
    """A snapshot under which those who voted say the contrary of what they see."""
    voters = campaign.questions.get().votes.values_list("annotator_id", flat=True)
    return builders.make_snapshot(counts=dict.fromkeys(voters, CONTRARY))


def test_a_label_that_a_new_snapshot_speaks_against_stays_and_goes_to_a_curator(curator):
    campaign = make_campaign(1, by=curator, gold_rate=0)
    builders.make_votes(campaign, ["YES"] * 3)
    snapshot = turn_votes_round(campaign)
    builders.estimate_all()

    assert Estimate.objects.get().probability < 0.5
    assert Label.objects.get().verdict == campaign.questions.get().state == "ACCEPTED"
    assert [(dispute.reason, dispute.snapshot) for dispute in Dispute.objects.all()] == [("FLIP", snapshot)]


def test_a_label_that_a_new_snapshot_agrees_with_stays_as_it_is(curator):
    campaign = make_campaign(1, by=curator, gold_rate=0)
    builders.make_votes(campaign, ["YES"] * 3)
    before = Label.objects.values().get(), Question.objects.values().get()
    builders.make_snapshot()
    builders.estimate_all()

    assert (Label.objects.values().get(), Question.objects.values().get()) == before
    assert not Dispute.objects.exists()


def test_the_same_votes_under_another_snapshot_leave_a_curators_screen_valid(curator):
    question = builders.make_dispute()
    version = question.disputes.get().version
    builders.make_snapshot()
    builders.estimate_all()

    assert question.disputes.get().version == version
    assert Estimate.objects.get().snapshot == Snapshot.objects.latest("pk")


def test_an_open_question_is_decided_by_a_snapshot_that_knows_its_voters(curator):
    users = builders.make_crowd(2)
    campaign = make_campaign(1, by=curator, gold_rate=0)
    for page in [builders.lease(user, campaign) for user in users]:
        builders.submit(page, "YES")
    builders.estimate_all()
    assert campaign.questions.get().state == "OPEN"
    sees_all = [[1e5, 1, 1], [1, 1, 1e5]]
    builders.make_snapshot(counts=dict.fromkeys(find_ids(users), sees_all))
    builders.estimate_all()

    assert campaign.questions.get().state == "ACCEPTED"


# Spam


def test_a_publication_bars_spam(curator):
    spammer, honest = find_ids(builders.make_crowd(2))
    answers = np.array([[[0, 0, 20], [0, 0, 20]], [[20, 0, 0], [0, 0, 20]]])
    builders.make_snapshot(counts={spammer: ALL_YES, honest: GOOD}, gold_answers=answers)

    barred = Annotator.objects.get(barred_at__isnull=False)
    assert barred.pk == spammer
    assert barred.bars.values_list("code", "reason", "by_engine").get() == ("GUESSES", snapshots.SPAM_REASON, True)
    assert Skill.objects.get(spam=True).annotator_id == spammer


def test_a_bar_that_stands_is_not_given_anew(curator):
    (spammer,) = find_ids(builders.make_crowd(1))
    bars.bar_annotator(annotator_id=spammer, reason="rude", by=curator, at=now())
    builders.make_snapshot(counts={spammer: ALL_YES}, gold_answers=np.array([[[0, 0, 20], [0, 0, 20]]]))

    assert Bar.objects.get().reason == "rude"


# At once


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_publication_waits_for_nobody_and_finds_later_what_was_held():
    user = builders.make_crowd(1)[0]
    campaign = make_campaign(2, by=user, gold_rate=0)
    builders.make_votes(campaign, ["UNSURE"])
    with transaction.atomic():
        held = Question.objects.select_for_update(no_key=True).order_by("pk").first()
        (snapshot,) = run_together(lambda _: builders.make_snapshot(), [None])
        assert run_together(lambda at: estimates.estimate_due(at=at), [now()]) == [1]
    assert Estimate.objects.get(snapshot=snapshot).question != held
    builders.estimate_all()

    assert Estimate.objects.filter(snapshot=snapshot).count() == 2
