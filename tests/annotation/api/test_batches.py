import uuid

import pytest
from django.utils.timezone import now

from annotation.actions.bars import bar_annotator
from annotation.models import Batch, Vote
from tests.annotation.api.client import Program, assert_problem
from tests.builders import (
    find_annotator,
    make_candidates,
    make_open_campaign,
    make_synset,
    make_user,
    vote,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    entity = make_synset(1740, words=["entity"])
    dog = make_synset(2084071, words=["dog", "domestic dog"], parents=[entity])
    make_candidates(dog, 5)
    return make_open_campaign([dog], name="demo", gold_rate=0)


@pytest.fixture
def ann(campaign):
    return make_user("ann")


@pytest.fixture
def program(ann):
    return Program(ann)


def take_lease(program, body=None):
    response = program.ask("post", "batches/", body)
    assert response.status_code == 201, response.content
    return response.json()


def answer_all(lease, answer="YES"):
    return [{"position": item["position"], "answer": answer, "milliseconds": 830} for item in lease["items"]]


@pytest.mark.parametrize("body", [r'{"\ud800": 1}', r'{"campaign": "\ud800"}', r'{"size": ["\udfff"]}'])
def test_half_a_surrogate_pair_is_refused(program, body):
    response = program.generic("POST", "/api/v1/batches/", body, content_type="application/json")

    assert_problem(response, 400, detail="surrogate")


def test_half_a_surrogate_pair_is_no_answer(program):
    lease = take_lease(program)
    body = r'{"votes": [{"position": 0, "answer": "\ud800", "milliseconds": 1}]}'

    response = program.generic(
        "POST", f"/api/v1/batches/{lease['id']}/votes/", body, content_type="application/json", HTTP_IDEMPOTENCY_KEY="1"
    )

    assert_problem(response, 400, detail="surrogate")
    assert not Vote.objects.exists()


def test_a_whole_surrogate_pair_is_a_character(program):
    response = program.generic(
        "POST", "/api/v1/batches/", r'{"campaign": "\ud83d\ude00"}', content_type="application/json"
    )

    assert response.status_code in {400, 404}
    assert b"surrogate" not in response.content


def test_a_lease_has_the_documented_shape(program):
    response = program.ask("post", "batches/", {"campaign": "demo", "size": 3})

    lease = response.json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"http://testserver/api/v1/batches/{lease['id']}/"
    assert set(lease) == {"id", "campaign", "synset", "expires_at", "items"}
    assert lease["campaign"] == "demo"
    assert lease["synset"] == {
        "wnid": "n02084071",
        "words": ["dog", "domestic dog"],
        "gloss": "gloss of n02084071",
        "path": [{"wnid": "n00001740", "words": ["entity"]}, {"wnid": "n02084071", "words": ["dog", "domestic dog"]}],
        "includes": "",
        "excludes": "",
    }
    assert [item["position"] for item in lease["items"]] == [1, 2, 3]
    assert all(set(item) == {"position", "image"} for item in lease["items"])
    assert all(set(item["image"]) == {"url", "width", "height"} for item in lease["items"])
    assert all(item["image"]["url"].startswith("http://testserver/") for item in lease["items"])


def test_a_lease_needs_no_body(program):
    assert len(take_lease(program)["items"]) == 5


def test_a_lease_is_read_again_as_it_was(program):
    lease = take_lease(program)

    response = program.ask("get", f"batches/{lease['id']}/")

    assert response.status_code == 200
    assert response.json() == lease


def test_nothing_left_is_204_without_a_body(program, ann):
    vote(ann)

    response = program.ask("post", "batches/")

    assert response.status_code == 204
    assert response.content == b""


def test_a_fourth_live_lease_is_refused(program):
    for _ in range(3):
        take_lease(program, {"size": 1})

    assert_problem(program.ask("post", "batches/"), 409, detail="3 open pages")


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"size": 0}, {"size"}),
        ({"size": "3"}, {"size"}),
        ({"size": True}, {"size"}),
        ({"campaign": 7}, {"campaign"}),
        ({"campaign": "x\0"}, {"campaign"}),
        ({"annotator": 1, "gold": True}, {"annotator", "gold"}),
        ([], {"body"}),
        ("demo", {"body"}),
    ],
)
def test_a_lease_is_not_given_for_a_body_that_cannot_be_meant(program, body, places):
    assert_problem(program.ask("post", "batches/", body), 400, errors=places)
    assert not Batch.objects.exists()


def test_an_unknown_campaign_is_not_found(program):
    assert_problem(program.ask("post", "batches/", {"campaign": "other"}), 404)


def test_votes_are_taken_and_a_repeated_request_gets_the_same_answer(program):
    lease = take_lease(program)

    first = program.send_votes(lease["id"], answer_all(lease))
    again = program.send_votes(lease["id"], answer_all(lease))

    assert first.status_code == again.status_code == 201
    assert first.json() == {"batch": lease["id"], "recorded": 5, "late": False}
    assert again.content == first.content
    assert Vote.objects.count() == 5


