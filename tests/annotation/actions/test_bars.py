"""Bars, their end, and appeals against them."""

import numpy as np
import pytest
from django.utils.timezone import now

from annotation.actions import bars, snapshots
from annotation.models import Annotator, Appeal, Bar, DueQuestions, Estimate, Question
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted
from hierarchy.models import AuditEntry
from tests import builders
from tests.annotation.test_integrity import find_all_broken

pytestmark = pytest.mark.django_db
ALL_YES = np.array([[[0, 0, 20], [0, 0, 20]]])


def bar(annotator_id, by, reason="all yes"):
    return bars.bar_annotator(annotator_id=annotator_id, reason=reason, by=by, at=now())


def test_a_bar_is_set_once_with_its_reason():
    annotator = builders.find_annotator(builders.make_user("ann"))
    curator = builders.make_user("carol", "curator")
    first = bar(annotator.pk, curator, " all yes ")
    again = bar(annotator.pk, curator, "all no")

    [kept] = Bar.objects.all()
    assert (kept.code, kept.reason, kept.by, kept.by_engine) == ("OTHER", "all yes", curator, False)
    assert first.barred_at == again.barred_at == kept.begun_at


def test_a_bar_gives_open_pages_back_so_that_others_are_asked():
    spammer, other, curator = *builders.make_crowd(2), builders.make_user("carol", "curator")
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, 3)
    campaign = builders.make_open_campaign([synset], gold_rate=0)
    page = builders.lease(spammer, campaign)

    bar(builders.find_annotator(spammer).pk, curator)

    page.refresh_from_db()
    assert (page.outcome, page.closed_at is None) == ("RETURNED", False)
    assert builders.lease(other, campaign) is not None


def test_a_bar_needs_a_reason_an_annotator_and_another_person():
    curator = builders.make_user("carol", "curator")
    own = builders.find_annotator(curator)

    with pytest.raises(InvalidInput, match="reason"):
        bar(own.pk, curator, "  ")
    with pytest.raises(NotFound):
        bar(own.pk + 1, curator)
    with pytest.raises(NotPermitted):
        bar(own.pk, curator)


def make_barred(answers=("YES", "YES", "YES"), **policy):
    """A campaign of one question, its voters in order, the first of them barred after all was estimated."""
    question = builders.make_question(gold_rate=0, **policy)
    users = builders.make_votes(question.campaign, answers)
    bar(builders.find_annotator(users[0]).pk, builders.make_user("carol", "curator"))
    return Question.objects.get(pk=question.pk)


def test_a_bar_makes_due_what_rested_on_the_annotators_votes():
    other = builders.make_question(number=1930, gold_rate=0)
    builders.make_votes(other.campaign, ["NO"])
    question = make_barred()

    assert list(Question.objects.due()) == [question]


def test_votes_of_a_barred_annotator_count_nothing_and_the_question_is_asked_again():
    question = make_barred(("YES", "NO"))
    builders.estimate_all()
    estimate = Estimate.objects.get()
    question.refresh_from_db()

    assert estimate.votes == 1
    assert estimate.probability < 0.1
    assert question.votes.count() == 2
    for name in ("dan", "eve"):
        builders.vote(builders.make_user(name), "NO", campaign=question.campaign)
    builders.estimate_all()
    question.refresh_from_db()
    assert question.state == "REJECTED"


def test_a_place_that_a_barred_annotator_took_is_free_again():
    question = make_barred(("YES", "UNSURE"), vote_cap=3)
    Question.objects.update(votes_wanted=2)

    assert builders.lease(builders.make_user("dan"), question.campaign).items.get().question == question


