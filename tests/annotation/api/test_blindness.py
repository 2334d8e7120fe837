"""Whether a question is gold shows in nothing that an annotator receives."""

import re

import pytest

from annotation.actions import batches
from annotation.models import BatchItem
from tests.annotation.api.client import Program
from tests.builders import find_annotator, lease, make_candidates, make_gold, make_open_campaign, make_synset, make_user

pytestmark = pytest.mark.django_db
ROUNDS = 20


def walk_through(user, campaign):
    """Everything the service says on the way from a lease to its undoing: status, headers, body."""
    program = Program(user)
    leased = program.ask("post", "batches/", {"campaign": campaign.name})
    batch = leased.json()["id"]
    votes = [{"position": item["position"], "answer": "YES"} for item in leased.json()["items"]]
    return [
        leased,
        program.ask("get", f"batches/{batch}/"),
        program.send_votes(batch, votes),
        program.send_votes(batch, votes),
        program.send_votes(batch, votes[:1], key="key-2"),
        program.ask("get", "me/"),
        program.ask("get", "campaigns/"),
        program.ask("get", f"campaigns/{campaign.name}/"),
        program.ask("delete", f"batches/{batch}/votes/"),
    ]


def describe(response):
    """An answer without what is new in every lease: ids, signatures, times."""
    text = f"{response.status_code} {sorted(response.headers.items())} {response.content.decode()}"
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    text = re.sub(r"/pictures/[\w-]+", lambda match: f"/pictures/{len(match[0])}", text)
    text = re.sub(r"('X-Request-ID', )'[0-9a-f]{32}'", r"\1NEW", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return re.sub(r"('ETag', )'[^']+'", r"\1TAG", text)


def make_campaign(number, *, gold):
    synset = make_synset(number)
    make_candidates(synset, 3)
    campaign = make_open_campaign([synset], name=f"same-{number}", page_size=3, gold_rate=0.5)
    if gold:
        make_gold(campaign.questions.latest("pk"))
        # Both pages have three pictures: of two questions and gold beside one of them, and of three questions.
    return campaign


def test_a_page_with_gold_is_answered_as_one_without():
    plain, mixed = make_campaign(1001, gold=False), make_campaign(1002, gold=True)
    ordinary = [describe(answer) for answer in walk_through(make_user("ann"), plain)]

    with_gold = [describe(answer) for answer in walk_through(make_user("bob"), mixed)]

    assert BatchItem.objects.filter(batch__campaign=mixed, question__gold__active=True).exists()
    blind = [
        answer.replace("1002", "1001").replace("same-1002", "same-1001").replace("bob", "ann") for answer in with_gold
    ]
    assert_same_but_campaign_list(blind, ordinary)


def assert_same_but_campaign_list(found, expected):
    """Both campaigns stand in the list, so it is the same text for both annotators before any name is replaced."""
    listed = next(index for index, text in enumerate(expected) if '"results"' in text)
    assert [text for index, text in enumerate(found) if index != listed] == [
        text for index, text in enumerate(expected) if index != listed
    ]


def test_gold_stands_at_every_position():
    campaign, user = make_campaign(1003, gold=True), make_user("ann")

    for _ in range(ROUNDS):
        batches.return_batch(annotator_id=find_annotator(user).pk, batch_id=lease(user, campaign).pk)

    positions = BatchItem.objects.filter(question__gold__active=True).values_list("position", flat=True)
    assert set(positions) == {1, 2, 3}


def test_a_picture_has_another_address_on_every_page():
    campaign = make_campaign(1004, gold=True)
    pages = [
        Program(make_user(name)).ask("post", "batches/", {"campaign": campaign.name}).json() for name in ("ann", "bob")
    ]

    addresses = [item["image"]["url"] for page in pages for item in page["items"]]

    assert len(addresses) == len(set(addresses)) == 6
    assert len({len(address) for address in addresses}) == 1
