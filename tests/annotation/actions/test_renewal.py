"""Gold that votes settle, gold that is released, gold that good annotators speak against."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from annotation.actions import campaigns, estimates, renewal
from annotation.actions.renewal import find_truth
from annotation.models import Conduct, Gold, Question, TrainingItem
from annotation.queries import goldpool
from annotation.rules import PolicyValues
from hierarchy.actions.labels import Verdict, record_labels
from hierarchy.models import AuditEntry, Label
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(monkeypatch):
    """Four questions in one synset, which should have one gold of each truth."""
    monkeypatch.setattr(
        goldpool, "NEEDED", goldpool.NEEDED.replace(f"/ {goldpool.QUESTIONS_PER_GOLD} AS gold", "/ 4 AS gold")
    )
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, 4)
    return builders.make_open_campaign([synset], page_size=8, gold_rate=0.5)


def settle(campaign, answer="YES"):
    """All say the same until nothing is left to ask."""
    for number in range(8):
        user = builders.make_user(f"{answer}-{number}")
        if campaign.questions.filter(state="OPEN", is_gold=False).exists():
            builders.vote(user, answer, campaign=campaign)
        builders.estimate_all()


@pytest.mark.parametrize(
    ("probability", "votes", "expected"),
    [(0.995, 3, "YES"), (0.005, 3, "NO"), (0.995, 2, None), (0.98, 9, None), (0.02, 9, None)],
)
def test_only_what_is_sure_on_some_votes_can_be_gold(probability, votes, expected):
    assert find_truth(probability=probability, votes=votes) == expected


@pytest.mark.parametrize("answer", ["YES", "NO"])
def test_what_votes_settle_becomes_gold_where_the_synset_lacks_it(campaign, answer):
    settle(campaign, answer)

    gold = Gold.objects.get()
    assert (gold.truth, gold.source, gold.question.state, gold.question.is_gold) == (answer, "SETTLED", "OPEN", True)
    assert not Label.objects.filter(candidate=gold.question.candidate_id).exists()
    assert campaign.questions.filter(is_gold=False).exclude(state="OPEN").count() == 3


def test_pictures_of_trainings_become_no_gold(campaign):
    for question in campaign.questions.all():
        given = {"campaign": campaign, "synset_id": 1740, "image_id": question.candidate.image_id, "added_at": now()}
        TrainingItem.objects.create(kind="PRACTICE", correct=1, **given)

    settle(campaign)

    assert not Gold.objects.exists()
    assert campaign.questions.filter(state="ACCEPTED").count() == 4


def test_what_has_a_label_of_an_earlier_campaign_is_decided_as_any(campaign):
    for question in campaign.questions.all():
        verdict = Verdict(question.candidate_id, "REJECTED", 0.01, 3)
        record_labels(verdicts=[verdict], source="CONSENSUS", source_ref="campaign:old", by=None, at=now())

    settle(campaign)

    assert not Gold.objects.exists()
    assert campaign.questions.filter(state="ACCEPTED").count() == 4


def test_where_there_is_enough_gold_all_is_decided(campaign):
    builders.make_gold(campaign.questions.first(), "YES")
    settle(campaign)

    assert not Gold.objects.filter(source="SETTLED").exists()
    assert campaign.questions.filter(state="ACCEPTED").count() == 3


def test_spent_gold_is_no_gold(campaign):
    builders.make_gold(campaign.questions.first(), "YES")
    Gold.objects.update(exposures=200)
    settle(campaign)

    assert Gold.objects.filter(source="SETTLED").count() == 1


def test_a_campaign_without_gold_gets_none(campaign):
    campaigns.change_policy(name=campaign.name, policy=PolicyValues(gold_rate=0), by=campaign.drafted_by, at=now())
    settle(campaign)

    assert not Gold.objects.exists()


def test_settled_gold_is_released_when_nothing_else_is_asked_and_then_labelled(campaign):
    settle(campaign)
    question = Question.objects.get(is_gold=True)

    assert renewal.release_gold(at=now()) == 1
    builders.estimate_all()

    question.refresh_from_db()
    assert (question.state, question.is_gold) == ("ACCEPTED", False)
    assert Gold.objects.get().ended_because == "RELEASED"


def test_settled_gold_is_released_when_it_was_shown_to_enough(campaign):
    settle(campaign)
    Question.objects.filter(is_gold=False).update(state="OPEN", decided_at=None, votes_wanted=99)
    assert renewal.release_gold(at=now()) == 0
    Gold.objects.update(exposures=goldpool.RELEASED_AFTER)

    assert renewal.release_gold(at=now()) == 1


def test_gold_that_people_chose_is_never_released(campaign):
    builders.make_gold(campaign.questions.first())
    Question.objects.filter(is_gold=False).update(votes_wanted=0)
    Gold.objects.update(exposures=goldpool.RELEASED_AFTER)

    assert renewal.release_gold(at=now()) == 0


def test_what_was_gold_once_is_not_so_again(campaign):
    settle(campaign)
    renewal.release_gold(at=now())
    builders.estimate_all()

    assert not Question.objects.filter(is_gold=True).exists()


def test_a_campaign_that_closes_labels_what_votes_had_settled(campaign):
    settle(campaign)
    question = Question.objects.get(is_gold=True)
    campaigns.close_campaign(name=campaign.name, by=campaign.drafted_by, at=now())

    question.refresh_from_db()
    assert (question.state, question.closed_at) == ("ACCEPTED", None)
    assert Label.objects.filter(candidate=question.candidate_id, verdict="ACCEPTED").exists()


def list_behind_audit(queries):
    """What was said to the database after the first entry of the audit log, but for entries and savepoints."""
    said = [query["sql"] for query in queries]
    first = next(place for place, sql in enumerate(said) if "append_audit_entry" in sql)
    return [sql for sql in said[first:] if "append_audit_entry" not in sql and "SAVEPOINT" not in sql]


def test_an_estimate_locks_nothing_after_its_entry_of_the_audit_log(campaign):
    campaign.questions.update(votes_wanted=9)
    for user in builders.make_crowd(4):
        builders.vote(user, "YES", campaign=campaign)
    with CaptureQueriesContext(connection) as said:
        estimates.estimate_due(at=now())

    assert Gold.objects.exists()
    assert list_behind_audit(said.captured_queries) == []


def test_a_campaign_that_closes_locks_nothing_after_its_entries_of_the_audit_log(campaign):
    settle(campaign)
    with CaptureQueriesContext(connection) as said:
        campaigns.close_campaign(name=campaign.name, by=campaign.drafted_by, at=now())

    assert Gold.objects.get().ended_because == "RELEASED"
    assert list_behind_audit(said.captured_queries) == []


# Missed


def answer_gold(campaign, *, right, wrong, known=20):
    """Annotators who are good by their conduct answer the campaign's gold, which is true."""
    for number in range(right + wrong):
        user = builders.make_user(f"good-{number}")
        page = builders.lease(user, campaign)
        builders.submit(page, "YES" if number < right else "NO")
        builders.make_conduct(page.annotator, gold=known, right=known)


