"""Pages of votes: taken once, kept for good, taken back in time."""

from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils.timezone import now

from annotation.actions import bars, batches, campaigns, votes
from annotation.actions.votes import GivenVote, Receipt
from annotation.models import Batch, BatchItem, Question, Vote
from hierarchy.errors import Conflict, InvalidInput, KeyReused, NotFound, NotPermitted
from tests import builders
from tests.annotation.actions.test_batches import make_campaign, questions_of, run_together

AT_ONCE = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def curator(db):
    return builders.make_user("carol", "curator")


@pytest.fixture
def batch(curator):
    return builders.lease(curator, make_campaign(3, by=curator, gold_rate=0))


def send(batch, given, *, key="key", annotator_id=None):
    return votes.submit_batch(annotator_id=annotator_id or batch.annotator_id, batch_id=batch.pk, votes=given, key=key)


def answer(*answers):
    return [GivenVote(position=position, answer=given) for position, given in enumerate(answers, start=1)]


# Taken


def test_each_answer_is_recorded_on_the_question_at_its_position(batch):
    receipt = send(batch, [GivenVote(position=3, answer="NO", milliseconds=830), GivenVote(position=1, answer="YES")])

    asked = dict(BatchItem.objects.filter(batch=batch).values_list("position", "question_id"))
    rows = Vote.objects.order_by("position").values_list("question_id", "answer", "milliseconds", "late")
    assert receipt == Receipt(batch.pk, recorded=2, late=False)
    assert list(rows) == [(asked[1], "YES", None, False), (asked[3], "NO", 830, False)]


def test_only_questions_with_votes_become_due(batch):
    send(batch, answer("YES", "UNSURE"))

    due = Question.objects.due().order_by("batch_items__position")
    assert list(due.values_list("batch_items__position", flat=True)) == [1, 2]


def test_a_long_look_is_kept_as_the_longest_that_is_measured(batch):
    send(batch, [GivenVote(position=1, answer="YES", milliseconds=10**9)])

    assert Vote.objects.get().milliseconds == 60_000


def test_gold_never_becomes_due(curator):
    campaign = make_campaign(6, by=curator, gold_rate=0.5)
    for question in list(campaign.questions.all()[3:]):
        builders.make_gold(question)
    batch = builders.vote(curator, campaign=campaign)
    assert Vote.objects.filter(question__gold__active=True).exists()
    votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    assert not Question.objects.due().filter(gold__active=True).exists()


def test_pausing_takes_the_votes_of_pages_already_leased(curator, batch):
    campaigns.pause_campaign(name=batch.campaign.name, by=curator, at=now())

    assert builders.submit(batch).recorded == 3


def test_a_submission_takes_a_fixed_number_of_queries(batch, django_assert_num_queries):
    # savepoint, annotator with page, all writing, end of savepoint
    with django_assert_num_queries(4):
        send(batch, answer("YES", "NO", "YES"))


# Refused


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([], "votes"),
        ([GivenVote(position=0, answer="YES")], "votes[0].position"),
        ([GivenVote(position=4, answer="YES")], "votes[0].position"),
        (answer("YES") * 2, "votes[1].position"),
        (answer("YES", "MAYBE"), "votes[1].answer"),
        (answer("yes"), "votes[0].answer"),
        ([GivenVote(position=1, answer="NO", milliseconds=-1)], "votes[0].milliseconds"),
    ],
)
def test_a_bad_vote_is_named_and_nothing_is_recorded(batch, given, problem):
    with pytest.raises(InvalidInput) as refusal:
        send(batch, given)

    assert list(refusal.value.fields) == [problem]
    assert not Vote.objects.exists()
    assert send(batch, answer("YES")).recorded == 1


@pytest.mark.parametrize("key", ["", "k" * 201, "line\nbreak", "nul\0"])
def test_a_bad_key_is_refused(batch, key):
    with pytest.raises(InvalidInput, match="Idempotency-Key"):
        send(batch, answer("YES"), key=key)


