from datetime import timedelta

import pytest
from django.utils.timezone import now

from annotation.actions import accounts, bars, batches, disputes, flags, votes
from annotation.models import Dispute, Flag, Vote
from annotation.queries.integrity import CHECKS, find_broken
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted
from hierarchy.models import AuditEntry, Label
from tests.builders import (
    find_annotator,
    lease,
    make_candidates,
    make_gold,
    make_open_campaign,
    make_synset,
    make_user,
    make_votes,
    submit,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    synset = make_synset(1740)
    make_candidates(synset, 3)
    return make_open_campaign([synset], gold_rate=0, page_size=3)


@pytest.fixture
def ann(campaign):
    return find_annotator(make_user("ann"))


@pytest.fixture
def boss():
    return make_user("boss", "curator")


@pytest.fixture
def batch(ann):
    return lease(ann.user)


def flag(annotator, batch, position=1, kind="BROKEN"):
    flags.raise_flag(annotator=annotator, batch_id=batch.pk, position=position, kind=kind, at=now())


def withdraw(annotator, batch, position=1, kind="BROKEN"):
    flags.withdraw_flag(annotator=annotator, batch_id=batch.pk, position=position, kind=kind, at=now())


def contest(annotator, batch, text="It is a fox.", *, at=None):
    flags.contest_answer(annotator=annotator, batch_id=batch.pk, position=1, text=text, at=at or now())


def close(question_id, boss, outcome="DISMISSED", *, newest=10**9):
    return flags.close_question_flags(question_id=question_id, newest=newest, outcome=outcome, by=boss, at=now())


def test_a_flag_is_kept_once_and_is_no_vote(ann, batch):
    flag(ann, batch), flag(ann, batch), flag(ann, batch, kind="OFFENSIVE")

    assert sorted(Flag.objects.values_list("question_id", "kind")) == [
        (batch.items.get(position=1).question_id, kind) for kind in ("BROKEN", "OFFENSIVE")
    ]
    assert not Vote.objects.exists()


def test_a_definition_is_flagged_once_whatever_the_page(ann, batch, campaign):
    flag(ann, batch, None, "DEFINITION")
    batches.return_batch(annotator_id=ann.pk, batch_id=batch.pk)
    flag(ann, lease(ann.user), None, "DEFINITION")

    assert list(Flag.objects.filter(question=None).values_list("synset_id", flat=True)) == [1740]


def test_a_flag_that_was_withdrawn_can_be_raised_again(ann, batch):
    flag(ann, batch), withdraw(ann, batch), withdraw(ann, batch)
    withdrawn = Flag.objects.get().withdrawn_at

    flag(ann, batch)

    assert withdrawn is not None
    assert Flag.objects.get().withdrawn_at is None


@pytest.mark.parametrize(("position", "kind"), [(1, "DEFINITION"), (None, "BROKEN"), (1, "CONTESTED"), (1, "UGLY")])
def test_a_kind_that_is_not_of_the_thing_is_refused(ann, batch, position, kind):
    with pytest.raises(InvalidInput, match="kind"):
        flag(ann, batch, position, kind)


def test_only_who_had_the_page_flags_it(batch):
    with pytest.raises(NotPermitted):
        flag(find_annotator(make_user("bob")), batch)


def test_a_picture_that_is_not_on_the_page_cannot_be_flagged(ann, batch):
    with pytest.raises(NotFound, match="position 9"):
        flag(ann, batch, 9)


def test_a_barred_annotator_flags_nothing(ann, batch, boss):
    bars.bar_annotator(annotator_id=ann.pk, reason="all yes", by=boss, at=now())
    ann.refresh_from_db()

    with pytest.raises(NotPermitted):
        flag(ann, batch)


def test_gold_is_flagged_with_the_same_statements(ann, batch, campaign, django_assert_num_queries):
    make_gold(batch.items.get(position=2).question)

    for position in (1, 2):
        with django_assert_num_queries(6):
            flag(ann, batch, position)


def test_an_answer_is_contested_with_words_that_may_change(ann, batch):
    submit(batch)

    contest(ann, batch), contest(ann, batch, " It is a wolf.\0 ")

    assert list(Flag.objects.values_list("kind", "text")) == [("CONTESTED", "It is a wolf.")]


@pytest.mark.parametrize("text", ["  ", "x" * 1001])
def test_a_contest_says_why_within_bounds(ann, batch, text):
    submit(batch)

    with pytest.raises(InvalidInput, match="text"):
        contest(ann, batch, text)


def test_only_an_answer_that_stands_can_be_contested(ann, batch):
    with pytest.raises(NotFound):
        contest(ann, batch)
    submit(batch)
    votes.undo_batch(annotator_id=ann.pk, batch_id=batch.pk)
    with pytest.raises(NotFound):
        contest(ann, batch)


def test_whoever_was_deleted_meanwhile_leaves_no_words(ann, batch, settings, tmp_path):
    settings.DELETION_LEDGER = str(tmp_path / "ledger")
    submit(batch)
    accounts.delete_account(user=ann.user, by=ann.user, at=now())

    with pytest.raises(NotPermitted, match="deleted"):
        contest(ann, batch)
    assert not Flag.objects.exists()


def test_an_old_answer_cannot_be_contested(ann, batch):
    submit(batch)

    with pytest.raises(Conflict, match="older"):
        contest(ann, batch, at=now() + timedelta(days=31))


def test_what_a_curator_has_looked_at_stays_closed(ann, batch, boss):
    submit(batch)
    flag(ann, batch), contest(ann, batch)
    question = batch.items.get(position=1).question_id

    assert close(question, boss) == 2

    with pytest.raises(Conflict, match="looked at"):
        withdraw(ann, batch)
    with pytest.raises(Conflict, match="looked at"):
        contest(ann, batch)
    flag(ann, batch)
    assert not Flag.objects.waiting().exists()
    entry = AuditEntry.objects.latest("number")
    assert (entry.action, entry.detail) == ("CLOSE_FLAGS", {"outcome": "DISMISSED", "flags": 2})
    assert (entry.subject, entry.actor) == (f"question:{question}", boss.pk)


def test_flags_that_came_after_what_was_shown_wait_on(ann, batch, boss):
    flag(ann, batch)
    shown = Flag.objects.get().pk
    flag(ann, batch, kind="DRAWING")

    close(Flag.objects.earliest("pk").question_id, boss, newest=shown)

    assert list(Flag.objects.waiting().values_list("kind", flat=True)) == ["DRAWING"]


def test_nothing_that_waits_is_a_conflict_and_an_unknown_outcome_is_named(ann, batch, boss):
    question = batch.items.get(position=1).question_id

    with pytest.raises(Conflict, match="Nothing waits"):
        close(question, boss)
    with pytest.raises(InvalidInput, match="outcome"):
        close(question, boss, "BURNT")


def test_a_definition_is_closed_and_audited_by_its_wnid(ann, batch, boss):
    flag(ann, batch, None, "DEFINITION")

    flags.close_definition_flags(synset_id=1740, newest=10**9, outcome="DONE", by=boss, at=now())

    assert Flag.objects.get().outcome == "DONE"
    assert AuditEntry.objects.latest("number").subject == "synset:n00001740"


def test_a_flagged_question_goes_to_the_disputes_and_is_settled_there(ann, batch, boss):
    flag(ann, batch)
    question = batch.items.get(position=1).question

    close(question.pk, boss, "DISPUTED")

    question.refresh_from_db()
    dispute = question.disputes.get()
    assert (question.state, dispute.reason) == ("DISPUTED", "FLAGGED")
    assert [found.name for found in map(find_broken, CHECKS) if found.count] == []
    disputes.settle_dispute(dispute_id=dispute.pk, verdict="REJECTED", reason="blank", version=1, by=boss, at=now())
    assert Label.objects.current().get(candidate=question.candidate).verdict == "REJECTED"


def test_a_finished_question_keeps_its_label_until_the_decision(campaign, boss):
    voter = make_votes(campaign, ["YES", "YES", "YES"])[0]
    vote = Vote.objects.filter(annotator__user=voter).earliest("pk")
    flag(vote.annotator, vote.batch, vote.position)

    close(vote.question_id, boss, "DISPUTED")

    vote.question.refresh_from_db()
    assert vote.question.state == "ACCEPTED"
    assert Dispute.objects.get(question=vote.question_id).reason == "FLAGGED"


def test_a_question_that_waits_at_the_desk_already_goes_there_once(ann, batch, boss):
    for kind in ("BROKEN", "DRAWING"):
        flag(ann, batch, kind=kind)
        close(batch.items.get(position=1).question_id, boss, "DISPUTED")

    assert Dispute.objects.count() == 1


def test_gold_is_retired_and_never_disputed(ann, batch, boss):
    question = batch.items.get(position=1).question
    make_gold(question)
    flag(ann, batch)

    with pytest.raises(Conflict, match="gold"):
        close(question.pk, boss, "DISPUTED")
    close(question.pk, boss, "RETIRED")

    question.refresh_from_db()
    assert (question.is_gold, question.state) == (False, "OPEN")
    assert not Flag.objects.waiting().exists()
    flag(ann, batch, kind="DRAWING")
    with pytest.raises(Conflict, match="no gold"):
        close(question.pk, boss, "RETIRED")


def test_what_somebody_wrote_goes_with_their_account(ann, batch, settings, tmp_path):
    settings.DELETION_LEDGER = tmp_path / "deletions.jsonl"
    submit(batch)
    contest(ann, batch, "I, Ann, know foxes.")

    accounts.delete_account(user=ann.user, by=None, at=now())

    assert list(Flag.objects.values_list("annotator_id", "text")) == [(ann.pk, "")]
