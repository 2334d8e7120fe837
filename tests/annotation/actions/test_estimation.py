import hashlib
import random
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.db import transaction
from django.utils.timezone import now

from annotation.actions import bars, campaigns, disputes, estimation
from annotation.actions.estimation import Work
from annotation.actions.estimation_passes import forget_shards
from annotation.consensus import sampling
from annotation.consensus.fit import Plan, fit
from annotation.consensus.outlook import foresee
from annotation.consensus.procedure import LEAST_GAIN, begin_from, hear_known
from annotation.consensus.sampling import draw_sample, fit_samples
from annotation.consensus.shards import make_course
from annotation.consensus.start import GRADED
from annotation.consensus.synsets import count_states, find_factors
from annotation.models import Annotator, Estimation, EstimationShard, Gold, Snapshot, Vote
from annotation.queries import stripes
from annotation.queries.snapshots import read_parameters
from annotation.queries.teaching import list_teachers, read_parents, read_shard
from annotation.rules import PolicyValues
from hierarchy.errors import Conflict
from hierarchy.models import Candidate
from tests.annotation.voted import make_voted_campaign
from tests.builders import estimate_all, make_dispute, make_gold, make_question, make_user

pytestmark = pytest.mark.django_db
PLAN = Plan(stages=1, last_rounds=4)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    # So that a few dozen questions fill several shards, and a synset lies in more than one.
    monkeypatch.setattr(stripes, "STRIPE", 5)
    forget_shards()
    yield
    forget_shards()


@pytest.fixture
def voted(tmp_path, monkeypatch):
    # Ids of votes go on from one test to the next.
    monkeypatch.setattr(estimation, "FIRST_VOTES", 10**9)
    campaign = make_voted_campaign(tmp_path)[0]
    Gold.objects.update(created_at=now() - timedelta(hours=1))
    return campaign


def find_imported(name):
    """The annotator that an import made of this name."""
    return Annotator.objects.get(user__username="import:" + hashlib.sha256(name.encode()).hexdigest()[:32])


def begin(shards=3, plan=PLAN):
    return estimation.begin_estimation(shards=shards, by=None, at=now(), plan=plan)


def finish(begun):
    """What workers and the command do."""
    while estimation.work_once(at=now()) != Work.IDLE:
        pass
    begun.refresh_from_db()
    return begun


def run(shards=3, plan=PLAN):
    return finish(begin(shards, plan))


def fit_in_one_place(share=1.0):
    """What an estimation that begins now must come to: the same procedure, without shards."""
    annotator_ids, start = list_teachers(), begin_from(read_parameters(Snapshot.objects.latest("pk")))
    whole, _ = read_shard(shard=0, shards=1, annotator_ids=annotator_ids)
    course = make_course(parameters=start, counts=np.zeros((len(annotator_ids), start.states, 3)), plan=PLAN)
    if share < 1:
        course = fit_samples(course, [draw_sample(whole, share=share)])
    blind = fit(votes=whole.votes, start=course.parameters, counts=course.counts, plan=course.plan)
    heard = hear_known(known=whole, course=blind, find_factors=lambda: find_factors_in_one_place(whole, blind))
    course = fit(votes=whole.votes, start=heard.parameters, counts=blind.counts, truth=whole.truth, plan=PLAN)
    parameters = replace(course.parameters, outlook=foresee(counts=course.counts, parameters=course.parameters))
    factors = {} if heard.factors is None else dict(heard.factors.iterate_rows())
    losses = (heard.loss_without, heard.loss_with, heard.factors is not None)
    return describe(annotator_ids.tolist(), course.counts, parameters.to_json(), course.rounds, factors, losses)


def find_factors_in_one_place(whole, blind):
    counts = count_states(shard=whole, course=blind)
    return find_factors(counts=counts, parents=read_parents(), shares=blind.parameters.shares)


