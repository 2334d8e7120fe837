"""Ranges of questions that wait for a new snapshot, and who takes them."""

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from annotation.actions import estimates, estimation, rescoring
from annotation.models import Estimate, RescoredRange, Snapshot
from tests import builders
from tests.annotation.actions.test_batches import make_campaign, run_together


@pytest.fixture
def narrow(monkeypatch):
    """Ranges of four questions."""
    monkeypatch.setattr(rescoring, "QUESTIONS_OF_A_RANGE", 4)


def make_undecided(questions):
    """A campaign with a vote on each question that settles none."""
    campaign = make_campaign(questions, by=builders.make_crowd(1)[0], gold_rate=0, page_size=questions)
    builders.make_votes(campaign, ["UNSURE"])
    return campaign


def read_versions():
    """Which transaction wrote each question, and where it lies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmin::text, ctid::text FROM annotation_question ORDER BY id")
        return cursor.fetchall()


def find_scored(snapshot):
    return set(Estimate.objects.filter(snapshot=snapshot).values_list("question_id", flat=True))


@pytest.mark.django_db
def test_ranges_hold_every_question_once(narrow):
    campaign = make_undecided(10)
    snapshot = builders.make_snapshot()

    ranges = RescoredRange.objects.filter(snapshot=snapshot).values_list("reached", "last")
    held = [pk for reached, last in ranges for pk in range(reached + 1, last + 1)]
    assert len(held) == len(set(held)) == 12
    assert set(campaign.questions.values_list("pk", flat=True)) <= set(held)


@pytest.mark.django_db
def test_a_range_is_scored_chunk_by_chunk_and_then_gone(narrow):
    make_undecided(6)
    snapshot = builders.make_snapshot()
    found = []
    while count := estimates.estimate_due(at=now(), limit=3):
        found.append((count, len(find_scored(snapshot)), RescoredRange.objects.count()))

    assert found == [(3, 3, 2), (1, 4, 1), (2, 6, 0)]


@pytest.mark.django_db
def test_a_newer_snapshot_takes_over_what_waits_for_the_one_before(narrow):
    make_undecided(6)
    builders.make_snapshot()
    estimates.estimate_due(at=now(), limit=3)
    newest = builders.make_snapshot()
    builders.estimate_all()

    assert len(find_scored(newest)) == 6
    assert not RescoredRange.objects.exists()


@pytest.mark.django_db
def test_what_stays_as_it_is_is_not_written(narrow):
    make_undecided(3)
    before = read_versions()
    snapshot = builders.make_snapshot()
    builders.estimate_all()

    assert len(find_scored(snapshot)) == 3
    assert read_versions() == before


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_workers_at_once_take_a_range_each(narrow):
    make_undecided(8)
    builders.make_snapshot()
    with transaction.atomic():
        mine = rescoring.take_step(snapshot=Snapshot.objects.latest("pk"), limit=10).claimed
        counts = run_together(lambda at: estimates.estimate_due(at=at), [now()])

    assert (len(mine), counts) == (4, [4])


@pytest.mark.django_db
def test_finished_questions_wait_while_an_estimation_runs():
    campaign = make_undecided(2)
    finished = campaign.questions.earliest("pk")
    campaign.questions.filter(pk=finished.pk).update(state="REJECTED", decided_at=now())
    snapshot = builders.make_snapshot()
    running = estimation.begin_estimation(shards=1, by=None, at=now())
    builders.estimate_all()
    assert finished.pk not in find_scored(snapshot)

    running.delete()
    builders.estimate_all()
    assert finished.pk in find_scored(snapshot)
