import pytest

from hierarchy.models import Release
from hierarchy.queries.visibility import labels_visible_to
from tests.hierarchy.excerpt import day, label_candidate, publish_release
from tests.hierarchy.rows import make_candidates

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate():
    return make_candidates(1)[0]


def visible(*, everything):
    return [label.verdict for label in labels_visible_to(everything=everything)]


def test_before_the_first_release_only_curators_see_labels(candidate):
    label_candidate(candidate, "ACCEPTED", at=day(0))
    Release.objects.create(name="draft", frozen_at=day(9))

    assert visible(everything=True) == ["ACCEPTED"]
    assert visible(everything=False) == []


def test_everybody_sees_labels_as_the_newest_release_froze_them(candidate):
    label_candidate(candidate, "ACCEPTED", at=day(0), superseded_at=day(3))
    label_candidate(candidate, "REJECTED", at=day(3))
    publish_release("first", frozen_at=day(1))
    assert visible(everything=False) == ["ACCEPTED"]

    publish_release("second", frozen_at=day(4))
    assert visible(everything=False) == ["REJECTED"]


def test_a_label_superseded_at_the_very_moment_is_not_in_it_and_its_successor_is(candidate):
    label_candidate(candidate, "ACCEPTED", at=day(0), superseded_at=day(3))
    label_candidate(candidate, "REJECTED", at=day(3))

    publish_release("first", frozen_at=day(3))

    assert visible(everything=False) == ["REJECTED"]
    assert visible(everything=True) == ["REJECTED"]


def test_it_costs_no_query_of_its_own(candidate, django_assert_num_queries):
    with django_assert_num_queries(1):
        list(labels_visible_to(everything=False))
