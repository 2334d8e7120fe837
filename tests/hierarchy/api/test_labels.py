import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.storage import storages

from hierarchy.actions import labels, releases
from hierarchy.actions.labels import Verdict
from hierarchy.queries import keyset
from tests.hierarchy.api.walking import read_rows, walk
from tests.hierarchy.rows import make_candidates, make_synset

LABELS = "/api/v1/labels/"
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 3, tzinfo=UTC)


def record(candidates, *, verdict="ACCEPTED", probability=0.97, source="CONSENSUS", at=AT):
    verdicts = [Verdict(candidate.pk, verdict, probability, 5) for candidate in candidates]
    labels.record_labels(verdicts=verdicts, source=source, source_ref="campaign:demo", by=None, at=at)


@pytest.fixture
def labelled(tree):
    """Two images each of dog and puppy, one of Rex; the second of each is rejected."""
    found = {
        name: make_candidates(2 if name != "rex" else 1, synset=getattr(tree, name), name=name)
        for name in ("dog", "puppy", "rex")
    }
    record([candidates[0] for candidates in found.values()])
    rejected = [found["dog"][1], found["puppy"][1]]
    record(rejected, verdict="REJECTED", probability=0.02, source="CURATOR", at=LATER)
    return found


def wnids(client, query):
    return sorted(row["wnid"] for row in read_rows(client, f"{LABELS}?{query}"))


def test_a_label_is_a_row_of_seven_fields(curator, labelled):
    (row, *_) = read_rows(curator, LABELS)

    assert row == {
        "image": labelled["dog"][0].image.sha256_hex,
        "wnid": "n02084071",
        "verdict": "ACCEPTED",
        "probability": 0.97,
        "votes": 5,
        "source": "CONSENSUS",
        "at": "2026-01-01T12:00:00.000000Z",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["n01322604", "n01322604", "n02084071", "n02084071", "n09000001"]),
        ("synset=n02084071", ["n02084071", "n02084071"]),
        ("subtree=n00015388", ["n01322604", "n01322604", "n02084071", "n02084071"]),
        ("subtree=n00015388&instances=true&verdict=ACCEPTED", ["n01322604", "n02084071", "n09000001"]),
        ("verdict=REJECTED&synset=n01322604", ["n01322604"]),
        ("source=CURATOR", ["n01322604", "n02084071"]),
        ("probability_min=0.97", ["n01322604", "n02084071", "n09000001"]),
        ("probability_max=0.02", ["n01322604", "n02084071"]),
        ("probability_min=0.1&probability_max=0.9", []),
        ("changed_since=2026-01-03T00:00:00Z", ["n01322604", "n02084071"]),
        ("changed_since=2026-01-03T00:00:01Z", []),
    ],
)
def test_filters_take_what_they_name(curator, labelled, query, expected):
    assert wnids(curator, query) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("verdict=maybe", "verdict"),
        ("probability_min=2", "probability_min"),
        ("changed_since=yesterday", "changed_since"),
        ("synset=n00000001", "synset"),
        ("subtree=dog", "subtree"),
        ("subtree=%00", "subtree"),
        ("instances=true", "instances"),
        ("limit=1001", "limit"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused_by_name(curator, labelled, query, field):
    response = curator.get(f"{LABELS}?{query}")

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]


def test_pages_hold_each_label_once_the_oldest_first(curator, labelled):
    pages = walk(curator, f"{LABELS}?limit=2")

    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert rows == read_rows(curator, LABELS)
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)


def test_a_changed_label_comes_again_as_the_newest(curator, labelled):
    first = curator.get(f"{LABELS}?limit=2").json()
    record(labelled["dog"][:1], verdict="REJECTED", at=LATER + timedelta(days=1))

    rest = [row for page in walk(curator, first["next"]) for row in page]

    assert rest[-1]["image"] == labelled["dog"][0].image.sha256_hex
    assert rest[-1]["verdict"] == "REJECTED"


def test_labels_of_one_synset_have_an_address_of_their_own(curator, labelled):
    rows = read_rows(curator, "/api/v1/synsets/n02084071/labels/?verdict=ACCEPTED")

    assert [row["wnid"] for row in rows] == ["n02084071"]
    assert curator.get("/api/v1/synsets/n02084071/labels/?synset=n02084071").status_code == 400


def test_annotators_see_labels_from_the_newest_release_only(annotator, curator, labelled):
    assert read_rows(annotator, LABELS) == []

    releases.publish_release(name="first", by=None, at=AT + timedelta(hours=1))

    assert {row["verdict"] for row in read_rows(annotator, LABELS)} == {"ACCEPTED"}
    assert len(read_rows(annotator, LABELS)) == 3
    assert len(read_rows(curator, LABELS)) == 5


def test_annotators_see_the_rows_of_the_release_field_for_field(annotator, labelled):
    hidden = make_candidates(1, synset=make_synset(5, safety="OFFENSIVE"), name="hidden")
    record(hidden, probability=1 / 3)
    record(labelled["rex"], probability=1 / 3, at=LATER)

    releases.publish_release(name="first", by=None, at=LATER)

    with storages["releases"].open("first/labels.jsonl") as content:
        released = [json.loads(line) for line in content]
    assert len(released) == 5
    assert sorted(read_rows(annotator, LABELS), key=lambda row: row["image"]) == sorted(
        released, key=lambda row: row["image"]
    )


def test_visitors_are_asked_for_a_token(client, labelled):
    response = client.get(LABELS)

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


def test_asked_again_with_its_etag_nothing_is_sent_until_a_label_changes(curator, labelled):
    etag = curator.get(LABELS)["ETag"]
    assert curator.get(LABELS, headers={"if-none-match": etag}).status_code == 304

    record(labelled["dog"][:1], verdict="REJECTED", at=LATER)

    assert curator.get(LABELS, headers={"if-none-match": etag}).status_code == 200


def test_answers_are_kept_by_nobody_for_another_reader(curator, labelled):
    response = curator.get(LABELS)

    assert "Cookie" in response["Vary"]
    assert "Authorization" in response["Vary"]
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize("count", [1, 50])
def test_a_page_takes_the_same_queries_whatever_its_size(curator, tree, count, django_assert_num_queries):
    record(make_candidates(count, synset=tree.dog))

    # Session, account, role, synset, how far to look, labels, their rows.
    with django_assert_num_queries(7):
        assert len(read_rows(curator, f"{LABELS}?subtree=n02084071")) == count


@pytest.mark.parametrize(
    "filters", ["verdict=REJECTED", "subtree=n02084071&verdict=REJECTED", "synset=n02084071&verdict=REJECTED"]
)
def test_a_page_without_a_match_among_many_leads_on(curator, tree, monkeypatch, filters):
    monkeypatch.setattr(keyset, "WINDOW", 3)
    candidates = make_candidates(7, synset=tree.dog)
    record(candidates[:6])
    record(candidates[6:], verdict="REJECTED", at=LATER)

    pages = walk(curator, f"{LABELS}?{filters}")

    assert [len(page) for page in pages] == [0, 1]


def test_annotators_are_led_no_further_than_the_newest_release(annotator, tree, monkeypatch):
    monkeypatch.setattr(keyset, "WINDOW", 3)
    candidates = make_candidates(12, synset=tree.dog)
    record(candidates[:2])
    releases.publish_release(name="first", by=None, at=AT + timedelta(hours=1))
    record(candidates[2:], at=LATER)

    assert [len(page) for page in walk(annotator, LABELS)] == [2]