def test_a_page_is_closed_under_one_key(batch):
    send(batch, answer("YES"), key="first")

    with pytest.raises(Conflict, match="submitted already"):
        send(batch, answer("YES"), key="second")


def test_a_page_that_was_given_back_takes_no_votes(batch):
    batches.return_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)

    with pytest.raises(Conflict, match="returned already"):
        send(batch, answer("YES"))


def test_another_annotators_page_takes_no_votes(batch):
    other = builders.find_annotator(builders.make_crowd(1)[0])

    with pytest.raises(NotPermitted):
        send(batch, answer("YES"), annotator_id=other.pk)
    with pytest.raises(NotFound):
        votes.submit_batch(annotator_id=other.pk, batch_id=uuid4(), votes=answer("YES"), key="key")


def test_a_barred_annotators_votes_are_refused(curator):
    batch = builders.lease(builders.make_crowd(1)[0], make_campaign(by=curator))
    bars.bar_annotator(annotator_id=batch.annotator_id, reason="all yes", by=curator, at=now())

    with pytest.raises(NotPermitted, match="all yes"):
        send(batch, answer("YES"))


# Sent again


def close_campaign(batch, curator):
    campaigns.close_campaign(name=batch.campaign.name, by=curator, at=now())


def bar(batch, curator):
    bars.bar_annotator(annotator_id=batch.annotator_id, reason="all yes", by=curator, at=now())


def undo(batch, curator):
    votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)


@pytest.mark.parametrize("event", [None, lambda batch, _: builders.expire(batch), close_campaign, bar, undo])
def test_the_same_key_and_votes_get_the_same_receipt(curator, event):
    batch = builders.lease(builders.make_crowd(1)[0], make_campaign(3, by=curator))
    given = answer("YES", "NO", "UNSURE")
    first = send(batch, given)
    if event is not None:
        event(batch, curator)

    assert send(batch, given[::-1]) == first
    assert Vote.objects.count() == 3


@pytest.mark.parametrize(
    "given", [answer("NO"), answer("YES", "YES"), [GivenVote(position=1, answer="YES", milliseconds=1)]]
)
def test_the_same_key_with_another_body_is_refused(batch, given):
    send(batch, answer("YES"))

    with pytest.raises(KeyReused):
        send(batch, given)
    assert Vote.objects.count() == 1


def test_the_key_of_another_page_is_refused(curator):
    campaign = make_campaign(4, by=curator, page_size=2)
    first, second = builders.lease(curator, campaign), builders.lease(curator, campaign)
    send(first, answer("YES"))

    with pytest.raises(KeyReused):
        send(second, answer("YES"))


@pytest.mark.parametrize("barred", [False, True])
def test_the_key_of_another_page_is_refused_as_such_for_a_closed_page_and_a_barred_annotator_too(curator, barred):
    user = builders.make_crowd(1)[0]
    campaign = make_campaign(4, by=curator, page_size=2)
    first, second = builders.lease(user, campaign), builders.lease(user, campaign)
    send(first, answer("YES"))
    send(second, answer("YES"), key="another")
    if barred:
        bar(first, curator)

    with pytest.raises(KeyReused):
        send(second, answer("YES"))


def test_two_annotators_may_use_the_same_key(curator):
    campaign = make_campaign(2, by=curator)
    for user in builders.make_crowd(2):
        assert not send(builders.lease(user, campaign), answer("YES")).late


# Late


def test_a_late_vote_is_kept_and_marked(batch):
    builders.expire(batch)

    assert send(batch, answer("YES", "NO", "YES")) == Receipt(batch.pk, recorded=3, late=True)
    assert set(Vote.objects.values_list("late", flat=True)) == {True}


def test_a_late_vote_takes_no_place(curator):
    campaign = make_campaign(1, by=curator)
    Question.objects.update(votes_wanted=1)
    batch = builders.lease(curator, campaign)
    builders.expire(batch)
    send(batch, answer("YES"))

    assert questions_of(builders.lease(builders.make_crowd(1)[0], campaign)) == questions_of(batch)


