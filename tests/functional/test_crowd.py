"""A simulated crowd answers a campaign over HTTP, a curator settles the rest, a release is published and read."""

import csv
import json

import pytest
import requests

from tests.functional.pictures import draw_candidates

pytestmark = [pytest.mark.functional, pytest.mark.xdist_group("service")]
DOG, CORGI, CAT, LYNX, PUPPY = "n02084071", "n02112826", "n02121808", "n02127052", "n01322604"
UNFINISHED = "SELECT count(*) FROM annotation_question WHERE state IN ('OPEN', 'DISPUTED') AND id NOT IN {gold}"
GOLD = "(SELECT question_id FROM annotation_gold WHERE active)"
ANSWER_SECONDS = 30


@pytest.fixture(scope="module")
def curator(service, tmp_path_factory):
    """The token of the curator of a campaign that a crowd and that curator have finished."""
    manifest = draw_candidates(tmp_path_factory.mktemp("crowd"), wnids=[DOG, CORGI, CAT, LYNX, PUPPY], each=32)
    token = service.prepare("crowd", manifest, "--demo")["curator"]
    crowd = ("--annotators", 12, "--seed", 1, "--campaign", "crowd", "--truth", manifest)
    print(service.manage("simulate_crowd", "--url", service.url, *crowd))
    service.manage("publish_release", "first")
    return token


def walk_labels(service, token):
    url, rows = f"{service.url}/api/v1/labels/?limit=50", []
    while url:
        answer = requests.get(url, headers={"Authorization": f"Token {token}"}, timeout=ANSWER_SECONDS)
        assert answer.status_code == 200, answer.text
        rows += answer.json()["results"]
        url = answer.json()["next"]
    return sorted(rows, key=lambda row: (row["wnid"], row["image"]))


def read_file(service, release, name):
    answer = requests.get(f"{service.url}/api/v1/releases/{release}/files/{name}", timeout=ANSWER_SECONDS)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_every_question_that_is_not_gold_ends_with_a_label(service, curator):
    [[unfinished]] = service.ask(UNFINISHED.format(gold=GOLD))
    [[labelled]] = service.ask("SELECT count(*) FROM hierarchy_label WHERE superseded_at IS NULL")

    assert unfinished == 0
    assert labelled == 150


def test_the_api_and_both_files_of_a_release_hold_the_same_rows(service, curator):
    labels = walk_labels(service, curator)
    lines = [json.loads(line) for line in read_file(service, "first", "labels.jsonl").splitlines()]
    records = csv.DictReader(read_file(service, "first", "labels.csv").decode().splitlines())

    assert len(labels) == 150
    assert lines == labels
    assert list(records) == [{name: str(value) for name, value in row.items()} for row in labels]


def test_labels_built_twice_have_the_same_bytes(service, curator):
    service.manage("publish_release", "again")

    for name in ("labels.jsonl", "labels.csv"):
        assert read_file(service, "again", name) == read_file(service, "first", name)


def test_every_promise_holds_of_the_tables(service, curator):
    assert "FAILED" not in service.manage("verify_integrity")
