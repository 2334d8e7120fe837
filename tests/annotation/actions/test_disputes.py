"""Curators settle: once, on fresh evidence, and never what they voted on."""

from threading import Barrier

import pytest
from django.utils.timezone import now

from annotation.actions import campaigns, disputes, votes
from annotation.models import Dispute, Question
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted
from hierarchy.models import Label
from tests import builders
from tests.annotation.actions.test_batches import run_together


@pytest.fixture
def curator(db):
    return builders.make_user("carol", "curator")


def settle(dispute, by, *, verdict="ACCEPTED", reason="clearly visible", version=None):
    return disputes.settle_dispute(
        dispute_id=dispute.pk,
        verdict=verdict,
        reason=reason,
        version=dispute.version if version is None else version,
        by=by,
        at=now(),
    )


@pytest.mark.parametrize(("verdict", "probability"), [("ACCEPTED", 1.0), ("REJECTED", 0.0)])
def test_a_decision_closes_the_dispute_decides_the_question_and_labels(curator, verdict, probability):
    question = builders.make_dispute()
    dispute = settle(question.disputes.get(), curator, verdict=verdict, reason=" clearly visible ")
    question.refresh_from_db()
    label = Label.objects.get()

    assert (dispute.settled_by, dispute.verdict, dispute.explanation) == (curator, verdict, "clearly visible")
    assert (question.state, question.decided_at) == (verdict, dispute.settled_at)
    assert (label.verdict, label.probability, label.votes, label.source) == (verdict, probability, 2, "CURATOR")
    assert label.source_ref == f"campaign:{question.campaign.name} dispute:{dispute.pk}"


def test_a_settled_dispute_is_not_settled_again(curator):
    dispute = builders.make_dispute().disputes.get()
    settle(dispute, curator)

    with pytest.raises(Conflict, match="settled already"):
        settle(dispute, curator, verdict="REJECTED")
    assert Label.objects.get().verdict == "ACCEPTED"


@pytest.mark.parametrize("version", [0, 2])
def test_another_version_than_the_one_read_is_refused(curator, version):
    with pytest.raises(Conflict, match="version 1 now"):
        settle(builders.make_dispute().disputes.get(), curator, version=version)


@pytest.mark.parametrize("estimated", [False, True])
def test_votes_that_came_since_it_was_read_are_not_passed_over(curator, estimated):
    question = builders.make_question(vote_cap=2, gold_rate=0)
    Question.objects.update(votes_wanted=2)
    pages = [builders.lease(user) for user in builders.make_crowd(2)]
    Question.objects.update(votes_wanted=3)
    builders.submit(pages[0], "YES")
    builders.submit(pages[1], "NO")
    builders.estimate_all()
    dispute = question.disputes.get()
    votes.undo_batch(annotator_id=pages[1].annotator_id, batch_id=pages[1].pk)
    if estimated:
        builders.estimate_all()

    with pytest.raises(Conflict, match="Votes have come"):
        settle(dispute, curator)
    builders.estimate_all()
    dispute.refresh_from_db()
    assert settle(dispute, curator).version == 2


@pytest.mark.parametrize("withdrawn", [False, True])
def test_nobody_settles_what_they_voted_on(curator, withdrawn):
    question = builders.make_question(vote_cap=2, gold_rate=0)
    page = builders.vote(curator, "YES")
    if withdrawn:
        votes.undo_batch(annotator_id=page.annotator_id, batch_id=page.pk)
    builders.make_votes(question.campaign, ["NO", "YES"] if withdrawn else ["NO"])
    dispute = question.disputes.get()

    with pytest.raises(NotPermitted, match="You voted"):
        settle(dispute, curator)
    assert settle(dispute, builders.make_user("dan", "curator"))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"verdict": "OPEN"}, "verdict"),
        ({"verdict": ""}, "verdict"),
        ({"reason": " \n"}, "reason"),
        ({"reason": "r" * 2001}, "reason"),
    ],
)
def test_a_bad_decision_names_its_field(curator, given, problem):
    dispute = builders.make_dispute().disputes.get()

    with pytest.raises(InvalidInput) as refusal:
        settle(dispute, curator, **given)
    assert list(refusal.value.fields) == [problem]


def test_an_unknown_dispute_is_not_found(curator):
    with pytest.raises(NotFound):
        settle(Dispute(pk=1), curator)


def test_settling_a_closed_campaign_does_not_overrule_a_later_one(curator):
    question = builders.make_dispute()
    campaigns.close_campaign(name=question.campaign.name, by=curator, at=now())
    later = builders.make_open_campaign([question.synset], by=curator, gold_rate=0)
    builders.make_votes(later, ["NO", "NO", "NO"])
    settle(question.disputes.get(), curator, verdict="ACCEPTED")
    question.refresh_from_db()

    assert question.state == "ACCEPTED"
    assert Label.objects.current().get().source_ref.startswith(f"campaign:{later.name} ")


def test_a_later_campaign_that_has_not_decided_leaves_the_label_to_the_earlier(curator):
    question = builders.make_dispute()
    campaigns.close_campaign(name=question.campaign.name, by=curator, at=now())
    later = builders.make_open_campaign([question.synset], by=curator, gold_rate=0)
    settle(question.disputes.get(), curator, verdict="ACCEPTED")
    assert Label.objects.current().get().source == "CURATOR"

    builders.make_votes(later, ["NO", "NO", "NO"])

    assert Label.objects.current().get().source_ref.startswith(f"campaign:{later.name} ")


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_curators_at_once_one_decides():
    dispute = builders.make_dispute().disputes.get()
    curators = builders.make_crowd(2)
    together = Barrier(2, timeout=10)

    def work(number):
        together.wait()
        try:
            return settle(dispute, curators[number], verdict=("ACCEPTED", "REJECTED")[number]).verdict
        except Conflict:
            return None

    verdicts = run_together(work, range(2))

    assert sorted(verdict is None for verdict in verdicts) == [False, True]
    assert Label.objects.get().verdict == next(verdict for verdict in verdicts if verdict)
