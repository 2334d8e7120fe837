"""Estimates and decisions: the same in one go or vote by vote, and whole or not at all."""

import math

import pytest
from django.db import transaction
from django.utils.timezone import now
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st

from annotation.actions import campaigns, estimates, votes
from annotation.actions.votes import GivenVote
from annotation.consensus.decide import Decision
from annotation.consensus.model import Answer
from annotation.models import BatchItem, Dispute, Estimate, Question, Snapshot, Vote
from annotation.queries.campaigns import find_policy
from annotation.queries.snapshots import find_rule
from annotation.rules import PolicyValues
from hierarchy.actions.labels import Verdict, record_labels
from hierarchy.models import Label
from tests import builders
from tests.annotation.actions.test_batches import make_campaign, run_together
from tests.annotation.slow import slow_decision, slow_log_odds
from tests.hierarchy.rows import COLLECTED_AT

PAGES = 6
STATE_AFTER = {
    Decision.ACCEPT: "ACCEPTED",
    Decision.REJECT: "REJECTED",
    Decision.ASK: "OPEN",
    Decision.DISPUTE: "DISPUTED",
}
pages = st.lists(
    st.tuples(st.lists(st.sampled_from(["YES", "NO", "UNSURE"]), min_size=3, max_size=3), st.booleans(), st.booleans()),
    max_size=PAGES,
)


@pytest.fixture
def curator(db):
    return builders.make_user("carol", "curator")


def make_pages(count, *, questions=1, by, **policy):
    """Pages of the same questions, leased to as many annotators before anything is decided."""
    campaign = make_campaign(questions, by=by, gold_rate=0, **policy)
    Question.objects.update(votes_wanted=100)
    return campaign, [builders.lease(user, campaign) for user in builders.make_crowd(count)]


def answer(page, by_question):
    asked = BatchItem.objects.filter(batch=page).values_list("question_id", "position")
    given = [GivenVote(position=position, answer=by_question[question]) for question, position in asked]
    votes.submit_batch(annotator_id=page.annotator_id, batch_id=page.pk, votes=given, key=str(page.pk))


def list_outcomes():
    labels = dict(Label.objects.current().values_list("candidate_id", "verdict"))
    return [(question.state, labels.get(question.candidate_id)) for question in Question.objects.order_by("pk")]


def slow_first_decision(given, rule):
    """The decision after each vote, until one is not ASK; and how many votes that took."""
    for taken in range(1, len(given) + 1):
        decision = slow_decision(given[:taken], builders.CLEAR, rule)
        if decision != Decision.ASK:
            return decision, taken
    return Decision.ASK, len(given)


def check_against_twin(campaign):
    """Each question and label as if somebody had looked after every vote."""
    rule = find_rule(find_policy(campaign), Snapshot.objects.get())
    for question in campaign.questions.all():
        given = [Answer[name] for name in question.votes.order_by("pk").values_list("answer", flat=True)]
        decision, taken = slow_first_decision(given, rule)
        assert question.state == STATE_AFTER[decision]
        labels = list(Label.objects.filter(candidate=question.candidate).values_list("verdict", "votes", "probability"))
        if decision in (Decision.ACCEPT, Decision.REJECT):
            log_odds = slow_log_odds(given[:taken], builders.CLEAR)
            assert [label[:2] for label in labels] == [(question.state, taken)]
            assert labels[0][2] == pytest.approx(1 / (1 + math.exp(-log_odds)))
        else:
            assert labels == []
        assert question.disputes.filter(reason="VOTES_SPENT").count() == (decision == Decision.DISPUTE)


# In whatever order it runs


@given_by(sequence=pages, cap=st.sampled_from([3, 5, 10]))
@settings(max_examples=12, deadline=None, database=None)
@pytest.mark.django_db
def test_states_and_labels_agree_with_a_twin_that_decides_after_every_vote(sequence, cap):
    with transaction.atomic():
        user = builders.make_crowd(1)[0]
        campaign, leased = make_pages(len(sequence), questions=3, by=user, vote_cap=10)
        campaigns.change_policy(name=campaign.name, policy=PolicyValues(vote_cap=cap, gold_rate=0), by=user, at=now())
        ids = list(campaign.questions.order_by("pk").values_list("pk", flat=True))
        for page, (answers, late, run) in zip(leased, sequence, strict=True):
            if late:
                builders.expire(page)
            answer(page, dict(zip(ids, answers, strict=True)))
            if run:
                estimates.estimate_due(at=now(), limit=2)
        builders.estimate_all()

        check_against_twin(campaign)
        transaction.set_rollback(True)


