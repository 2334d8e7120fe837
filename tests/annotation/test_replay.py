"""What the service believes of each question is what the engine, on its own, makes of the exported votes."""

import io

import numpy as np
import pytest
from django.core.management import call_command
from django.utils.timezone import now

from annotation.actions import bars, votes
from annotation.consensus.belief import estimate_votes
from annotation.consensus.files import read_parameters_file, read_votes_file
from annotation.consensus.model import Answer
from annotation.consensus.stored import StoredSnapshot
from annotation.consensus.synsets import SynsetTable
from annotation.consensus.votes import Votes
from annotation.exports.votes import FORMATS
from annotation.models import Estimate, Question, Snapshot
from annotation.queries.exports import write_votes
from tests import builders
from tests.annotation.slow import FOUR

pytestmark = pytest.mark.django_db
QUESTIONS, ANNOTATORS = 30, 9
random = np.random.default_rng(3)


@pytest.fixture
def campaign():
    """Simulated votes of annotators of different skill, some withdrawn, some of a barred annotator, on questions of two synsets,
    of which importers said something or nothing; estimated page by page, the last of them under a second snapshot, which
    keeps the shares of one of the synsets."""
    synsets = [builders.make_synset(1740), builders.make_synset(1930)]
    for candidate in [each for synset in synsets for each in builders.make_candidates(synset, QUESTIONS // 2)[::3]]:
        candidate.prior = random.uniform(0.05, 0.95)
        candidate.save(update_fields=["prior"])
    builders.make_snapshot(FOUR)
    campaign = builders.make_open_campaign(synsets, gold_rate=0, page_size=QUESTIONS // 2)
    Question.objects.update(votes_wanted=20)
    crowd = builders.make_crowd(ANNOTATORS)
    pages = [builders.lease(user, campaign) for _ in synsets for user in crowd]
    truths = random.random(QUESTIONS + 1) < 0.3
    for number, page in enumerate(pages):
        if number == len(pages) - 2:
            learn_skills(pages)
        answer(page, truths, skill=random.uniform(0.5, 0.95))
        builders.estimate_all()
    for page in (pages[1], pages[1 + ANNOTATORS]):
        votes.undo_batch(annotator_id=page.annotator_id, batch_id=page.pk)
    bars.bar_annotator(annotator_id=pages[2].annotator_id, reason="all yes", by=campaign.drafted_by, at=now())
    builders.estimate_all()
    return campaign


def learn_skills(pages):
    """A snapshot that knows all but the last two annotators, and one of the synsets."""
    counts = {page.annotator_id: random.gamma(2, 10, size=(4, 3)) for page in pages[: ANNOTATORS - 2]}
    factors = SynsetTable(synset_id=np.array([1930]), values=np.array([[-0.4, 0.1, 0.2, 0.5]]))
    builders.make_snapshot(FOUR, counts=counts, synset_factors=factors)


def answer(page, truths, *, skill):
    given = []
    for item in page.items.order_by("position"):
        right, wrong = ("YES", "NO") if truths[item.question_id % QUESTIONS] else ("NO", "YES")
        given.append("UNSURE" if random.random() < 0.1 else right if random.random() < skill else wrong)
    builders.submit(page, given)


def export_votes(tmp_path, campaign):
    """The file that anyone would replay, and the votes in it."""
    output = io.StringIO()
    write_votes(output=output, form=FORMATS["replay"], campaign=campaign.name, standing=True, pseudonyms="key")
    path = tmp_path / "votes.csv"
    path.write_text(output.getvalue())
    file = read_votes_file(path=path)
    meaning = np.array([Answer[label.upper()] for label in file.labels])
    votes_of_all = Votes.from_arrays(
        item=file.task,
        worker=file.worker,
        answer=meaning[file.label],
        items=len(file.tasks),
        workers=len(file.workers),
        answers=len(Answer),
    )
    return file, votes_of_all


def export_snapshot(tmp_path):
    """The file that goes with the votes."""
    path = tmp_path / "snapshot.json"
    call_command("export_snapshot", path, pseudonyms="key", stdout=io.StringIO())
    return StoredSnapshot.from_json(read_parameters_file(path=path))


def test_every_stored_estimate_equals_the_replay_of_the_exported_votes(campaign, tmp_path):
    file, given = export_votes(tmp_path, campaign)
    questions = {
        f"{question.synset.wnid}:{question.candidate.image.sha256_hex}": question.pk
        for question in campaign.questions.select_related("synset", "candidate__image")
    }
    stored = export_snapshot(tmp_path)
    replayed = estimate_votes(
        votes=given,
        log_tables=stored.find_log_tables(file.workers),
        parameters=stored.parameters,
        log_prior=stored.find_log_prior(file.tasks),
    )

    found = {estimate.question_id: estimate for estimate in Estimate.objects.filter(question__campaign=campaign)}
    assert len(found) == len(file.tasks) == QUESTIONS
    assert 0 < len(stored.priors) < QUESTIONS
    rows = [found[questions[item]] for item in file.tasks]
    assert [row.votes for row in rows] == replayed.votes.tolist() == [ANNOTATORS - 2] * QUESTIONS
    assert [row.log_odds for row in rows] == pytest.approx(replayed.log_odds.tolist(), abs=1e-9)
    assert [row.probability for row in rows] == pytest.approx(replayed.probability.tolist(), abs=1e-9)
    assert {row.snapshot for row in rows} == {Snapshot.objects.latest("pk")}
