"""A deleted account: what is gone, what stays, who may do it, and that it stays gone."""

import threading
from functools import partial
from pathlib import Path

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils.timezone import now

from annotation.actions import accounts, bars, batches, campaigns, deletions, disputes
from annotation.actions.ledger import Deletion, add_deletions, read_deletions
from annotation.models import AccountMark, Annotator, ApiToken, Appeal, Bar, Batch, Campaign, Dispute, Policy, Vote
from annotation.queries.accounts import find_live_token
from annotation.rules import PolicyValues
from hierarchy.actions import releases
from hierarchy.errors import Conflict, DomainError, NotFound, NotPermitted
from hierarchy.models import Label, Release
from tests import builders
from tests.annotation.pages.browser import sign_in
from tests.annotation.test_integrity import find_all_broken

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ledger(settings, tmp_path):
    settings.DELETION_LEDGER = str(tmp_path / "ledger" / "deletions.jsonl")
    return Path(settings.DELETION_LEDGER)


def delete(user, by=None):
    accounts.delete_account(user=user, by=by, at=now())


def make_campaign(pictures=3):
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, pictures)
    return builders.make_open_campaign([synset], gold_rate=0, page_size=2)


def test_votes_stay_under_the_number_that_nothing_ties_to_the_person(ledger):
    ann, campaign = builders.make_user("ann"), make_campaign()
    number = builders.find_annotator(ann).pk
    builders.vote(ann, campaign=campaign)

    delete(ann)

    assert not User.objects.filter(username="ann").exists()
    assert Annotator.objects.get(pk=number).user_id is None
    assert Vote.objects.filter(annotator=number).count() == 2
    builders.estimate_all()
    assert find_all_broken() == set()


def test_the_ledger_names_the_mark_and_nothing_of_the_person(ledger):
    ann = builders.make_user("ann")
    mark = AccountMark.objects.get(user=ann).mark

    delete(ann)

    assert [deletion.mark for deletion in read_deletions(ledger)] == [mark]
    assert "ann" not in ledger.read_text()


def test_sessions_tokens_and_records_of_log_ins_are_gone():
    ann, bob = builders.make_user("ann"), builders.make_user("bob")
    keys = [builders.make_token(user, "annotate") for user in (ann, bob)]
    browsers = [sign_in(user) for user in (ann, bob)]
    for name in ("Ann", "bob"):
        AccessAttempt.objects.create(username=name, ip_address="192.0.2.1", failures_since_start=1)
    LogEntry.objects.log_actions(user_id=bob.pk, queryset=User.objects.filter(pk=ann.pk), action_flag=2)

    delete(ann)

    assert [find_live_token(key) is not None for key in keys] == [False, True]
    assert ApiToken.objects.count() == Session.objects.count() == AccessAttempt.objects.count() == 1
    assert [browser.get("/account/").status_code for browser in browsers] == [302, 200]
    assert not LogEntry.objects.exists()


def test_open_pages_go_back_and_no_more_are_given():
    ann, campaign = builders.make_user("ann"), make_campaign(2)
    page = builders.lease(ann, campaign)

    delete(ann)

    page.refresh_from_db()
    assert page.outcome == Batch.Outcome.RETURNED
    assert builders.lease(builders.make_user("bob"), campaign).items.count() == 2
    for send in (lambda: builders.submit(page), lambda: batches.lease_batch(annotator_id=page.annotator_id)):
        with pytest.raises(NotPermitted, match="was deleted"):
            send()


def test_what_a_curator_did_stays_without_their_name():
    boss = builders.make_user("boss", "curator")
    question = builders.make_dispute()
    dispute = question.disputes.get()
    disputes.settle_dispute(
        dispute_id=dispute.pk, verdict="ACCEPTED", reason="a cat", version=dispute.version, by=boss, at=now()
    )
    bars.bar_annotator(annotator_id=Vote.objects.first().annotator_id, reason="all yes", by=boss, at=now())
    releases.publish_release(name="first", by=boss, at=now())
    campaigns.draft_campaign(
        name="next", title="Next", wnids=[question.synset.wnid], policy=PolicyValues(), by=boss, at=now()
    )

    delete(boss)

    assert Dispute.objects.get().settled_by is None
    assert Campaign.objects.get(name="next").drafted_by is None
    assert Policy.objects.get(campaign__name="next").created_by is None
    assert Release.objects.get().drafted_by is None
    assert Label.objects.get(source="CURATOR").by is None
    bar = Bar.objects.get()
    assert (bar.by, bar.by_engine, bar.reason) == (None, False, "all yes")


def test_pages_say_what_was_done_by_a_deleted_account():
    boss, other = builders.make_user("boss", "curator"), builders.make_user("other", "curator")
    question = builders.make_dispute()
    dispute = question.disputes.get()
    disputes.settle_dispute(
        dispute_id=dispute.pk, verdict="ACCEPTED", reason="a cat", version=dispute.version, by=boss, at=now()
    )
    voter = Vote.objects.first().annotator
    bars.bar_annotator(annotator_id=voter.pk, reason="all yes", by=boss, at=now())
    for user in (boss, voter.user, question.campaign.drafted_by):
        delete(user)
    browser = sign_in(other)

    for page in (
        f"/disputes/{dispute.pk}/",
        f"/curate/annotators/{voter.pk}/",
        f"/campaigns/{question.campaign.name}/",
    ):
        assert "by a deleted account" in browser.get(page).content.decode()
    assert browser.get("/curate/annotators/").status_code == 200