@pytest.fixture
def gold(campaign):
    question = campaign.questions.first()
    builders.make_gold(question, "YES")
    campaign.questions.filter(is_gold=False).update(votes_wanted=20)
    return question


@pytest.mark.parametrize(("right", "wrong", "suspended"), [(2, 3, 1), (3, 2, 0), (0, 4, 0)])
def test_gold_is_suspended_when_most_good_annotators_answer_otherwise(campaign, gold, right, wrong, suspended):
    answer_gold(campaign, right=right, wrong=wrong)

    assert renewal.suspend_missed_gold(at=now()) == suspended
    assert Gold.objects.filter(ended_because="MISSED").count() == suspended
    gold.refresh_from_db()
    assert gold.is_gold is not bool(suspended)


def test_gold_that_a_curator_has_asked_again_is_not_suspended_by_what_was_known_then(campaign, gold):
    answer_gold(campaign, right=0, wrong=5)
    renewal.suspend_missed_gold(at=now())
    missed = Gold.objects.get()
    renewal.settle_suspended(gold_id=missed.pk, verdict="YES", by=campaign.drafted_by, at=now())

    assert renewal.suspend_missed_gold(at=now()) == 0
    assert Gold.objects.get(active=True).truth == "YES"


def test_those_who_are_not_known_to_be_good_suspend_nothing(campaign, gold):
    answer_gold(campaign, right=0, wrong=6, known=19)

    assert renewal.suspend_missed_gold(at=now()) == 0


def test_what_happened_to_gold_is_on_record(campaign, gold):
    answer_gold(campaign, right=0, wrong=5)
    renewal.suspend_missed_gold(at=now())

    assert AuditEntry.objects.filter(action="RETIRE_GOLD", detail__because="MISSED").exists()


def test_a_new_snapshot_suspends_missed_gold(campaign, gold):
    answer_gold(campaign, right=0, wrong=5)
    Conduct.objects.update(gold=40, right=40)
    builders.make_snapshot()

    assert Gold.objects.filter(ended_because="MISSED").exists()
