import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from hierarchy.actions import labels, releases
from hierarchy.actions.labels import Verdict
from tests.hierarchy.api.walking import read_rows
from tests.hierarchy.rows import make_candidates

RELEASES = "/api/v1/releases/"
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def published(db):
    verdicts = [Verdict(candidate.pk, "ACCEPTED", 0.97, 5) for candidate in make_candidates(3)]
    labels.record_labels(verdicts=verdicts, source="CONSENSUS", source_ref="campaign:demo", by=None, at=AT)
    return [
        releases.publish_release(name=name, by=None, at=AT + timedelta(days=day)) for day, name in enumerate(["a", "b"])
    ]


def test_published_releases_are_listed_the_newest_first(client, published):
    releases.draft_release(name="draft", by=None, at=AT)

    assert [(row["name"], row["labels"]) for row in read_rows(client, RELEASES)] == [("b", 3), ("a", 3)]


def test_a_release_names_its_files(client, published):
    body = client.get(f"{RELEASES}a/").json()

    assert body["manifest"] == published[0].manifest
    assert [file["name"] for file in body["files"]] == ["labels.csv", "labels.jsonl", "manifest.json"]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_file_has_the_size_and_digest_that_the_release_names(client, published, number):
    file = client.get(f"{RELEASES}a/").json()["files"][number]

    response = client.get(file["url"])
    data = b"".join(response.streaming_content)
    response.close()

    assert (len(data), hashlib.sha256(data).hexdigest()) == (file["size"], file["sha256"])
    assert response["ETag"] == f'"{file["sha256"]}"'


def test_a_file_that_the_client_has_is_not_sent_again(client, published):
    file = client.get(f"{RELEASES}a/").json()["files"][0]

    response = client.get(file["url"], headers={"if-none-match": f'"{file["sha256"]}"'})

    assert (response.status_code, response.content) == (304, b"")


@pytest.mark.parametrize("part", ["none/", "draft/", "draft/files/labels.csv", "a/files/none.csv", "a/files/%00"])
def test_what_is_not_published_is_not_found(client, published, part):
    releases.draft_release(name="draft", by=None, at=AT)

    response = client.get(f"{RELEASES}{part}")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_the_list_takes_two_queries(client, published, django_assert_num_queries):
    with django_assert_num_queries(2):
        read_rows(client, RELEASES)