def describe_snapshot(snapshot):
    skills = snapshot.skills.order_by("annotator_id")
    counts = np.array([skill.counts for skill in skills])
    ids = [skill.annotator_id for skill in skills]
    factors = dict(snapshot.synset_priors.values_list("synset_id", "log_factors"))
    losses = tuple(snapshot.report[name] for name in ("gold_loss", "synset_loss", "synset_shares_kept"))
    return describe(ids, counts, snapshot.parameters, snapshot.rounds, factors, losses)


def describe(annotator_ids, counts, *rest):
    """Equal only where every bit is."""
    return annotator_ids, counts.tobytes(), *rest


@pytest.mark.parametrize("shards", [1, 3, 8])
def test_a_snapshot_is_that_of_a_fit_in_one_place_to_the_last_bit(voted, shards):
    expected = fit_in_one_place()

    done = run(shards)

    assert (done.status, done.reason) == ("DONE", "")
    assert describe_snapshot(done.snapshot) == expected


@pytest.mark.parametrize("shards", [1, 3, 8])
def test_an_estimation_of_very_many_votes_begins_on_the_same_sample_for_any_number_of_shards(
    voted, monkeypatch, shards
):
    newest = Vote.objects.latest("pk").pk
    monkeypatch.setattr(sampling, "VOTES_OF_A_SAMPLE", newest // 4)
    expected = fit_in_one_place(share=newest // 4 / newest)
    assert expected != fit_in_one_place()

    snapshot = run(shards).snapshot

    assert describe_snapshot(snapshot) == expected
    assert snapshot.votes == Vote.objects.count()


@pytest.fixture
def telling(tmp_path):
    """Votes on synsets in which all but a few questions have the same truth."""
    return make_voted_campaign(tmp_path, synsets=4, each=60, votes=4, accuracy=(0.7, 0.9), yes_shares=(0.05, 0.95))[0]


@pytest.mark.parametrize("shards", [1, 3])
def test_shares_of_synsets_are_kept_where_gold_gains_the_same_for_any_number_of_shards(telling, shards):
    expected = fit_in_one_place()

    snapshot = run(shards).snapshot

    assert describe_snapshot(snapshot) == expected
    assert snapshot.report["synset_shares_kept"]
    assert snapshot.report["synset_loss"] < snapshot.report["gold_loss"] - LEAST_GAIN
    assert list(snapshot.synset_priors.values_list("synset", flat=True)) == [1000, 1001, 1002, 1003]


def test_gold_does_not_count_towards_its_synsets_shares(telling):
    whole, _ = read_shard(shard=0, shards=1, annotator_ids=list_teachers())
    blind = fit(votes=whole.votes, start=GRADED, plan=PLAN)

    counts = count_states(shard=whole, course=blind)

    unknown = telling.questions.exclude(gold__active=True)
    assert counts.values.sum(axis=1).tolist() == [unknown.filter(synset_id=pk).count() for pk in counts.synset_id]


@pytest.mark.parametrize("seed", [1, 2])
def test_processes_that_come_and_go_and_steps_that_are_lost_change_nothing(voted, seed):
    chance, expected = random.Random(seed), fit_in_one_place()
    begun = begin(5)

    while begun.status == "RUNNING":
        if chance.random() < 0.3:
            forget_shards()
        with transaction.atomic():
            estimation.work_once(at=now())
            transaction.set_rollback(chance.random() < 0.2)
        begun.refresh_from_db()

    assert describe_snapshot(begun.snapshot) == expected


def test_every_pass_sees_the_votes_of_the_first(voted):
    expected = fit_in_one_place()
    begun = begin()
    while not begun.passes:
        estimation.work_once(at=now())
        begun.refresh_from_db()

    Vote.objects.filter(pk__lte=Vote.objects.earliest("pk").pk + 100).update(withdrawn_at=now())
    forget_shards()

    assert describe_snapshot(finish(begun).snapshot) == expected


def test_an_estimation_counts_what_it_learned_from(voted):
    snapshot = run().snapshot

    assert (snapshot.votes, snapshot.questions) == (Vote.objects.count(), voted.questions.count())
    assert snapshot.gold == voted.questions.filter(gold__active=True).count() > 0
    assert snapshot.report["gold_loss"] > 0


def test_nothing_but_the_result_is_kept(voted):
    done = run()

    assert [bytes(done.course), bytes(done.previous), bytes(done.annotator_ids)] == [b""] * 3
    assert not EstimationShard.objects.exists()


def test_gold_is_asked_about_every_rule_in_force_once(voted, tmp_path):
    by = make_user("curator", "curator")
    campaigns.change_policy(name=voted.name, policy=PolicyValues(target_error=0.1, vote_cap=6), by=by, at=now())
    make_voted_campaign(tmp_path, seed=1, vote_cap=4)
    make_voted_campaign(tmp_path, seed=2, vote_cap=4)

    rules = run().snapshot.rules

    assert [(rule["target_error"], rule["vote_cap"]) for rule in rules] == [(0.05, 4), (0.1, 6)]


def test_without_gold_no_rule_is_loosened_and_meanings_stay(tmp_path):
    make_voted_campaign(tmp_path, gold_share=0, votes=7, accuracy=(0.9, 0.98))

    snapshot = run().snapshot

    assert snapshot.rules == []
    assert snapshot.parameters["meanings"] == GRADED.meanings.tolist()
    assert (snapshot.gold, snapshot.report["gold_loss"]) == (0, None)


def test_who_says_yes_to_everything_is_barred(tmp_path):
    campaign = make_voted_campaign(tmp_path, each=24, votes=6, gold_share=0.6)[0]

    snapshot = run().snapshot

    spammer = find_imported("crowd-0")
    assert snapshot.skills.get(annotator=spammer).spam
    assert (spammer.barred_at is not None, spammer.bars.get().by_engine) == (True, True)
    assert snapshot.skills.filter(spam=True).count() == Annotator.objects.exclude(barred_at=None).count() == 1
    assert campaign.questions.due().exists()


def test_votes_of_a_barred_annotator_teach_nothing(voted):
    barred = find_imported("crowd-3")
    bars.bar_annotator(annotator_id=barred.pk, reason="why not", by=None, at=now())

    snapshot = run().snapshot

    assert not snapshot.skills.filter(annotator=barred).exists()
    assert snapshot.votes == Vote.objects.exclude(annotator=barred).count()


def test_a_curators_decision_teaches_but_is_no_gold(settled):
    shard, _ = read_shard(shard=0, shards=1, annotator_ids=list_teachers())

    place = shard.item_id.tolist().index(settled.pk)
    assert (shard.truth[place], shard.drawn[place]) == (1, False)


def test_a_shard_knows_each_questions_synset_and_what_importers_said(voted):
    scored = voted.questions.order_by("pk")[4]
    Candidate.objects.filter(pk=scored.candidate_id).update(prior=0.8)

    shard, _ = read_shard(shard=scored.pk // stripes.STRIPE % 3, shards=3, annotator_ids=list_teachers())

    expected = voted.questions.filter(pk__in=shard.item_id).order_by("pk")
    assert 0 < expected.count() < voted.questions.count()
    assert shard.synset_id.tolist() == list(expected.values_list("synset_id", flat=True))
    assert shard.item_id[~np.isnan(shard.prior)].tolist() == [scored.pk]
    assert np.nanmax(shard.prior) == 0.8


@pytest.fixture
def settled(db):
    question = make_dispute()
    curator = make_user("settler", "curator")
    dispute = question.disputes.get()
    disputes.settle_dispute(
        dispute_id=dispute.pk, verdict="ACCEPTED", reason="clear", version=dispute.version, by=curator, at=now()
    )
    return question


def test_votes_that_agree_no_better_than_chance_change_nothing(tmp_path):
    make_voted_campaign(tmp_path, accuracy=(0.5, 0.5), gold_share=0)
    before = Snapshot.objects.latest("pk")

    done = run()

    assert (done.status, done.snapshot) == ("DONE", None)
    assert "do not agree better" in done.reason
    assert Snapshot.objects.latest("pk") == before


def test_without_votes_nothing_is_published():
    make_question()

    done = run()

    assert (done.status, done.snapshot) == ("DONE", None)
    assert done.reason == "No question has two votes, or a vote and a known answer."


def test_before_the_first_campaign_there_is_nothing_to_estimate():
    with pytest.raises(Conflict, match="no campaign has been opened"):
        begin()


def test_one_estimation_runs_at_a_time(voted):
    begin()

    with pytest.raises(Conflict, match="is running"):
        begin()


def test_an_estimation_that_cannot_go_on_fails_with_its_reason_after_three_tries(voted):
    begun, before = begin(), Snapshot.objects.latest("pk")
    Estimation.objects.filter(pk=begun.pk).update(course=b"damaged")

    outcomes = [estimation.work_once(at=now()) for _ in range(4)]

    begun.refresh_from_db()
    assert outcomes == [Work.DONE, Work.DONE, Work.DONE, Work.IDLE]
    assert (begun.status, begun.snapshot) == ("FAILED", None)
    assert begun.reason.startswith("ValueError")
    assert Snapshot.objects.latest("pk") == before
    assert run().status == "DONE"


def test_a_trouble_that_passes_is_forgotten(voted):
    begun = begin()
    course = begun.course
    Estimation.objects.filter(pk=begun.pk).update(course=b"damaged")
    estimation.work_once(at=now())
    Estimation.objects.filter(pk=begun.pk).update(course=course)

    done = finish(begun)

    assert (done.status, done.failures, done.reason) == ("DONE", 0, "")


def test_an_estimation_that_never_ends_fails(voted):
    begun = begin()

    estimation.work_once(at=now() + timedelta(hours=13))

    begun.refresh_from_db()
    assert (begun.status, begun.reason) == ("FAILED", "It did not end within 12:00:00.")


@pytest.mark.parametrize(("hours", "begins"), [(0.9, False), (1.1, True)])
def test_an_estimation_is_due_an_hour_after_the_last_snapshot(voted, hours, begins):
    at = now() + timedelta(hours=hours)

    begun = estimation.begin_estimation_if_due(seconds=3600, most_shards=2, at=at)

    assert (begun is not None) == begins


@pytest.mark.parametrize(("more", "begins"), [(1, False), (0, True)])
def test_an_estimation_is_due_at_once_when_votes_have_doubled(voted, monkeypatch, more, begins):
    run()
    newest = Vote.objects.latest("pk").pk
    Estimation.objects.update(newest_vote=newest // 2 + more)
    monkeypatch.setattr(estimation, "FIRST_VOTES", newest)

    begun = estimation.begin_estimation_if_due(seconds=3600, most_shards=2, at=now())

    assert (begun is not None) == begins


def test_a_handful_of_votes_waits_for_the_time(voted, monkeypatch):
    monkeypatch.setattr(estimation, "FIRST_VOTES", Vote.objects.latest("pk").pk + 1)

    assert estimation.begin_estimation_if_due(seconds=3600, most_shards=2, at=now()) is None


def test_none_is_due_while_one_runs_or_when_nothing_has_come_since(voted):
    later = now() + timedelta(hours=2)
    begun = begin()
    while_it_runs = estimation.begin_estimation_if_due(seconds=3600, most_shards=2, at=later)
    finish(begun)
    assert Annotator.objects.exclude(barred_at=None).count() == 0

    afterwards = estimation.begin_estimation_if_due(seconds=3600, most_shards=2, at=later)

    assert (while_it_runs, afterwards) == (None, None)


def test_new_gold_makes_one_due(voted):
    run()
    make_gold(make_question())

    assert estimation.begin_estimation_if_due(seconds=3600, most_shards=2, at=now() + timedelta(hours=2)) is not None


def test_open_questions_are_scored_under_what_was_learned(voted):
    estimate_all()
    snapshot = run().snapshot

    estimate_all()

    asked = voted.questions.exclude(gold__active=True)
    assert asked.filter(estimate__snapshot=snapshot).count() == asked.count()
