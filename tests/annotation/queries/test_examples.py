import pytest
from django.utils.timezone import now

from annotation.models import Question
from annotation.queries.examples import list_examples
from hierarchy.actions.labels import Verdict, record_labels
from hierarchy.models import Candidate, Synset
from tests.builders import lease, make_candidates, make_gold, make_open_campaign, make_synset, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def dog():
    animal = make_synset(1, words=["animal"])
    make_synset(3, words=["wolf"], parents=[animal])
    return make_synset(2, words=["dog"], parents=[animal])


@pytest.fixture
def batch(dog):
    make_candidates(dog, 2)
    return lease(make_user("ann"), make_open_campaign([dog], gold_rate=0, page_size=1))


def label(synset_id, verdict):
    """A candidate of the synset that nobody is asked about, labelled."""
    (candidate,) = make_candidates(Synset.objects.get(pk=synset_id), 1)
    verdicts = [Verdict(candidate.pk, verdict, 0.99, 3)]
    record_labels(verdicts=verdicts, source="CONSENSUS", source_ref="campaign:old snapshot:1", by=None, at=now())
    return candidate


def show(batch):
    found = list_examples(batch, limit=6)
    return [[each.image_id for each in kind] for kind in (found.positive, found.near_miss, found.negative)]


def test_examples_are_of_three_kinds(batch):
    yes, near, no = label(2, "ACCEPTED"), label(3, "ACCEPTED"), label(2, "REJECTED")

    assert show(batch) == [[yes.image_id], [near.image_id], [no.image_id]]
    assert [each.word for each in list_examples(batch, limit=6).near_miss] == ["wolf"]


@pytest.mark.parametrize("gold", [True, False])
def test_a_picture_that_is_asked_for_any_synset_is_no_example(batch, gold):
    for candidate in (label(2, "ACCEPTED"), label(3, "ACCEPTED"), label(2, "REJECTED")):
        Candidate.objects.create(image_id=candidate.image_id, synset_id=1, collected_at=now())
    campaign = make_open_campaign([Candidate.objects.latest("pk").synset])
    for question in campaign.questions.all() if gold else []:
        make_gold(question)

    assert show(batch) == [[], [], []]


def test_a_picture_that_comes_to_be_asked_is_hidden_at_once(batch):
    candidate = label(2, "ACCEPTED")
    assert show(batch)[0] == [candidate.image_id]
    Candidate.objects.create(image_id=candidate.image_id, synset_id=1, collected_at=now())

    make_open_campaign([Candidate.objects.latest("pk").synset])

    assert show(batch) == [[], [], []]


def test_a_picture_that_others_finished_meanwhile_is_hidden_from_whoever_has_it_before_them(batch):
    held = Question.objects.get(batch_items__batch=batch)
    Question.objects.filter(pk=held.pk).update(state="ACCEPTED", decided_at=now())
    verdicts = [Verdict(held.candidate_id, "ACCEPTED", 0.99, 3)]
    record_labels(verdicts=verdicts, source="CONSENSUS", source_ref="campaign:old snapshot:1", by=None, at=now())

    assert show(batch)[0] == []
    batch.annotator_id += 1000
    assert show(batch)[0] == [held.candidate.image_id]


def test_one_query_where_somebody_looked_before(batch, django_assert_num_queries):
    label(2, "ACCEPTED")
    show(batch)

    with django_assert_num_queries(1):
        show(batch)
