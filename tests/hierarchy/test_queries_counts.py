import pytest

from hierarchy.models import Candidate, Label, ParentLink
from hierarchy.queries import counts, synsets
from hierarchy.queries.counts import LabelCounts
from hierarchy.queries.visibility import labels_visible_to
from tests.hierarchy.excerpt import (
    day,
    find_word,
    import_excerpt,
    label_candidate,
    make_labelled,
    publish_release,
    walk_below,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def excerpt():
    import_excerpt()


def count_slowly(synset_id, *, everything):
    below = walk_below(synset_id)
    verdicts = [
        label.verdict for label in labels_visible_to(everything=everything) if label.candidate.synset_id in below
    ]
    return LabelCounts(
        images=Candidate.objects.filter(synset_id__in=below).count(),
        accepted=verdicts.count(Label.Verdict.ACCEPTED),
        rejected=verdicts.count(Label.Verdict.REJECTED),
    )


@pytest.mark.parametrize("everything", [True, False])
def test_children_count_what_lies_at_and_below_them(everything):
    make_labelled("dog", "ACCEPTED", "REJECTED", None)
    make_labelled("puppy", "ACCEPTED", "ACCEPTED")
    make_labelled("lynx", "REJECTED", None)
    make_labelled("Paris", "ACCEPTED", at=day(5))
    publish_release("first", frozen_at=day(1))

    for parent in set(ParentLink.objects.values_list("parent_id", flat=True)):
        for row in counts.list_children(parent, everything=everything):
            assert row.counts == count_slowly(row.synset.pk, everything=everything)


def test_a_relabelled_candidate_counts_once():
    (candidate,) = make_labelled("dog", None)
    label_candidate(candidate, "ACCEPTED", at=day(0), superseded_at=day(1))
    label_candidate(candidate, "REJECTED", at=day(1))

    found = counts.count_below(synsets.find_root().pk, everything=True)

    assert (found.images, found.accepted, found.rejected) == (1, 0, 1)


def test_children_come_in_two_queries_whatever_their_number(django_assert_num_queries):
    parent = find_word("domestic animal").pk

    with django_assert_num_queries(2):
        counts.list_children(parent, everything=False)


def test_children_come_by_first_word_and_say_whether_more_is_below():
    rows = counts.list_children(find_word("domestic animal").pk, everything=True)

    assert [(row.synset.words[0], row.has_children) for row in rows] == [("dog", True), ("domestic cat", False)]


def test_children_are_paged_by_number():
    parent = find_word("domestic animal").pk

    page = counts.list_children(parent, everything=True, offset=1, limit=1)

    assert [row.synset.words[0] for row in page] == ["domestic cat"]
    assert counts.list_children(parent, everything=True, offset=2) == []


def test_an_instance_is_marked():
    rows = counts.list_children(find_word("national capital").pk, everything=True)

    assert [(row.synset.words[0], row.instance) for row in rows] == [("Paris", True)]


def test_instances_are_counted_only_if_asked_for():
    make_labelled("Paris", "ACCEPTED")
    root = synsets.find_root().pk

    assert counts.count_below(root, everything=True).accepted == 1
    assert counts.count_below(root, everything=True, instances=False).accepted == 0


def test_the_number_of_descendants_leaves_out_the_synset_itself():
    root = synsets.find_root().pk

    assert counts.count_below(root, everything=True).descendants == 38
    assert counts.count_below(root, everything=True, instances=False).descendants == 37
    assert counts.count_below(find_word("Paris").pk, everything=True).descendants == 0
