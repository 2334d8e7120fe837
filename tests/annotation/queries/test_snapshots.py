"""What annotators' votes add, as processes keep it."""

import numpy as np
import pytest

from annotation.queries import snapshots
from annotation.queries.snapshots import read_log_tables
from tests import builders

pytestmark = pytest.mark.django_db
GOOD, ALL_YES = ([[90, 5, 5], [5, 5, 90]], [[1, 1, 98], [1, 1, 98]])


@pytest.fixture
def known(monkeypatch):
    """Ids of three annotators, of whom two are known; nothing is kept yet."""
    monkeypatch.setattr(snapshots, "_kept", None)
    ids = [builders.find_annotator(user).pk for user in builders.make_crowd(3)]
    snapshot = builders.make_snapshot(counts={ids[0]: GOOD, ids[2]: ALL_YES})
    return snapshot, np.array(ids)


def read(snapshot, ids):
    return read_log_tables(snapshot=snapshot, parameters=builders.CLEAR, annotator_ids=ids)


def test_tables_are_the_same_in_whatever_parts_they_are_asked_for(known):
    snapshot, ids = known
    parts = [read(snapshot, ids[chosen]) for chosen in ([1], [0, 1], [0, 2])]

    assert np.array_equal(read(snapshot, ids), np.stack([parts[1][0], parts[0][0], parts[2][1]]))
    assert len(np.unique(read(snapshot, ids), axis=0)) == 3


def test_tables_that_were_read_are_not_read_again(known, django_assert_num_queries):
    snapshot, ids = known
    read(snapshot, ids)

    with django_assert_num_queries(0):
        read(snapshot, ids[1:])


def test_another_snapshot_has_tables_of_its_own(known):
    snapshot, ids = known
    before = read(snapshot, ids)
    newer = builders.make_snapshot(counts={int(ids[0]): ALL_YES})

    assert not np.array_equal(read(newer, ids), before)
    assert np.array_equal(read(snapshot, ids), before)


def test_no_more_than_so_many_are_kept(known, monkeypatch):
    snapshot, ids = known
    monkeypatch.setattr(snapshots, "TABLES_KEPT", 1)
    read(snapshot, ids[:2])

    assert read(snapshot, ids[2:]).shape == (1, 2, 3)
    assert snapshots._kept.annotator_id.tolist() == ids[2:].tolist()
