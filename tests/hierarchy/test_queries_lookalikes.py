import pytest
from django.db.models import Q

from hierarchy.models import Candidate, Synset
from hierarchy.queries.lookalikes import list_near_misses, list_rejected, list_siblings
from tests.hierarchy.excerpt import START, find_word, import_excerpt, label_candidate, make_labelled

pytestmark = pytest.mark.django_db
NOTHING = Q(pk__in=[])


@pytest.fixture(autouse=True)
def excerpt():
    import_excerpt()


def near(word, *, hidden=NOTHING, limit=10):
    return [label.candidate_id for label in list_near_misses(find_word(word).pk, limit=limit, hidden=hidden)]


def find_siblings_slowly(synset):
    """The slow twin, link by link."""
    links = synset.parent_links.filter(instance=False)
    others = Synset.objects.filter(parent_links__parent__in=links.values("parent"), parent_links__instance=False)
    related = set(Synset.objects.below(synset.pk, instances=True)) | {
        other for other in others if synset in Synset.objects.below(other.pk, instances=True)
    }
    return sorted({other.pk for other in others} - {other.pk for other in related})


def test_siblings_have_a_parent_in_common_and_are_neither_above_nor_below():
    for synset in Synset.objects.all():
        assert list_siblings(synset.pk) == find_siblings_slowly(synset)


def pick():
    """A synset, and one of its siblings, by their first words."""
    for synset in Synset.objects.order_by("pk"):
        for sibling in list_siblings(synset.pk):
            return synset.words[0], Synset.objects.get(pk=sibling).words[0]
    raise AssertionError("nothing has a sibling")


def test_near_misses_are_accepted_pictures_of_siblings():
    word, sibling = pick()
    (shown, _) = make_labelled(sibling, "ACCEPTED", "REJECTED")
    make_labelled(word, "ACCEPTED")

    assert near(word) == [shown.pk]


def test_a_picture_that_shows_the_synset_too_is_no_near_miss():
    word, sibling = pick()
    (shown,) = make_labelled(sibling, "ACCEPTED")
    both = Candidate.objects.create(image_id=shown.image_id, synset=find_word(word), collected_at=START)
    label_candidate(both, "ACCEPTED", at=START)

    assert near(word) == []


def test_hidden_pictures_and_those_for_curators_are_left_out():
    word, sibling = pick()
    first, second = make_labelled(sibling, "ACCEPTED", "ACCEPTED")

    assert near(word, hidden=Q(candidate=first)) == [second.pk]
    Synset.objects.filter(words__0=sibling).update(safety="OFFENSIVE")
    assert near(word) == []


def test_the_best_of_each_synset_come_first():
    word, sibling = pick()
    made = make_labelled(sibling, None, None)
    for candidate, probability in zip(made, (0.9, 0.99), strict=True):
        label_candidate(candidate, "ACCEPTED", at=START, probability=probability)

    assert near(word, limit=1) == [made[1].pk]


def test_rejected_pictures_are_the_newest_of_the_synset_that_show_nothing_of_it():
    older, newer, _ = make_labelled("dog", "REJECTED", "REJECTED", "ACCEPTED")
    corgi = Candidate.objects.create(image_id=older.image_id, synset=find_word("corgi"), collected_at=START)

    def rejected():
        return [label.candidate_id for label in list_rejected(find_word("dog").pk, limit=9, hidden=NOTHING)]

    assert rejected() == [newer.pk, older.pk]
    label_candidate(corgi, "ACCEPTED", at=START)
    assert rejected() == [newer.pk]