def test_an_estimate_rests_on_all_standing_votes(curator):
    _, leased = make_pages(4, by=curator)
    for page, given in zip(leased, ["YES", "UNSURE", "NO", "YES"], strict=True):
        builders.submit(page, given)
    votes.undo_batch(annotator_id=leased[3].annotator_id, batch_id=leased[3].pk)
    builders.estimate_all()
    estimate = Estimate.objects.get()

    expected = slow_log_odds([Answer.YES, Answer.UNSURE, Answer.NO], builders.CLEAR)
    assert estimate.votes == 3
    assert estimate.log_odds == pytest.approx(expected)


def test_a_second_run_finds_nothing_and_changes_nothing(curator):
    _, leased = make_pages(4, questions=3, by=curator)
    for page in leased:
        builders.submit(page, "YES")
    assert estimates.estimate_due(at=now()) == 3
    labels = list(Label.objects.values())

    assert estimates.estimate_due(at=now()) == 0
    builders.make_due()
    assert estimates.estimate_due(at=now()) == 3
    assert list(Label.objects.values()) == labels


def test_an_undecided_question_asks_for_more_and_is_not_due(curator):
    campaign, leased = make_pages(1, by=curator)
    builders.submit(leased[0], "YES")
    builders.estimate_all()
    question = campaign.questions.get()

    assert question.state == "OPEN"
    assert not Question.objects.due().exists()
    assert 1 < question.votes_wanted <= 10


def test_a_late_vote_counts_as_evidence_but_takes_no_place(curator):
    campaign, leased = make_pages(2, by=curator)
    builders.expire(leased[0])
    builders.submit(leased[0], "UNSURE")
    builders.estimate_all()
    wanted_after_late = campaign.questions.get().votes_wanted
    builders.submit(leased[1], "UNSURE")
    builders.estimate_all()

    assert Estimate.objects.get().votes == 2
    assert wanted_after_late >= 1
    assert campaign.questions.get().votes_wanted > Vote.objects.filter(late=False).count()


def test_chunks_take_what_waited_longest_first(curator):
    campaign, leased = make_pages(1, questions=5, by=curator)
    builders.submit(leased[0], "UNSURE")
    oldest = campaign.questions.order_by("pk")[3]
    builders.make_due(oldest, at=COLLECTED_AT)

    assert estimates.estimate_due(at=now(), limit=1) == 1
    assert Estimate.objects.get().question == oldest
    assert [estimates.estimate_due(at=now(), limit=3) for _ in range(3)] == [3, 1, 0]


def test_an_estimate_of_many_takes_a_fixed_number_of_queries(curator, django_assert_num_queries):
    _, leased = make_pages(4, questions=20, by=curator, page_size=20)
    for page in leased:
        builders.submit(page, "YES")

    # As many for 20 questions as for one.
    with django_assert_num_queries(18):
        estimates.estimate_due(at=now())
    assert Label.objects.count() == 20


# What stays


def test_votes_after_the_decision_change_the_estimate_only(curator):
    _, leased = make_pages(5, by=curator)
    for page, given in zip(leased, ["YES", "YES", "YES", "YES", "NO"], strict=True):
        builders.submit(page, given)
        builders.estimate_all()
    label = Label.objects.get()

    assert (label.verdict, label.votes) == ("ACCEPTED", 3)
    assert Estimate.objects.get().votes == 5
    assert not Dispute.objects.exists()


@pytest.mark.parametrize("one_go", [True, False])
def test_evidence_that_turns_opens_one_dispute_and_keeps_the_label(curator, one_go):
    _, leased = make_pages(16, by=curator, vote_cap=20)
    for page, given in zip(leased, ["YES"] * 3 + ["NO"] * 13, strict=True):
        builders.submit(page, given)
        if not one_go:
            builders.estimate_all()
    builders.estimate_all()

    assert list_outcomes() == [("ACCEPTED", "ACCEPTED")]
    assert [dispute.reason for dispute in Dispute.objects.all()] == ["FLIP"]
    assert Estimate.objects.get().probability < 0.5
    assert Label.objects.get().probability > 0.99