def test_a_late_vote_on_what_was_answered_meanwhile_is_left_out(curator):
    campaign = make_campaign(2, by=curator, page_size=2)
    batch = builders.lease(curator, campaign)
    builders.expire(batch)
    again = builders.lease(curator, campaign, size=1)
    send(again, answer("NO"), key="again")

    assert send(batch, answer("YES", "YES")) == Receipt(batch.pk, recorded=1, late=True)
    assert Vote.objects.get(question_id__in=questions_of(again)).answer == "NO"


# Taken back


def test_an_undo_withdraws_every_vote_once_and_makes_its_questions_due(batch):
    send(batch, answer("YES", "NO", "YES"))
    builders.estimate_all()

    assert votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk) == 3
    assert votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk) == 0
    assert not Vote.objects.standing().exists()
    assert Question.objects.due().count() == 3


def test_the_time_for_an_undo_ends(batch):
    send(batch, answer("YES"))
    Batch.objects.update(closed_at=F("closed_at") - timedelta(seconds=61))

    with pytest.raises(Conflict, match="is over"):
        undo(batch, None)
    assert Vote.objects.standing().count() == 1


def test_only_a_page_that_was_sent_is_undone_and_only_by_its_annotator(batch):
    with pytest.raises(Conflict, match="was not sent"):
        undo(batch, None)
    other = builders.find_annotator(builders.make_crowd(1)[0])
    with pytest.raises(NotPermitted):
        votes.undo_batch(annotator_id=other.pk, batch_id=batch.pk)


def test_a_barred_annotator_takes_nothing_back_and_is_counted_off_once(curator):
    batch = builders.vote(builders.make_crowd(1)[0], "YES", campaign=make_campaign(2, by=curator))
    bar(batch, curator)

    with pytest.raises(NotPermitted, match="may not annotate"):
        votes.undo_batch(annotator_id=batch.annotator_id, batch_id=batch.pk)
    assert set(Question.objects.values_list("votes_in_time", flat=True)) == {0}


# Many at once


@AT_ONCE
@pytest.mark.parametrize("same_key", [True, False])
def test_a_page_sent_several_times_at_once_is_recorded_once(same_key):
    user = builders.make_crowd(1)[0]
    batch = builders.lease(user, make_campaign(3, by=user))
    together = Barrier(6, timeout=10)

    def work(number):
        together.wait()
        try:
            return send(batch, answer("YES", "NO", "YES"), key="key" if same_key else f"key {number}")
        except Conflict:
            return None

    receipts = run_together(work, range(6))

    assert Vote.objects.count() == 3
    assert receipts.count(Receipt(batch.pk, 3, late=False)) == (6 if same_key else 1)


@AT_ONCE
def test_pages_with_the_same_questions_in_other_orders_do_not_block_each_other():
    crowd = builders.make_crowd(8)
    campaign = make_campaign(12, by=crowd[0], gold_rate=0)
    Question.objects.update(votes_wanted=10)
    pages = [builders.lease(user, campaign) for user in crowd]

    receipts = run_together(builders.submit, pages)

    assert [receipt.recorded for receipt in receipts] == [12] * 8


@AT_ONCE
def test_closing_a_campaign_amid_its_votes_blocks_neither():
    crowd = builders.make_crowd(7)
    campaign = make_campaign(40, by=crowd[0], gold_rate=0, page_size=40)
    Question.objects.update(votes_wanted=10)
    builders.make_due(*campaign.questions.order_by("-pk")[:20])
    pages = [builders.lease(user, campaign) for user in crowd]

    def work(page):
        if page is None:
            return campaigns.close_campaign(name=campaign.name, by=crowd[0], at=now())
        return builders.submit(page)

    run_together(work, [*pages[:4], None, *pages[4:]])

    assert Vote.objects.count() == 7 * 40
    assert not Question.objects.filter(closed_at=None).exists()
