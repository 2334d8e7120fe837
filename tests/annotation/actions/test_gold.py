"""Questions whose truth is known."""

import pytest
from django.utils.timezone import now

from annotation.actions import gold, votes
from annotation.models import Batch, Gold, Question
from annotation.queries.integrity import CHECKS, find_broken
from hierarchy.actions.labels import Verdict, record_labels
from hierarchy.errors import Conflict, InvalidInput, NotFound
from tests import builders
from tests.annotation.actions.test_batches import make_campaign


@pytest.fixture
def questions(db):
    by = builders.make_user("carol", "curator")
    return list(make_campaign(3, by=by, gold_rate=0.5).questions.order_by("pk"))


def record(truths):
    return gold.record_gold(truths=truths, source="IMPORT", by=None, at=now())


def test_recording_twice_is_recording_once(questions):
    truths = {questions[0].pk: "YES", questions[1].pk: "NO"}

    assert [record(truths), record(truths)] == [2, 0]
    assert dict(Gold.objects.filter(active=True).values_list("question_id", "truth")) == truths


def test_gold_with_votes_is_not_due_any_more(questions):
    builders.vote(builders.make_crowd(1)[0])
    record({questions[0].pk: "YES"})
    builders.estimate_all()
    questions[0].refresh_from_db()

    assert questions[0].state == "OPEN"


def test_the_other_truth_is_refused(questions):
    record({questions[0].pk: "YES"})

    with pytest.raises(Conflict, match="other truth"):
        record({questions[0].pk: "NO", questions[1].pk: "NO"})
    assert Gold.objects.count() == 1


@pytest.mark.parametrize("truth", ["UNSURE", "yes", ""])
def test_an_unknown_truth_is_refused(questions, truth):
    with pytest.raises(InvalidInput, match="truth"):
        record({questions[0].pk: truth})


def test_an_unknown_question_is_not_found(questions):
    with pytest.raises(NotFound):
        record({questions[0].pk: "YES", 10**9: "YES"})
    assert not Gold.objects.exists()


@pytest.mark.parametrize("state", ["ACCEPTED", "REJECTED", "DISPUTED"])
def test_a_question_that_is_not_open_does_not_become_gold(questions, state):
    decided_at = None if state == "DISPUTED" else now()
    Question.objects.filter(pk=questions[0].pk).update(state=state, decided_at=decided_at)

    with pytest.raises(Conflict, match="not open"):
        record({questions[0].pk: "YES"})


def test_a_labelled_candidate_does_not_become_gold(questions):
    verdict = Verdict(questions[0].candidate_id, "ACCEPTED", 0.99, 3)
    record_labels(verdicts=[verdict], source="CONSENSUS", source_ref="elsewhere", by=None, at=now())

    with pytest.raises(Conflict, match="never become gold"):
        record({questions[0].pk: "YES"})


# Gold no longer


@pytest.fixture
def leaked(questions):
    """Gold with three votes in time, one that was withdrawn, and a page that is out."""
    record({questions[0].pk: "YES"})
    campaign = questions[0].campaign
    Question.objects.update(votes_wanted=20)
    people = builders.make_crowd(5)
    for user in people[:4]:
        builders.vote(user, "YES", campaign=campaign)
    last = Batch.objects.filter(annotator__user=people[3]).get()
    votes.undo_batch(annotator_id=last.annotator_id, batch_id=last.pk)
    builders.lease(people[4], campaign)
    return questions[0]


def retire(question):
    return gold.retire_gold(question_ids=[question.pk], by=None, at=now())


def test_retired_gold_counts_its_votes_and_the_pages_that_are_out(leaked):
    assert leaked.votes.count() == 4

    assert [retire(leaked), retire(leaked)] == [1, 0]
    leaked.refresh_from_db()

    assert (leaked.is_gold, leaked.votes_in_time, len(leaked.held_until)) == (False, 3, 1)
    assert {finding.name for finding in map(find_broken, CHECKS) if finding.count} == set()


def test_retired_gold_is_decided_as_any_question(leaked):
    retire(leaked)
    builders.estimate_all()
    leaked.refresh_from_db()

    assert leaked.state == "ACCEPTED"
    assert leaked.estimate.votes == 3


def test_a_page_that_was_out_with_gold_is_counted_when_it_is_sent(leaked):
    out = Batch.objects.get(closed_at=None)
    retire(leaked)
    builders.submit(out, "YES")
    leaked.refresh_from_db()

    assert (leaked.votes_in_time, leaked.held_until) == (4, [])