def test_the_same_key_with_other_votes_is_422(program):
    lease = take_lease(program)
    program.send_votes(lease["id"], answer_all(lease))

    assert_problem(program.send_votes(lease["id"], answer_all(lease, "NO")), 422)
    assert set(Vote.objects.values_list("answer", flat=True)) == {"YES"}


def test_a_batch_closed_under_another_key_is_409(program):
    lease = take_lease(program)
    program.send_votes(lease["id"], answer_all(lease))

    assert_problem(program.send_votes(lease["id"], answer_all(lease), key="key-2"), 409)


def test_a_missing_key_is_named(program):
    lease = take_lease(program)

    response = program.ask("post", f"batches/{lease['id']}/votes/", {"votes": answer_all(lease)})

    assert_problem(response, 400, errors={"Idempotency-Key"})


@pytest.mark.parametrize(
    ("votes", "places"),
    [
        ([], {"votes"}),
        ("YES", {"votes"}),
        ([{"position": 1, "answer": "MAYBE"}], {"votes[0].answer"}),
        ([{"position": 1}], {"votes[0].answer"}),
        ([{"position": "1", "answer": "YES"}], {"votes[0].position"}),
        ([{"position": 1.0, "answer": "YES"}], {"votes[0].position"}),
        ([{"position": 6, "answer": "YES"}], {"votes[0].position"}),
        ([{"position": 1, "answer": "YES"}, {"position": 1, "answer": "NO"}], {"votes[1].position"}),
        ([{"position": 1, "answer": "YES", "milliseconds": -1}], {"votes[0].milliseconds"}),
        ([{"position": 1, "answer": "YES", "annotator": 7}], {"votes[0].annotator"}),
        ([{"position": 1, "answer": "YES"}, 7], {"votes[1]"}),
        ([{"position": 1, "answer": "YES"}] * 1001, {"votes"}),
    ],
)
def test_votes_that_cannot_be_meant_are_refused_whole_and_named(program, votes, places):
    lease = take_lease(program)

    assert_problem(program.send_votes(lease["id"], votes), 400, errors=places)
    assert not Vote.objects.exists()


@pytest.mark.parametrize(("body", "status"), [("[" * 100_000, 400), (" " * 1_000_001, 400), ("{", 400)])
def test_a_body_that_is_too_deep_too_large_or_broken_is_refused(program, body, status):
    lease = take_lease(program)

    response = program.generic(
        "POST",
        f"/api/v1/batches/{lease['id']}/votes/",
        body,
        content_type="application/json",
        headers={"Idempotency-Key": "key-1"},
    )

    assert_problem(response, status)


def test_a_body_that_is_not_json_is_415(program):
    response = program.generic("POST", "/api/v1/batches/", "size=1", content_type="application/x-www-form-urlencoded")

    assert_problem(response, 415)


@pytest.mark.parametrize(("method", "suffix"), [("get", ""), ("delete", ""), ("post", "votes/"), ("delete", "votes/")])
def test_another_annotators_batch_is_403_and_an_unknown_one_404(program, method, suffix):
    other = take_lease(Program(make_user("bob")))
    body = {"votes": answer_all(other)} if method == "post" else None

    for batch, status in ((other["id"], 403), (uuid.uuid4(), 404)):
        response = program.ask(method, f"batches/{batch}/{suffix}", body, **{"Idempotency-Key": "k"})
        assert_problem(response, status)
    assert not Vote.objects.exists()


def test_a_barred_annotator_is_403_with_the_reason(program, ann):
    lease = take_lease(program)
    bar_annotator(
        annotator_id=find_annotator(ann).pk, reason="answers without looking", by=make_user("cur", "curator"), at=now()
    )

    assert_problem(program.send_votes(lease["id"], answer_all(lease)), 403, detail="answers without looking")
    assert_problem(program.ask("post", "batches/"), 403, detail="answers without looking")


def test_a_returned_lease_is_free_for_others_at_once(program, ann):
    lease = take_lease(program)

    assert program.ask("delete", f"batches/{lease['id']}/").status_code == 204
    assert program.ask("delete", f"batches/{lease['id']}/").status_code == 204
    assert_problem(program.ask("get", f"batches/{lease['id']}/"), 409)
    assert len(take_lease(program)["items"]) == 5


def test_a_page_that_was_sent_cannot_be_returned(program):
    lease = take_lease(program)
    program.send_votes(lease["id"], answer_all(lease))

    assert_problem(program.ask("delete", f"batches/{lease['id']}/"), 409)


def test_votes_are_taken_back_once(program):
    lease = take_lease(program)
    program.send_votes(lease["id"], answer_all(lease))

    first = program.ask("delete", f"batches/{lease['id']}/votes/")
    again = program.ask("delete", f"batches/{lease['id']}/votes/")

    assert first.json() == {"batch": lease["id"], "withdrawn": 5}
    assert again.json() == {"batch": lease["id"], "withdrawn": 0}
    assert not Vote.objects.standing().exists()


def test_votes_that_were_not_sent_cannot_be_taken_back(program):
    assert_problem(program.ask("delete", f"batches/{take_lease(program)['id']}/votes/"), 409)
