"""What triggers count of candidates and labels, however these are written."""

import threading
from collections import defaultdict

import pytest
from django.db import connection, connections, transaction
from django.db.models import Sum

from hierarchy.actions import counts, labels
from hierarchy.actions.labels import Verdict
from hierarchy.models import Candidate, CountChange, Label
from hierarchy.tasks import fold_counts
from tests.hierarchy.excerpt import day
from tests.hierarchy.rows import make_candidates, make_synset

NOTHING = (0, 0, 0)


def read_counts():
    """(images, accepted, rejected) by synset, where there is any."""
    sums = CountChange.objects.values_list("synset_id").annotate(Sum("images"), Sum("accepted"), Sum("rejected"))
    return {synset: found for synset, *found in sums if tuple(found) != NOTHING}


def recount():
    """The slow twin: of the rows themselves."""
    found: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for candidate in Candidate.objects.prefetch_related("labels"):
        verdicts = [label.verdict for label in candidate.labels.all() if label.superseded_at is None]
        for place, count in enumerate([1, verdicts.count("ACCEPTED"), verdicts.count("REJECTED")]):
            found[candidate.synset_id][place] += count
    return found


def record(candidates, verdict, *, at):
    verdicts = [Verdict(candidate.pk, verdict, 0.9, 3) for candidate in candidates]
    labels.record_labels(verdicts=verdicts, source="CONSENSUS", source_ref="campaign:demo", by=None, at=at)


def change_verdicts():
    """Two synsets whose labels were recorded, and some of them recorded again."""
    dogs, cats = (make_candidates(3, synset=make_synset(number), name=str(number)) for number in (1, 2))
    record(dogs[:2], "ACCEPTED", at=day(0))
    record([dogs[2], *cats], "REJECTED", at=day(1))
    record([dogs[0], cats[0]], "REJECTED", at=day(2))
    record([cats[1]], "ACCEPTED", at=day(3))
    return dogs, cats


@pytest.mark.django_db
def test_current_labels_are_counted_as_they_are_recorded_and_recorded_again():
    change_verdicts()

    assert read_counts() == recount() == {1: [3, 1, 2], 2: [3, 1, 2]}


@pytest.mark.django_db
def test_a_candidate_that_goes_or_moves_is_counted_where_it_is():
    first, second, _ = make_candidates(3, synset=make_synset(1))
    make_synset(2)
    Candidate.objects.filter(pk=first.pk).update(synset_id=2)
    second.delete()

    assert read_counts() == recount() == {1: [1, 0, 0], 2: [1, 0, 0]}


@pytest.mark.django_db
def test_what_is_rolled_back_was_never_counted():
    synset = make_synset(1)
    with transaction.atomic():
        make_candidates(3, synset=synset)
        transaction.set_rollback(True)

    assert read_counts() == {}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("table", "left"), [("hierarchy_label", {1: [3, 0, 0], 2: [3, 0, 0]}), ("hierarchy_candidate", {})]
)
def test_an_emptied_table_counts_nothing(table, left):
    change_verdicts()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"TRUNCATE {table} CASCADE")

    assert read_counts() == left


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [2, 3, 1000])
def test_folding_leaves_one_row_a_synset_and_the_counts_as_they_were(monkeypatch, rows):
    monkeypatch.setattr(counts, "ROWS_AT_ONCE", rows)
    change_verdicts()
    counted = read_counts()
    fold_counts()

    assert read_counts() == counted
    assert CountChange.objects.count() == 2
    assert counts.fold_counts() == 0


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_folds_and_a_writer_at_the_same_time_lose_nothing():
    candidates = make_candidates(40, synset=make_synset(1))
    done = threading.Event()

    def keep_folding():
        while not done.is_set():
            counts.fold_counts()
        connections.close_all()

    folds = [threading.Thread(target=keep_folding) for _ in range(2)]
    for fold in folds:
        fold.start()
    for number, candidate in enumerate(candidates):
        record([candidate], "ACCEPTED", at=day(number))
        assert read_counts() == {1: [40, number + 1, 0]}
    done.set()
    for fold in folds:
        fold.join()

    assert read_counts() == recount()
    assert Label.objects.count() == 40