def test_a_deleted_annotator_can_still_be_barred():
    ann, boss = builders.make_user("ann"), builders.make_user("boss", "curator")
    number = builders.find_annotator(ann).pk
    builders.vote(ann, campaign=make_campaign())
    delete(ann)

    bars.bar_annotator(annotator_id=number, reason="all yes", by=boss, at=now())

    builders.estimate_all()
    assert find_all_broken() == set()


def test_what_a_barred_person_wrote_goes_with_their_account_and_the_bar_stays():
    ann, boss = builders.make_user("ann"), builders.make_user("boss", "curator")
    number = builders.find_annotator(ann).pk
    bars.bar_annotator(annotator_id=number, reason="all yes", by=boss, at=now())
    made = bars.make_appeal(annotator_id=number, text="I am Ann Example.", at=now())
    bars.answer_appeal(appeal_id=made.pk, lift=False, answer="No.", by=boss, at=now())
    bars.make_appeal(annotator_id=number, text="I am Ann Example!", at=now())

    delete(boss)
    delete(ann)

    assert not Appeal.objects.exists()
    assert Annotator.objects.get(pk=number).barred_at == Bar.objects.get().begun_at


def test_people_delete_their_own_account_operators_any_and_nobody_else_one():
    ann, bob, boss = builders.make_user("ann"), builders.make_user("bob"), builders.make_user("boss", "curator")
    operator = builders.make_user("oda", "operator")

    with pytest.raises(NotPermitted):
        delete(ann, by=boss)
    delete(ann, by=ann)
    delete(bob, by=operator)

    assert set(User.objects.filter(username__in=["ann", "bob", "boss"])) == {boss}


def test_an_account_that_is_gone_is_not_there():
    ann = builders.make_user("ann")
    delete(User.objects.get(pk=ann.pk))

    with pytest.raises(NotFound):
        delete(ann)


def test_the_last_operator_stays_and_the_ledger_names_nobody(ledger):
    last = User.objects.create_superuser("made-by-hand")
    User.objects.create_superuser("asleep", is_active=False)

    with pytest.raises(Conflict, match="last operator"):
        delete(last)
    assert not ledger.exists()
    builders.make_user("oda", "operator")
    delete(last)
    assert not User.objects.filter(username="made-by-hand").exists()


def test_without_the_ledger_nobody_is_deleted(ledger):
    ann = builders.make_user("ann")
    ledger.parent.write_text("a file in the way")

    with pytest.raises(Conflict, match="ledger cannot be written"):
        delete(ann)

    assert User.objects.filter(username="ann").exists()
    assert builders.find_annotator(ann).user == ann


def test_a_deletion_that_did_not_come_to_its_commit_is_made_up_for(ledger):
    ann, bob = builders.make_user("ann"), builders.make_user("bob")
    add_deletions(ledger, [Deletion(AccountMark.objects.get(user=ann).mark, now())])

    assert deletions.replay_deletions() == 1
    assert deletions.replay_deletions() == 0

    assert list(User.objects.all()) == [bob]


def test_every_account_has_a_mark_of_its_own_whoever_makes_it():
    builders.make_user("ann")
    builders.make_crowd(2)
    User.objects.create_superuser("by-hand")

    assert AccountMark.objects.values("mark").distinct().count() == User.objects.count() == 4


def test_an_account_is_not_deleted_by_the_way():
    by_hand = User.objects.create_superuser("by-hand")

    with pytest.raises(ProtectedError):
        by_hand.delete()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM auth_user; SET CONSTRAINTS ALL IMMEDIATE")


AT_ONCE = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def run_at_once(*actions):
    """Each in a thread of its own; returns what they were refused with."""
    start, refused = threading.Barrier(len(actions)), []

    def run(action):
        try:
            start.wait()
            action()
        except DomainError as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


@AT_ONCE
def test_two_operators_do_not_delete_each_other_at_once():
    pair = [builders.make_user(name, "operator") for name in ("oda", "ole")]

    refused = run_at_once(*(partial(delete, user) for user in pair))

    assert [type(error) for error in refused] == [Conflict]
    assert User.objects.filter(is_superuser=True).count() == 1


@AT_ONCE
def test_a_page_sent_while_its_account_is_deleted_is_kept_whole_or_refused():
    ann, campaign = builders.make_user("ann"), make_campaign(2)
    page = builders.lease(ann, campaign)

    refused = run_at_once(partial(delete, ann), partial(builders.submit, page))

    assert Vote.objects.count() == (0 if refused else 2)
    assert [type(error) for error in refused] in ([], [NotPermitted])
    builders.estimate_all()
    assert find_all_broken() == set()