def test_a_label_that_rested_on_a_barred_annotator_goes_to_a_curator_when_the_others_speak_against_it():
    question = builders.make_question(gold_rate=0)
    users = builders.make_crowd(4)
    pages = [builders.lease(user, question.campaign) for user in users[:3]]
    for page in pages:
        builders.submit(page, "YES")
    builders.estimate_all()
    for user in users[:3]:
        bar(builders.find_annotator(user).pk, builders.make_user(f"by-{user.username}", "curator"))
    builders.estimate_all()
    question.refresh_from_db()

    assert question.state == "ACCEPTED"
    assert [dispute.reason for dispute in question.disputes.all()] == ["FLIP"]


def test_a_bar_takes_back_what_questions_count_and_hold():
    spammer, curator = builders.make_crowd(1)[0], builders.make_user("carol", "curator")
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, 6)
    campaign = builders.make_open_campaign([synset], page_size=3, gold_rate=0)
    builders.vote(spammer, campaign=campaign)
    builders.lease(spammer, campaign)
    bar(builders.find_annotator(spammer).pk, curator)

    assert set(Question.objects.values_list("votes_in_time", flat=True)) == {0}
    assert not Question.objects.exclude(held_until=[]).exists()


def test_a_bar_makes_no_gold_due():
    question = builders.make_question(gold_rate=0)
    page = builders.lease(builders.make_user("dan"), question.campaign)
    builders.make_gold(question)
    builders.submit(page, "YES")
    bar(page.annotator_id, builders.make_user("carol", "curator"))

    assert not Question.objects.due().exists()


def test_the_engine_bars_without_a_person():
    annotator = builders.find_annotator(builders.make_user("ann"))
    bar(annotator.pk, None)

    kept = Bar.objects.get()
    assert (kept.by, kept.by_engine) == (None, True)


@pytest.mark.parametrize(("changes", "field"), [({"reason": "x" * 2001}, "reason"), ({"code": "RUDE"}, "code")])
def test_a_reason_is_short_and_of_a_kind_that_is_known(changes, field):
    annotator = builders.find_annotator(builders.make_user("ann"))

    with pytest.raises(InvalidInput) as refusal:
        bars.bar_annotator(**{"annotator_id": annotator.pk, "reason": "x", "by": None, "at": now()} | changes)
    assert set(refusal.value.fields) == {field}


# The end of a bar


def unbar(annotator_id, by=None):
    by = by or builders.make_user("ulla", "curator")
    return bars.unbar_annotator(annotator_id=annotator_id, by=by, at=now())


def test_votes_count_again_when_the_bar_has_ended():
    question = make_barred(("YES", "NO"))
    builders.estimate_all()
    barred = Annotator.objects.get(barred_at__isnull=False)

    assert unbar(barred.pk).barred_at is None

    assert list(Question.objects.due()) == [question]
    assert Question.objects.get().votes_in_time == 2
    builders.estimate_all()
    assert Estimate.objects.get().votes == 2
    assert find_all_broken() == set()


def test_votes_given_meanwhile_and_votes_that_count_again_may_be_more_than_were_asked_for():
    question = make_barred(("YES",), vote_cap=2)
    builders.estimate_all()
    builders.make_votes(question.campaign, ["YES", "NO"])

    unbar(Annotator.objects.get(barred_at__isnull=False).pk)

    assert Question.objects.get().votes_in_time == 3
    builders.estimate_all()
    assert find_all_broken() == set()


def test_whoever_is_unbarred_gets_pages_and_can_be_barred_again():
    question = builders.make_question(gold_rate=0)
    ann, curator = builders.make_user("ann"), builders.make_user("carol", "curator")
    number = builders.find_annotator(ann).pk
    bar(number, curator)
    unbar(number, curator)

    builders.lease(ann, question.campaign)
    bar(number, curator, "again")
    assert list(Bar.objects.order_by("pk").values_list("reason", "ended_by")) == [
        ("all yes", curator.pk),
        ("again", None),
    ]


def test_nobody_is_unbarred_who_is_not_barred_or_by_themselves():
    curator = builders.make_user("carol", "curator")
    own = builders.find_annotator(curator).pk

    with pytest.raises(Conflict):
        unbar(own)
    bar(own, None)
    with pytest.raises(NotPermitted):
        unbar(own, curator)
    with pytest.raises(NotFound):
        unbar(10**6, curator)


