import io
import json

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from annotation.consensus import replay
from annotation.consensus.calibrate import Calibration, Side
from annotation.consensus.decide import Rule
from annotation.consensus.priors import weigh_states
from annotation.consensus.stored import StoredSnapshot
from annotation.consensus.synsets import SynsetTable
from annotation.exports.pseudonyms import write_pseudonym
from annotation.models import Question, Snapshot
from hierarchy.models import Candidate
from tests import builders

pytestmark = pytest.mark.django_db
COUNTS = [[9.0, 1.0, 0.5], [0.0, 1.0, 9.0]]


@pytest.fixture
def campaigns(db):
    """Two campaigns, each with two voted questions of a synset of its own; something is known of three of them."""
    synsets = [builders.make_synset(number) for number in (1740, 1930)]
    scored = builders.make_candidates(synsets[0], 2)[0]
    builders.make_candidates(synsets[1], 2)
    Candidate.objects.filter(pk=scored.pk).update(prior=0.9)
    opened = [builders.make_open_campaign([synset], name=f"of-{synset.pk}", gold_rate=0) for synset in synsets]
    ann = builders.make_user("ann")
    for campaign in opened:
        builders.vote(ann, "YES", campaign=campaign)
    factors = SynsetTable(synset_id=np.array([1930]), values=np.array([[0.25, -0.5]]))
    builders.make_snapshot(counts={builders.find_annotator(ann).pk: COUNTS}, synset_factors=factors)
    return opened


def export_snapshot(*options):
    output = io.StringIO()
    call_command("export_snapshot", "--pseudonyms=key", *options, stdout=output)
    return output.getvalue()


def read_exported(*options):
    return StoredSnapshot.from_json(json.loads(export_snapshot("-", *options)))


def list_tasks(campaign):
    questions = Question.objects.filter(campaign=campaign).order_by("pk").select_related("synset", "candidate__image")
    return [f"{each.synset.wnid}:{each.candidate.image.sha256_hex}" for each in questions]


def test_parameters_and_annotators_are_written_under_pseudonyms(campaigns):
    stored = read_exported()

    assert stored.parameters.to_json() == builders.CLEAR.to_json()
    ann = builders.find_annotator(User.objects.get(username="ann"))
    assert {name: counts.tolist() for name, counts in stored.workers.items()} == {
        write_pseudonym(ann.pk, key="key"): COUNTS
    }


def test_what_importers_said_and_the_shares_of_synsets_are_priors_of_tasks(campaigns):
    priors = read_exported().priors

    scored = weigh_states(probability=np.array([0.9]), parameters=builders.CLEAR)[0]
    expected = {
        list_tasks(campaigns[0])[0]: scored.tolist(),
        **{task: [0.25, -0.5] for task in list_tasks(campaigns[1])},
    }
    assert {task: factors.tolist() for task, factors in priors.items()} == expected


def test_priors_are_those_of_one_campaign_where_it_is_named(campaigns):
    assert list(read_exported("--campaign", campaigns[1].name).priors) == list_tasks(campaigns[1])


def test_an_earlier_snapshot_is_written_as_it_was(campaigns):
    first = Snapshot.objects.earliest("pk")

    stored = read_exported("--snapshot", str(first.pk))

    assert stored.workers == {}
    assert list(stored.priors) == list_tasks(campaigns[0])[:1]


def test_tolerances_chosen_on_gold_are_written(campaigns):
    side = Side(tolerance=0.12, decided=40.0, wrong=2.0, highest_error=0.14)
    calibration = Calibration(gold=60, accept=side, reject=side, votes=3.2, undecided=0.1)
    rule = Rule(target_error=0.04, vote_cap=7)
    builders.make_snapshot(rules={rule: calibration})

    assert read_exported().find_rule(target_error=0.04, vote_cap=7) == calibration.apply(rule)


@pytest.mark.parametrize("rule", ["all-votes", "sequential"])
def test_the_engine_alone_replays_exported_votes_under_it(campaigns, tmp_path, capsys, rule):
    votes, snapshot, labels = (tmp_path / name for name in ("votes.csv", "snapshot.json", "labels.csv"))
    call_command(
        "export_votes",
        "--pseudonyms=key",
        "--replay",
        "--campaign",
        campaigns[0].name,
        "--output",
        votes,
        stdout=io.StringIO(),
    )
    export_snapshot(snapshot)

    files = ["--votes", votes, "--parameters", snapshot, "--output", labels, "--rule", rule]
    status = replay.main([*map(str, files), "--positive", "yes", "--unsure", "unsure"])

    assert (status, json.loads(capsys.readouterr().out)["votes_used"]) == (0, 2)
    probability = {line.split(",")[0]: float(line.split(",")[2]) for line in labels.read_text().splitlines()[1:]}
    scored, other = list_tasks(campaigns[0])
    assert probability[scored] > probability[other]


def test_a_file_is_whole_or_not_there(campaigns, tmp_path):
    path = tmp_path / "snapshot.json"
    newest = Snapshot.objects.latest("pk").pk

    output = export_snapshot(path)

    assert output == f"snapshot {newest} written to {path}: 1 annotators, 3 questions with a prior\n"
    assert path.read_text() == export_snapshot("-")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["-", "--campaign", "nowhere"], "no campaign nowhere"),
        (["-", "--snapshot", "999999"], "no snapshot 999999"),
        (["/nowhere/snapshot.json"], "/nowhere/snapshot.json"),
    ],
)
def test_what_cannot_be_meant_is_named(campaigns, options, problem):
    with pytest.raises(CommandError, match=problem):
        export_snapshot(*options)


def test_before_the_first_campaign_there_is_none():
    with pytest.raises(CommandError, match="no snapshot yet"):
        export_snapshot("-")


def test_a_snapshot_of_an_older_engine_is_refused(db):
    Snapshot.objects.create(parameters={"version": 1}, published_at=now())

    with pytest.raises(CommandError, match="of an older engine"):
        export_snapshot("-")
