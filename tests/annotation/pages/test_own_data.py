import json

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from annotation.actions import bars
from annotation.actions.ledger import read_deletions
from annotation.models import Vote
from annotation.queries import own_data
from tests.annotation.pages.browser import list_messages, sign_in
from tests.builders import (
    PASSWORD,
    find_annotator,
    lease,
    make_candidates,
    make_gold,
    make_open_campaign,
    make_synset,
    make_token,
    make_user,
    submit,
    vote,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ledger(settings, tmp_path):
    settings.DELETION_LEDGER = tmp_path / "deletions.jsonl"
    return settings.DELETION_LEDGER


@pytest.fixture
def ann():
    return make_user("ann")


@pytest.fixture
def client(ann):
    return sign_in(ann)


@pytest.fixture
def campaign():
    synset = make_synset(1740)
    make_candidates(synset, 6)
    return make_open_campaign([synset], name="demo", page_size=3, gold_rate=0)


def download(client):
    response = client.get("/account/data/download/")
    assert response["Content-Disposition"].startswith('attachment; filename="veriset-')
    assert "no-store" in response["Cache-Control"]
    return json.loads(response.content)


def test_everything_of_an_account_comes_in_one_file(client, ann, campaign):
    make_token(ann, "read")
    vote(ann)
    bars.bar_annotator(annotator_id=find_annotator(ann).pk, reason="all yes", by=None, at=now())
    bars.make_appeal(annotator_id=find_annotator(ann).pk, text="I looked at each.", at=now())

    data = download(client)

    assert (data["account"]["username"], data["account"]["roles"]) == ("ann", ["annotator"])
    assert [len(data[name]) for name in ("tokens", "bars", "appeals", "pages", "votes")] == [1, 1, 1, 1, 3]
    assert (data["pages"][0]["campaign_name"], data["votes"][0]["answer"]) == ("demo", "YES")
    assert {entry["action"] for entry in data["done"]} >= {"CREATE_TOKEN", "APPEAL_BAR"}


def test_nothing_of_others_is_in_it(client, campaign):
    other = make_user("bob")
    vote(other)
    make_token(other, "read")

    data = download(client)

    assert all(data[name] == [] for name in own_data.FIELDS if name not in ("logins", "done"))
    assert "bob" not in json.dumps(data)


def test_gold_is_not_told_from_the_rest(client, ann, campaign):
    batch = lease(ann)
    make_gold(batch.items.first().question)
    submit(batch)

    data = download(client)

    assert "gold" not in json.dumps(data).lower()
    assert {tuple(each) for each in data["votes"]} == {own_data.FIELDS["votes"]}


def test_long_lists_come_some_rows_at_a_time(client, ann, campaign, monkeypatch):
    monkeypatch.setattr(own_data, "ROWS_AT_ONCE", 2)
    vote(ann)
    vote(ann)

    votes = download(client)["votes"]

    assert [each["position"] for each in votes] == list(Vote.objects.order_by("pk").values_list("position", flat=True))


def test_the_number_of_queries_does_not_grow_with_votes(client, ann, campaign, django_assert_num_queries):
    vote(ann)

    with django_assert_num_queries(16):
        download(client)


def test_votes_are_read_along_the_index_of_their_annotator(client, ann, campaign):
    vote(ann)
    with CaptureQueriesContext(connection) as said:
        download(client)

    (read,) = [query["sql"] for query in said if 'FROM "annotation_vote"' in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; EXPLAIN " + read)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "vote_of_annotator" in plan
    assert "Sort" not in plan


def delete(client, typed):
    return client.post("/account/delete/", {"confirmation": typed})


def test_an_account_is_deleted_with_its_password(client, ann, campaign, ledger):
    vote(ann)
    assert "cannot be taken back" in client.get("/account/delete/").content.decode()

    response = delete(client, PASSWORD)

    page = client.get(response["Location"])
    assert list_messages(page) == ["Your account is deleted."]
    assert page.context["role"] == "anonymous"
    assert not User.objects.filter(username="ann").exists()
    assert (Vote.objects.count(), len(read_deletions(ledger))) == (3, 1)


@pytest.mark.parametrize("typed", ["", "wrong", "ann"])
def test_a_wrong_password_deletes_nothing(client, typed):
    response = delete(client, typed)

    assert (response.status_code, list(response.context["form"].errors)) == (400, ["confirmation"])
    assert User.objects.filter(username="ann").exists()


@pytest.mark.parametrize(("typed", "status"), [("ann", 303), ("bob", 400)])
def test_an_account_without_a_password_is_confirmed_by_its_name(client, ann, typed, status):
    ann.set_unusable_password()
    ann.save()
    client.force_login(ann)

    assert delete(client, typed).status_code == status
    assert User.objects.filter(username="ann").exists() == (status == 400)


def test_the_last_operator_stays(client):
    operator = sign_in(make_user("oda", "operator"))

    response = delete(operator, PASSWORD)

    assert "last operator" in list_messages(operator.get(response["Location"]))[0]
    assert User.objects.filter(username="oda").exists()
