import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from hierarchy.actions import labels
from hierarchy.actions.labels import Verdict
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import Label
from tests.hierarchy.rows import make_candidates

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


def record(
    candidates, *, verdict="ACCEPTED", source="CONSENSUS", source_ref="campaign:demo snapshot:1", at=AT, votes=5
):
    verdicts = [
        Verdict(candidate_id=candidate.pk, verdict=verdict, probability=0.97, votes=votes) for candidate in candidates
    ]
    return labels.record_labels(verdicts=verdicts, source=source, source_ref=source_ref, by=None, at=at)


def current_verdicts():
    return dict(Label.objects.current().values_list("candidate_id", "verdict"))


@pytest.mark.django_db
def test_first_verdicts_open_labels():
    candidates = make_candidates(2)

    opened = record(candidates)

    assert opened == 2
    assert current_verdicts() == {candidate.pk: "ACCEPTED" for candidate in candidates}


@pytest.mark.django_db
def test_a_new_verdict_closes_the_old_label_at_its_own_time():
    (candidate,) = make_candidates(1)
    record([candidate])

    record([candidate], verdict="REJECTED", at=LATER)

    history = Label.objects.filter(candidate=candidate).order_by("at").values_list("verdict", "at", "superseded_at")
    assert list(history) == [("ACCEPTED", AT, LATER), ("REJECTED", LATER, None)]


@pytest.mark.django_db
def test_the_same_verdict_again_opens_nothing():
    candidates = make_candidates(3)
    record(candidates)

    opened = record(candidates, at=LATER)

    assert opened == 0
    assert Label.objects.count() == 3


@pytest.mark.django_db
def test_the_same_verdict_on_more_votes_is_a_new_label():
    (candidate,) = make_candidates(1)
    record([candidate])

    assert record([candidate], votes=6, at=LATER) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("curators_ref", "consensus_ref", "expected"),
    [
        ("campaign:demo dispute:7", "campaign:demo snapshot:9", "ACCEPTED"),
        ("campaign:demo dispute:7", "campaign:demo-2 snapshot:1", "REJECTED"),
        ("import:gold.csv", "campaign:demo snapshot:9", "ACCEPTED"),
        ("campaign:demo dispute:7", "snapshot:9", "ACCEPTED"),
    ],
)
def test_consensus_overrules_a_curator_only_from_another_campaign(curators_ref, consensus_ref, expected):
    (candidate,) = make_candidates(1)
    record([candidate], source="CURATOR", source_ref=curators_ref)

    record([candidate], verdict="REJECTED", source_ref=consensus_ref, at=LATER)

    assert current_verdicts() == {candidate.pk: expected}


@pytest.mark.django_db
def test_a_curator_overrules_consensus_and_another_curator():
    (candidate,) = make_candidates(1)
    record([candidate], verdict="REJECTED")

    record([candidate], source="CURATOR", at=LATER)
    record([candidate], verdict="REJECTED", source="CURATOR", at=LATER + timedelta(hours=1))

    assert current_verdicts() == {candidate.pk: "REJECTED"}
    assert Label.objects.count() == 3


@pytest.mark.django_db
def test_a_verdict_older_than_the_label_is_refused_with_its_whole_page():
    old, new = make_candidates(2)
    record([old], at=LATER)

    with pytest.raises(Conflict, match=f"Candidate {old.pk} "):
        record([new, old], verdict="REJECTED")

    assert current_verdicts() == {old.pk: "ACCEPTED"}


@pytest.mark.django_db
def test_a_candidate_that_comes_twice_is_refused():
    (candidate,) = make_candidates(1)

    with pytest.raises(InvalidInput, match="twice"):
        record([candidate, candidate])


@pytest.mark.django_db
def test_no_verdicts_take_no_query(django_assert_num_queries):
    # The savepoint and its release.
    with django_assert_num_queries(2):
        assert record([]) == 0


@pytest.mark.django_db
def test_an_unknown_candidate_is_refused():
    verdict = Verdict(candidate_id=999, verdict="ACCEPTED", probability=0.9, votes=3)

    with pytest.raises(NotFound, match="999"):
        labels.record_labels(verdicts=[verdict], source="CONSENSUS", source_ref="campaign:demo", by=None, at=AT)


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 500])
def test_any_number_of_verdicts_takes_the_same_queries(size, django_assert_num_queries):
    candidates = make_candidates(size)
    record(candidates)

    # Savepoint, lock, current labels, close, open, release.
    with django_assert_num_queries(6):
        assert record(candidates, verdict="REJECTED", at=LATER) == size


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_callers_at_once_leave_one_label_each_and_no_deadlock():
    candidates = make_candidates(60)
    opened = []

    def run(page, verdict):
        try:
            opened.extend([record(page, verdict=verdict, votes=number) for number in range(10)])
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(candidates, "ACCEPTED")),
        threading.Thread(target=run, args=(candidates[::-1], "REJECTED")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert opened == [60] * 20
    assert Label.objects.current().count() == 60
    assert Label.objects.count() == 1200