def test_whom_a_curator_unbarred_the_engine_does_not_bar_again():
    spammer = builders.find_annotator(builders.make_crowd(1)[0]).pk
    bar(spammer, None)
    unbar(spammer)

    snapshot = builders.make_snapshot(counts={spammer: [[1, 1, 98], [1, 1, 98]]}, gold_answers=ALL_YES)

    assert snapshot.skills.get().spam
    snapshots.follow_snapshot(snapshot=snapshot, at=now())
    assert Annotator.objects.get(pk=spammer).barred_at is None


# Appeals


@pytest.fixture
def barred():
    """The number of somebody who was barred."""
    number = builders.find_annotator(builders.make_user("ann")).pk
    bar(number, None)
    return number


def appeal(annotator_id, text="I looked at each."):
    return bars.make_appeal(annotator_id=annotator_id, text=text, at=now())


def answer(made, *, lift, text="", by=None):
    by = by or builders.make_user("ulla", "curator")
    return bars.answer_appeal(appeal_id=made.pk, lift=lift, answer=text, by=by, at=now())


def list_actions():
    return list(AuditEntry.objects.order_by("-number").values_list("action", flat=True)[:2])


def test_a_bar_has_one_appeal_that_waits(barred):
    made = appeal(barred, " I looked at each. ")

    assert (made.text, made.answered_at) == ("I looked at each.", None)
    with pytest.raises(Conflict, match="waits for its answer"):
        appeal(barred)
    answer(made, lift=False, text="All were yes.")
    assert appeal(barred).bar == made.bar


def test_there_is_no_appeal_without_a_bar_or_without_words(barred):
    with pytest.raises(InvalidInput, match="text"):
        appeal(barred, "  ")
    with pytest.raises(InvalidInput, match="text"):
        appeal(barred, "x" * 2001)
    unbar(barred)
    with pytest.raises(Conflict, match="not barred"):
        appeal(barred)


def test_an_appeal_that_is_heard_ends_the_bar(barred):
    made = answer(appeal(barred), lift=True)

    assert (made.lifted, made.bar.ended_by.username) == (True, "ulla")
    assert Annotator.objects.get(pk=barred).barred_at is None
    assert list_actions() == ["UNBAR_ANNOTATOR", "ANSWER_APPEAL"]


def test_a_bar_that_stays_needs_words(barred):
    made, curator = appeal(barred), builders.make_user("carol", "curator")

    with pytest.raises(InvalidInput, match="answer"):
        answer(made, lift=False, by=curator)
    kept = answer(made, lift=False, text="All were yes.", by=curator)

    assert (kept.lifted, kept.answer, kept.answered_by) == (False, "All were yes.", curator)
    assert Annotator.objects.get(pk=barred).barred_at is not None
    assert list_actions()[0] == "ANSWER_APPEAL"
    with pytest.raises(Conflict, match="answered already"):
        answer(made, lift=True, by=curator)


def test_whoever_ends_a_bar_answers_the_appeal_that_waits(barred):
    made = appeal(barred)
    unbar(barred)

    made.refresh_from_db()
    assert (made.lifted, made.answered_by.username) == (True, "ulla")
    assert find_all_broken() == set()


def test_nobody_answers_their_own_appeal():
    curator = builders.make_user("carol", "curator")
    bar(builders.find_annotator(curator).pk, None)
    made = appeal(builders.find_annotator(curator).pk)

    with pytest.raises(NotPermitted):
        answer(made, lift=False, text="No.", by=curator)
    with pytest.raises(NotPermitted):
        answer(made, lift=True, by=curator)
    with pytest.raises(NotFound):
        bars.answer_appeal(appeal_id=10**6, lift=True, answer="", by=curator, at=now())
    assert Appeal.objects.filter(answered_at=None).count() == 1
    assert not DueQuestions.objects.exists()
