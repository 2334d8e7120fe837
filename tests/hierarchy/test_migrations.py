"""What becomes of the rows of an older version."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F

from hierarchy.models import CountChange, Label, ReleaseCount
from tests.hierarchy.excerpt import day, import_excerpt, label_candidate, make_labelled, publish_release


def migrate(name=None):
    executor = MigrationExecutor(connection)
    executor.migrate([("hierarchy", name)] if name else executor.loader.graph.leaf_nodes())


@pytest.fixture
def older():
    """Takes the tables back to before labels were counted, and at the end of the test up again."""
    yield lambda: migrate("0003_candidate_prior")
    migrate()


def read_counts():
    current = CountChange.objects.exclude(images=0).values_list("synset", "images", "accepted", "rejected")
    return sorted(current), sorted(ReleaseCount.objects.values_list("release", "synset", "accepted", "rejected"))


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_labels_and_releases_of_an_older_version_are_counted(older):
    import_excerpt()
    dog, _ = make_labelled("dog", None, "REJECTED")
    label_candidate(dog, "ACCEPTED", at=day(0), superseded_at=day(2))
    publish_release("first", frozen_at=day(1))
    label_candidate(dog, "REJECTED", at=day(2))
    older()
    migrate()

    current, released = read_counts()
    assert [counts[1:] for counts in current] == [(2, 0, 2)]
    assert [counts[2:] for counts in released] == [(1, 1)]
    assert not Label.objects.exclude(synset=F("candidate__synset")).exists()
