"""One question whose estimate fails keeps no other from its own; it is set aside, tried again, and comes back."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import InternalError, OperationalError, connection, transaction
from django.utils.timezone import now

from annotation.actions import asides, estimates
from annotation.models import DueQuestions, Question, SetAside
from annotation.queries.integrity import CHECKS, find_broken
from tests import builders
from tests.annotation.actions.test_batches import make_campaign

# Fails for one question, as a value that nobody foresaw would.
POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {what}; RETURN NEW; END $$;
CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON annotation_estimate FOR EACH ROW WHEN (NEW.question_id = {question})
EXECUTE FUNCTION poison()
"""
RAISE = "RAISE EXCEPTION 'poison' USING DETAIL = 'a secret of the row'"
QUESTIONS = 7


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def questions(db):
    """Seven that were voted on."""
    campaign = make_campaign(QUESTIONS, by=builders.make_user("carol", "curator"), gold_rate=0, page_size=QUESTIONS)
    builders.vote(builders.make_crowd(1)[0], "UNSURE", campaign=campaign)
    return list(campaign.questions.order_by("pk"))


@pytest.fixture
def poisoned(questions):
    execute(POISON.format(what=RAISE, question=questions[3].pk))
    return questions[3]


def run():
    while estimates.estimate_due(at=now()):
        pass


def list_estimated():
    return set(Question.objects.filter(estimate__isnull=False).values_list("pk", flat=True))


def test_all_others_are_estimated_and_it_is_set_aside_with_its_error(questions, poisoned):
    run()
    aside = SetAside.objects.get()

    assert list_estimated() == {question.pk for question in questions} - {poisoned.pk}
    assert not Question.objects.due().exists()
    assert (aside.question_id, aside.failures) == (poisoned.pk, 1)
    assert aside.error == "InternalError: poison"


def test_new_evidence_has_it_tried_again(questions, poisoned):
    run()
    builders.vote(builders.make_crowd(1)[0], "UNSURE", campaign=questions[0].campaign)
    run()

    assert SetAside.objects.get().failures == 2
    assert not Question.objects.due().exists()


def test_it_comes_back_when_it_is_tried_again_and_succeeds(questions, poisoned):
    run()
    execute("DROP TRIGGER poison ON annotation_estimate")
    output = StringIO()
    call_command("retry_questions", stdout=output)
    run()

    assert output.getvalue().strip() == "1 questions are tried again."
    assert list_estimated() == {question.pk for question in questions}
    assert not SetAside.objects.exists()


def test_a_new_snapshot_does_not_meet_it_again(questions, poisoned):
    run()
    builders.make_snapshot()
    run()

    assert SetAside.objects.get().failures == 1


def test_it_breaks_no_promise_and_is_named_in_a_warning(questions, poisoned):
    run()
    findings = {check.name: find_broken(check) for check in CHECKS}

    assert findings["estimate_counts_votes"].count == 0
    assert findings["no_question_is_set_aside"].shown == [str(poisoned.pk)]
    assert findings["no_question_is_set_aside"].warning


def test_a_database_that_is_slow_sets_nothing_aside(questions):
    execute(POISON.format(what="PERFORM pg_sleep(1)", question=questions[3].pk))

    with transaction.atomic():
        execute("SET LOCAL statement_timeout = '50ms'")
        with pytest.raises(OperationalError):
            estimates.estimate_due(at=now())
        execute("SET LOCAL statement_timeout = 0")

    assert not SetAside.objects.exists()
    assert Question.objects.due().count() == QUESTIONS


def test_where_all_fail_something_else_is_wrong_and_none_is_set_aside(questions):
    execute(POISON.format(what=RAISE, question="0 OR true"))

    with pytest.raises(InternalError, match="poison"):
        estimates.estimate_due(at=now())

    assert not SetAside.objects.exists()
    assert Question.objects.due().count() == QUESTIONS


def test_it_is_tried_again_after_a_while_and_later_each_time(questions, poisoned):
    run()
    failed = SetAside.objects.get().failed_at

    early, late = (asides.retry_questions(at=failed + timedelta(seconds=after), now=False) for after in (119, 121))
    assert (early, late) == (0, 1)
    run()
    failed, failures = SetAside.objects.values_list("failed_at", "failures").get()

    assert failures == 2
    assert asides.retry_questions(at=failed + timedelta(seconds=121), now=False) == 0
    assert asides.retry_questions(at=failed + timedelta(seconds=241), now=False) == 1


def test_a_lone_one_is_set_aside_where_an_estimate_of_before_can_be_made_again(questions):
    run()
    execute(POISON.format(what=RAISE, question=questions[3].pk))
    DueQuestions.objects.create(campaign=questions[3].campaign, questions=[questions[3].pk], due_at=now())
    run()

    assert SetAside.objects.get().question_id == questions[3].pk