def test_a_decision_whose_votes_were_withdrawn_goes_to_a_curator(curator):
    _, leased = make_pages(3, by=curator)
    for page in leased:
        builders.submit(page, "YES")
    builders.estimate_all()
    for page in leased:
        votes.undo_batch(annotator_id=page.annotator_id, batch_id=page.pk)
    builders.estimate_all()

    assert list_outcomes() == [("ACCEPTED", "ACCEPTED")]
    assert Dispute.objects.get().reason == "FLIP"


def test_what_a_curator_has_settled_is_not_disputed_again(curator):
    campaign, leased = make_pages(6, by=curator)
    for page in leased[:3]:
        builders.submit(page, "YES")
    builders.estimate_all()
    question = campaign.questions.get()
    Dispute.objects.create(
        question=question,
        reason="FLIP",
        opened_at=now(),
        settled_at=now(),
        settled_by=curator,
        verdict="ACCEPTED",
        explanation="clear",
    )
    for page in leased[3:]:
        builders.submit(page, "NO")
    builders.estimate_all()

    assert Dispute.objects.count() == 1
    assert list_outcomes() == [("ACCEPTED", "ACCEPTED")]


def test_new_evidence_makes_the_version_of_an_open_dispute_stale(curator):
    campaign, leased = make_pages(3, by=curator)
    campaigns.change_policy(name=campaign.name, policy=PolicyValues(vote_cap=2, gold_rate=0), by=curator, at=now())
    for page, given in zip(leased, ["YES", "NO", "YES"], strict=False):
        if page == leased[2]:
            builders.expire(page)
        builders.submit(page, given)
        builders.estimate_all()

    assert list(Dispute.objects.values_list("version", "reason")) == [(2, "VOTES_SPENT")]


def test_the_same_moment_twice_does_not_label_twice(curator):
    _, leased = make_pages(4, by=curator)
    at = now()
    for page in leased[:3]:
        builders.submit(page, "YES")
    estimates.estimate_due(at=at)
    builders.submit(leased[3], "NO")
    estimates.estimate_due(at=at)

    assert Label.objects.get().votes == 3


# Gold


@pytest.mark.parametrize("answer_given", ["YES", "NO", "UNSURE"])
def test_gold_is_never_decided_even_when_it_was_made_due(curator, answer_given):
    campaign, leased = make_pages(10, questions=2, by=curator)
    gold, plain = campaign.questions.order_by("pk")
    builders.make_gold(gold)
    for page in leased:
        builders.submit(page, answer_given)
    builders.make_due(gold)
    builders.estimate_all()
    gold.refresh_from_db()
    plain.refresh_from_db()

    assert gold.state == "OPEN"
    assert not Question.objects.due().exists()
    assert plain.state != "OPEN"
    assert not Label.objects.filter(candidate=gold.candidate).exists()


# Whole or not at all


def test_a_run_that_is_killed_in_the_middle_leaves_everything_due(curator):
    campaign, leased = make_pages(3, questions=2, by=curator)
    for page in leased:
        builders.submit(page, "YES")
    # A label from the future is refused by the last step of the run.
    future = now().replace(year=2100)
    verdict = Verdict(campaign.questions.first().candidate_id, "REJECTED", 0.0, 0)
    record_labels(verdicts=[verdict], source="CONSENSUS", source_ref="elsewhere", by=None, at=future)

    with pytest.raises(Exception, match="later than"):
        estimates.estimate_due(at=now())

    assert Question.objects.due().filter(state="OPEN").count() == 2
    assert not Estimate.objects.exists()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_questions_that_another_worker_holds_are_left_to_it():
    user = builders.make_crowd(1)[0]
    _, leased = make_pages(3, questions=3, by=user)
    for page in leased:
        builders.submit(page, "YES")

    with transaction.atomic():
        held = Question.objects.select_for_update(no_key=True).order_by("pk").first()
        assert run_together(lambda at: estimates.estimate_due(at=at), [now()]) == [2]

    assert Question.objects.due().get() == held
    assert estimates.estimate_due(at=now()) == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_overlapping_runs_label_each_question_once():
    user = builders.make_crowd(1)[0]
    _, leased = make_pages(3, questions=12, by=user)
    for page in leased:
        builders.submit(page, "YES")

    counts = run_together(lambda at: estimates.estimate_due(at=at, limit=4), [now()] * 6)
    builders.estimate_all()

    assert sum(counts) <= 12
    assert Label.objects.count() == Label.objects.current().count() == 12
    assert list_outcomes() == [("ACCEPTED", "ACCEPTED")] * 12
