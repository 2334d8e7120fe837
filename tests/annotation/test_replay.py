"""What the service believes of each question is what the engine, on its own, makes of the exported votes."""

import io

import numpy as np
import pytest
from django.utils.timezone import now

from annotation.actions import accounts, votes
from annotation.consensus.belief import estimate_votes
from annotation.consensus.files import read_votes_file
from annotation.consensus.model import Answer
from annotation.consensus.priors import weigh_states
from annotation.consensus.stored import StoredSnapshot
from annotation.consensus.votes import Votes
from annotation.exports.votes import FORMATS
from annotation.models import Annotator, Estimate, Question, Snapshot
from annotation.queries.exports import write_pseudonym, write_votes
from annotation.queries.snapshots import read_parameters
from tests import builders
from tests.annotation.slow import FOUR

pytestmark = pytest.mark.django_db
QUESTIONS, ANNOTATORS = 30, 9
random = np.random.default_rng(3)


@pytest.fixture
def campaign():
    """Simulated votes of annotators of different skill, some withdrawn, some of a barred annotator, on questions of which
    importers said something or nothing; estimated page by page, the last of them under a second snapshot."""
    synset = builders.make_synset(1740)
    for candidate in builders.make_candidates(synset, QUESTIONS)[::3]:
        candidate.prior = random.uniform(0.05, 0.95)
        candidate.save(update_fields=["prior"])
    builders.make_snapshot(FOUR)
    campaign = builders.make_open_campaign([synset], gold_rate=0, page_size=QUESTIONS)
    Question.objects.update(votes_wanted=20)
    pages = [builders.lease(user, campaign) for user in builders.make_crowd(ANNOTATORS)]
    truths = random.random(QUESTIONS + 1) < 0.3
    for number, page in enumerate(pages):
        if number == ANNOTATORS - 2:
            learn_skills(pages)
        answer(page, truths, skill=random.uniform(0.5, 0.95))
        builders.estimate_all()
    votes.undo_batch(annotator_id=pages[1].annotator_id, batch_id=pages[1].pk)
    accounts.bar_annotator(annotator_id=pages[2].annotator_id, reason="all yes", by=campaign.drafted_by, at=now())
    builders.estimate_all()
    return campaign


def learn_skills(pages):
    """A snapshot that knows all but the last two annotators."""
    counts = {page.annotator_id: random.gamma(2, 10, size=(4, 3)) for page in pages[:-2]}
    builders.make_snapshot(FOUR, counts=counts)


def answer(page, truths, *, skill):
    given = []
    for item in page.items.order_by("position"):
        right, wrong = ("YES", "NO") if truths[item.question_id % QUESTIONS] else ("NO", "YES")
        given.append("UNSURE" if random.random() < 0.1 else right if random.random() < skill else wrong)
    builders.submit(page, given)


def export_votes(tmp_path, campaign):
    """The file that anyone would replay, and the votes in it of those who are not barred."""
    output = io.StringIO()
    write_votes(output=output, form=FORMATS["replay"], campaign=campaign.name, standing=True)
    path = tmp_path / "votes.csv"
    path.write_text(output.getvalue())
    file = read_votes_file(path=path)
    barred = {
        write_pseudonym(pk) for pk in Annotator.objects.filter(barred_at__isnull=False).values_list("pk", flat=True)
    }
    counts = np.array([name not in barred for name in file.workers])
    meaning = np.array([Answer[label.upper()] for label in file.labels])
    votes_of_all = Votes.from_arrays(
        item=file.task,
        worker=file.worker,
        answer=meaning[file.label],
        items=len(file.tasks),
        workers=len(file.workers),
        answers=len(Answer),
    )
    return file, votes_of_all.select(counts[votes_of_all.worker])


def store(snapshot):
    """The snapshot as a file holds it, its annotators under the names they have in exports."""
    parameters = read_parameters(snapshot)
    workers = {
        write_pseudonym(skill.annotator_id): np.array(skill.counts).reshape(parameters.responses.shape)
        for skill in snapshot.skills.all()
    }
    return StoredSnapshot.from_json(StoredSnapshot(parameters=parameters, workers=workers, rules=[]).to_json())


def test_every_stored_estimate_equals_the_replay_of_the_exported_votes(campaign, tmp_path):
    file, given = export_votes(tmp_path, campaign)
    prior = {
        f"{question.synset.wnid}:{question.candidate.image.sha256_hex}": (question.pk, question.candidate.prior)
        for question in campaign.questions.select_related("synset", "candidate__image")
    }
    stored = store(Snapshot.objects.latest("pk"))
    said = np.array([prior[item][1] for item in file.tasks], dtype=np.float64)
    replayed = estimate_votes(
        votes=given,
        log_tables=stored.find_log_tables(file.workers),
        parameters=stored.parameters,
        log_prior=weigh_states(probability=said, parameters=stored.parameters),
    )

    found = {estimate.question_id: estimate for estimate in Estimate.objects.filter(question__campaign=campaign)}
    assert len(found) == len(file.tasks) == QUESTIONS
    rows = [found[prior[item][0]] for item in file.tasks]
    assert [row.votes for row in rows] == replayed.votes.tolist() == [ANNOTATORS - 2] * QUESTIONS
    assert [row.log_odds for row in rows] == pytest.approx(replayed.log_odds.tolist(), abs=1e-9)
    assert [row.probability for row in rows] == pytest.approx(replayed.probability.tolist(), abs=1e-9)
    assert {row.snapshot for row in rows} == {Snapshot.objects.latest("pk")}
