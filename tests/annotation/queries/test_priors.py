"""What is known of questions before any vote, read from the tables."""

import math
from dataclasses import replace

import numpy as np
import pytest

from annotation.consensus.model import Answer
from annotation.consensus.synsets import SynsetTable
from annotation.models import Estimate, Question, Snapshot
from annotation.queries.priors import read_log_prior, read_task_priors
from hierarchy.models import Candidate
from tests import builders
from tests.annotation.slow import slow_log_odds

pytestmark = pytest.mark.django_db
FACTORS = [0.25, -0.5]
ANSWERS = ["YES", "NO", "YES", "YES"]


@pytest.fixture
def questions():
    """Of two synsets, the shares of one of which are known; importers said something of one of each."""
    synsets = [builders.make_synset(number) for number in (1740, 1930)]
    for synset in synsets:
        scored = builders.make_candidates(synset, 2)[0]
        Candidate.objects.filter(pk=scored.pk).update(prior=0.9)
    builders.make_snapshot(synset_factors=SynsetTable(synset_id=np.array([1740]), values=np.array([FACTORS])))
    return list(builders.make_open_campaign(synsets, gold_rate=0, vote_cap=len(ANSWERS)).questions.order_by("pk"))


def read(questions, snapshot=None):
    ids = [question.pk for question in questions]
    return read_log_prior(
        question_ids=ids, snapshot=snapshot or Snapshot.objects.latest("pk"), parameters=builders.CLEAR
    )


def vote_on_all(questions, answers):
    """A page of each synset from everybody, before anything is estimated."""
    Question.objects.update(votes_wanted=20)
    for user, answer in zip(builders.make_crowd(len(answers)), answers, strict=True):
        for _ in range(2):
            builders.vote(user, answer, campaign=questions[0].campaign)
    builders.estimate_all()


def slow_log_prior(*, said, factors):
    """By Bayes' rule, state by state; then what the synset tells."""
    clear = builders.CLEAR
    base = float(clear.shares @ clear.meanings[:, 1])
    by_rule = [0.0, 0.0]
    if said is not None:
        by_rule = [math.log(yes * said / base + no * (1 - said) / (1 - base)) for no, yes in clear.meanings]
    return [one + other for one, other in zip(by_rule, factors, strict=True)]


def test_what_importers_said_and_what_synsets_tell_is_added(questions):
    expected = [slow_log_prior(said=said, factors=factors) for factors in (FACTORS, [0.0, 0.0]) for said in (0.9, None)]

    assert read(questions) == pytest.approx(np.array(expected), abs=1e-12)


def test_where_nothing_is_known_there_is_no_prior(questions):
    assert read(questions[3:]) is None
    assert read([]) is None


def test_a_snapshot_without_shares_of_synsets_knows_what_importers_said_alone(questions):
    later = builders.make_snapshot()

    assert read(questions[1:2], later) is None
    assert read(questions[:1], later) == pytest.approx(read(questions[2:3], later))


def test_an_estimate_is_that_of_a_crowd_of_questions_with_the_synsets_shares(questions):
    vote_on_all(questions, ANSWERS)

    shares = builders.CLEAR.shares * np.exp(FACTORS)
    of_synset = replace(builders.CLEAR, shares=shares / shares.sum())
    given = [Answer[answer] for answer in ANSWERS]
    for question, parameters in ((questions[1], of_synset), (questions[3], builders.CLEAR)):
        expected = slow_log_odds(given, parameters)
        assert Estimate.objects.get(question=question).log_odds == pytest.approx(expected, abs=1e-9)


def test_priors_of_tasks_are_those_of_their_questions(questions):
    vote_on_all(questions, ANSWERS[:1])

    found = read_task_priors(campaign_id=None, snapshot=Snapshot.objects.latest("pk"), parameters=builders.CLEAR)

    assert list(found) == [f"{each.synset.wnid}:{each.candidate.image.sha256_hex}" for each in questions[:3]]
    assert np.array(list(found.values())) == pytest.approx(read(questions)[:3])
