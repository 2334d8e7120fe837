import io

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from annotation.actions import estimation
from annotation.actions.estimation_passes import forget_shards
from annotation.consensus.fit import Plan
from annotation.models import Estimation, Snapshot
from tests.annotation.voted import make_voted_campaign
from tests.builders import estimate_all, make_question

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept():
    forget_shards()
    yield
    forget_shards()


@pytest.fixture
def voted(tmp_path):
    return make_voted_campaign(tmp_path)[0]


def estimate(*arguments):
    output, progress = io.StringIO(), io.StringIO()
    call_command("estimate", *arguments, stdout=output, stderr=progress)
    return output.getvalue(), progress.getvalue()


def begin():
    """One that takes few passes, for the command to join."""
    return estimation.begin_estimation(shards=2, by=None, at=now(), plan=Plan(stages=1, last_rounds=2))


def test_it_publishes_a_snapshot_and_says_what_changed(voted):
    before = Snapshot.objects.latest("pk")

    output, progress = estimate()

    snapshot = Snapshot.objects.latest("pk")
    assert snapshot.pk > before.pk
    assert f"snapshot {snapshot.pk} (before: {before.pk}): 420 votes on 84 questions" in output
    assert "target 0.05, cap 10, on" in output
    assert "questions scored:" in output
    assert "without truth: round 0, pass 0" in progress


def test_it_shows_how_each_campaign_and_synset_is_doing(voted):
    begin()

    output, _ = estimate()

    lines = [line for line in output.splitlines() if line.startswith(voted.name)]
    assert len(lines) == 1 + voted.synsets.count()
    assert "gold: precision" in lines[0]


def test_every_question_is_scored_under_the_new_snapshot(voted):
    begin()

    estimate()

    asked = voted.questions.exclude(gold__active=True)
    assert not asked.due().exists()
    assert asked.filter(estimate__snapshot=Snapshot.objects.latest("pk")).count() == asked.count()


def test_one_campaign_is_scored_while_all_teach(voted, tmp_path):
    other = make_voted_campaign(tmp_path, seed=1)[0]
    estimate_all()
    begin()

    output, _ = estimate("--campaign", other.name)

    newest = Snapshot.objects.latest("pk")
    assert newest.votes == 840
    assert other.questions.filter(estimate__snapshot=newest).exists()
    assert not voted.questions.filter(estimate__snapshot=newest).exists()
    assert not any(line.startswith(voted.name) for line in output.splitlines())


def test_it_joins_an_estimation_that_is_running(voted):
    begun = begin()
    estimation.work_once(at=now())

    _, progress = estimate()

    assert f"joining estimation {begun.pk}" in progress
    assert Estimation.objects.get().status == "DONE"


def test_it_says_why_nothing_is_published():
    make_question()

    output, _ = estimate()

    assert output == "No snapshot is published: No question has two votes, or a vote and a known answer.\n"


def test_it_fails_with_the_reason_of_an_estimation_that_failed(voted):
    begun = estimation.begin_estimation(shards=1, by=None, at=now())
    Estimation.objects.filter(pk=begun.pk).update(course=b"damaged")

    with pytest.raises(CommandError, match="The estimation failed: ValueError"):
        estimate()


def test_an_unknown_campaign_is_named_before_anything_is_done(voted):
    with pytest.raises(CommandError, match="There is no campaign nowhere"):
        estimate("--campaign", "nowhere")

    assert not Estimation.objects.exists()


def test_it_needs_a_campaign_that_was_opened():
    with pytest.raises(CommandError, match="no campaign has been opened"):
        estimate()
