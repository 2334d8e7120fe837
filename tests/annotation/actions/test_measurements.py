import numpy as np
import pytest
from django.utils.timezone import now

from annotation.actions import disputes, estimation, measurements
from annotation.actions.estimation_passes import forget_shards
from annotation.consensus.agreement import krippendorff_alpha
from annotation.consensus.belief import look_up
from annotation.consensus.fit import Plan
from annotation.consensus.model import find_log_tables
from annotation.consensus.scorecard import join_agreement, sum_agreement
from annotation.consensus.synsets import know_beforehand
from annotation.models import Dispute, Measurement, Question, Snapshot
from annotation.queries import stripes
from annotation.queries.measurements import list_measurements
from annotation.queries.snapshots import read_parameters
from annotation.queries.teaching import list_teachers, read_shard
from hierarchy.models import Candidate, Label
from tests.annotation.voted import make_voted_campaign
from tests.builders import estimate_all, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(stripes, "STRIPE", 5)
    forget_shards()
    yield
    forget_shards()


@pytest.fixture
def campaign(tmp_path):
    return make_voted_campaign(tmp_path, votes=6, accuracy=(0.85, 0.97))[0]


def sum_agreement_of(shard, teachers):
    read, campaign_id = read_shard(shard=shard, shards=3, annotator_ids=teachers)
    return sum_agreement(votes=read.votes, place=np.stack([campaign_id, read.synset_id], axis=1))


def measure(campaign, synset_id=None):
    """What is measured under the newest snapshot, by annotators of whom nothing is known."""
    snapshot, teachers = Snapshot.objects.latest("pk"), list_teachers()
    whole, _ = read_shard(shard=0, shards=1, annotator_ids=teachers)
    parameters = read_parameters(snapshot)
    known = whole.select(whole.truth >= 0)
    counts = np.zeros((whole.votes.workers, *parameters.responses.shape))
    measurements.record_measurements(
        snapshot=snapshot,
        known=known,
        added=look_up(votes=known.votes, log_tables=find_log_tables(counts=counts, parameters=parameters)),
        log_prior=know_beforehand(shard=known, parameters=parameters, factors=None),
        agreement=join_agreement(row for shard in range(3) for row in sum_agreement_of(shard, teachers)),
    )
    return Measurement.objects.get(snapshot=snapshot, campaign=campaign, synset_id=synset_id).values


def test_questions_are_counted_by_state_without_gold(campaign):
    estimate_all()

    values = measure(campaign)

    gold = set(campaign.questions.filter(gold__active=True).values_list("pk", flat=True))
    states = [state for pk, state in campaign.questions.values_list("pk", "state") if pk not in gold]
    assert values["questions"] == len(states) > values["accepted"] > 0
    assert values["gold"] == len(gold) > 0
    for state in ("open", "accepted", "rejected", "disputed"):
        assert values[state] == states.count(state.upper())


def test_votes_are_set_against_finished_and_accepted_questions(campaign):
    estimate_all()

    values = measure(campaign)

    finished = Question.objects.filter(state__in=["ACCEPTED", "REJECTED"])
    votes = 6 * finished.count()
    assert values["votes"] == 6 * campaign.questions.count()
    assert values["votes_per_question"] == 6
    assert values["votes_per_accepted"] == pytest.approx(votes / finished.filter(state="ACCEPTED").count())


def test_agreement_is_krippendorffs_of_all_votes_and_of_a_synsets(campaign):
    whole, _ = read_shard(shard=0, shards=1, annotator_ids=list_teachers())
    synset = campaign.synsets.earliest("pk")
    ids = campaign.questions.filter(synset=synset).values_list("pk", flat=True)
    part = whole.select(np.isin(whole.item_id, list(ids)))

    for values, shard in ((measure(campaign), whole), (measure_again(campaign, synset.pk), part)):
        for level in ("nominal", "ordinal"):
            expected = krippendorff_alpha(votes=shard.votes, level=level)
            assert values[f"alpha_{level}"] == pytest.approx(expected, abs=1e-8)


def measure_again(campaign, synset_id):
    Measurement.objects.all().delete()
    return measure(campaign, synset_id)


def test_the_rule_is_scored_on_gold(campaign):
    score = measure(campaign)["on_gold"]

    assert score["questions"] == campaign.questions.filter(gold__active=True).count()
    assert score["recall"]["trials"] == campaign.questions.filter(gold__truth="YES").count()
    assert 0 < score["precision"]["low"] <= score["precision"]["value"] <= score["precision"]["high"]
    assert score["error"]["hits"] <= score["error"]["trials"] <= score["questions"]
    assert 0 <= score["ece"] <= 1


def test_gold_is_decided_with_what_importers_said_of_it_as_any_other_question(campaign):
    before = measure(campaign)["on_gold"]
    for truth, said in (("YES", 0.99), ("NO", 0.01)):
        known = campaign.questions.filter(gold__truth=truth).values("candidate")
        Candidate.objects.filter(pk__in=known).update(prior=said)

    after = measure_again(campaign, None)["on_gold"]

    assert after["nll"] < before["nll"]
    assert after["questions"] == before["questions"]


def test_the_scores_of_synsets_add_up_to_the_campaigns(campaign):
    whole = measure(campaign)

    parts = [found.values for found in Measurement.objects.filter(campaign=campaign, synset__isnull=False)]
    assert len(parts) == campaign.synsets.count()
    for name in ("questions", "gold", "votes"):
        assert sum(part[name] for part in parts) == whole[name]
    scored = [part["on_gold"] for part in parts if part["on_gold"]]
    assert sum(score["error"]["hits"] for score in scored) == whole["on_gold"]["error"]["hits"]


def test_a_curators_decision_is_known_but_no_gold_and_one_against_the_label_is_counted(campaign):
    estimate_all()
    question = campaign.questions.filter(state="ACCEPTED").earliest("pk")
    dispute = Dispute.objects.create(question=question, reason="FLIP", opened_at=now())
    curator = make_user("settler", "curator")
    disputes.settle_dispute(
        dispute_id=dispute.pk, verdict="REJECTED", reason="no", version=dispute.version, by=curator, at=now()
    )

    values = measure(campaign)

    assert Label.objects.current().get(candidate=question.candidate).verdict == "REJECTED"
    assert (values["curators_checked"], values["curators_overruled"]) == (1, 1)
    assert values["on_known"]["questions"] == values["on_gold"]["questions"] + 1


def test_where_nothing_is_known_or_decided_there_is_no_number(tmp_path):
    campaign = make_voted_campaign(tmp_path, gold_share=0, votes=1)[0]

    values = measure(campaign)

    nothing = ("on_gold", "on_known", "votes_per_question", "votes_per_accepted", "curator_load", "alpha_nominal")
    assert [values[name] for name in nothing] == [None] * len(nothing)


def test_measurements_are_stored_with_the_snapshot(campaign):
    estimation.begin_estimation(shards=2, by=None, at=now(), plan=Plan(stages=1, last_rounds=2))
    while estimation.work_once(at=now()) != estimation.Work.IDLE:
        pass

    found = list(list_measurements(snapshot=Snapshot.objects.latest("pk"), campaign_id=campaign.pk))

    assert [each.synset for each in found] == [None, *campaign.synsets.order_by("pk")]
