import pytest
from django.utils.timezone import now

from annotation.actions import campaigns
from annotation.models import Dispute
from annotation.rules import PolicyValues
from tests.annotation.api.client import Program, assert_problem
from tests.builders import (
    make_candidates,
    make_dispute,
    make_gold,
    make_open_campaign,
    make_question,
    make_synset,
    make_user,
    make_votes,
    vote,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def curator():
    return make_user("cur", "curator")


@pytest.fixture
def desk(curator):
    return Program(curator, "curate")


@pytest.fixture
def program():
    return Program(make_user("ann"), "read")


def make_draft(by):
    make_candidates(make_synset(99), 1)
    policy = PolicyValues()
    campaigns.draft_campaign(name="later", title="Later", wnids=["n00000099"], policy=policy, by=by, at=now())


def test_campaigns_come_newest_first_a_page_at_a_time(program):
    names = [make_question(number=number).campaign.name for number in (1, 2, 3)]

    first = program.ask("get", "campaigns/?limit=2").json()
    second = program.ask("get", first["next"]).json()
    back = program.ask("get", second["previous"]).json()

    assert [row["name"] for row in first["results"] + second["results"]] == names[::-1]
    assert (first["previous"], second["next"]) == (None, None)
    assert back["results"] == first["results"]


def test_drafts_are_shown_to_curators_only(program, desk, curator):
    make_draft(curator)

    assert program.ask("get", "campaigns/").json()["results"] == []
    assert_problem(program.ask("get", "campaigns/later/"), 404)
    assert desk.ask("get", "campaigns/").json()["results"][0]["state"] == "DRAFT"
    assert desk.ask("get", "campaigns/later/").status_code == 200


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("order=name", "order"),
        ("cursor=x", "cursor"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_named(program, query, place):
    assert_problem(program.ask("get", f"campaigns/?{query}"), 400, errors={place})


def test_a_cursor_serves_only_its_own_address(desk):
    for number in (1, 2):
        make_dispute(number=number)
    cursor = desk.ask("get", "disputes/?limit=1").json()["next"].partition("?")[2]

    assert_problem(desk.ask("get", f"campaigns/?{cursor}"), 400, errors={"cursor"})


def test_curators_see_the_whole_progress(desk):
    question = make_dispute()

    progress = desk.ask("get", f"campaigns/{question.campaign.name}/").json()["progress"]

    assert progress == {
        "questions": 1,
        "finished": 0,
        "percent": 0,
        "open": 0,
        "accepted": 0,
        "rejected": 0,
        "disputed": 1,
        "gold": 0,
        "votes": 2,
        "votes_per_finished": None,
    }


def test_an_unchanged_answer_is_304(program):
    first = program.ask("get", "me/")

    again = program.ask("get", "me/", **{"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, again.status_code) == (200, 304)
    assert "private" in first.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("role", "scope", "expected"),
    [
        ("annotator", "read", ["read"]),
        ("annotator", "annotate", ["read", "annotate"]),
        ("curator", "annotate", ["read", "annotate"]),
        ("operator", "curate", ["read", "annotate", "curate"]),
    ],
)
def test_me_says_who_asks_and_what_the_token_may_do(role, scope, expected):
    found = Program(make_user("eve", role), scope).ask("get", "me/").json()

    assert found == {"username": "eve", "role": role, "scopes": expected, "open_batches": [], "votes": 0, "bar": None}


def test_me_counts_the_votes_that_stand():
    user = make_user("eve")
    vote(user, campaign=make_question().campaign)

    assert Program(user).ask("get", "me/").json()["votes"] == 1


def test_disputes_wait_oldest_first_and_by_campaign(desk):
    first, second = make_dispute(number=1), make_dispute(number=2)

    every = desk.ask("get", "disputes/").json()["results"]
    one = desk.ask("get", f"disputes/?campaign={second.campaign.name}").json()["results"]

    assert [row["campaign"] for row in every] == [first.campaign.name, second.campaign.name]
    assert [row["campaign"] for row in one] == [second.campaign.name]


def test_a_dispute_shows_its_tally_and_no_voter(desk):
    dispute = make_dispute().disputes.get()

    found = desk.ask("get", f"disputes/{dispute.pk}/").json()

    assert found["tally"] == {"YES": 1, "UNSURE": 0, "NO": 1}
    assert found["voted"] is False
    assert set(found["image"]) == {"url", "width", "height"}
    assert "annotator" not in str(found)


def test_a_decision_settles_the_dispute(desk):
    dispute = make_dispute().disputes.get()

    decision = {"verdict": "ACCEPTED", "reason": "a clear case", "version": dispute.version}
    response = desk.ask("post", f"disputes/{dispute.pk}/decision/", decision)

    assert response.status_code == 200
    assert (response.json()["verdict"], response.json()["explanation"]) == ("ACCEPTED", "a clear case")
    assert_problem(desk.ask("post", f"disputes/{dispute.pk}/decision/", decision), 409)


def test_a_decision_on_stale_evidence_is_409(desk):
    dispute = make_dispute().disputes.get()

    decision = {"verdict": "ACCEPTED", "reason": "a clear case", "version": dispute.version + 1}

    assert_problem(desk.ask("post", f"disputes/{dispute.pk}/decision/", decision), 409, detail="version")
    assert Dispute.objects.filter(settled_at=None).exists()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"verdict": "MAYBE"}, "verdict"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"version": "1"}, "version"),
        ({"settled_by": 1}, "settled_by"),
    ],
)
def test_a_decision_that_cannot_be_meant_is_named(desk, change, place):
    dispute = make_dispute().disputes.get()

    decision = {"verdict": "ACCEPTED", "reason": "a clear case", "version": 1, **change}

    assert_problem(desk.ask("post", f"disputes/{dispute.pk}/decision/", decision), 400, errors={place})


def test_nobody_settles_what_they_voted_on():
    question = make_question(vote_cap=2, gold_rate=0)
    curator = make_user("cur", "curator")
    vote(curator, "YES", campaign=question.campaign)
    make_votes(question.campaign, ["NO"])
    dispute, desk = question.disputes.get(), Program(curator, "curate")

    response = desk.ask(
        "post",
        f"disputes/{dispute.pk}/decision/",
        {"verdict": "ACCEPTED", "reason": "mine", "version": dispute.version},
    )

    assert_problem(response, 403)
    assert desk.ask("get", f"disputes/{dispute.pk}/").json()["voted"] is True


def test_a_dispute_that_is_not_there_is_404(desk):
    assert_problem(desk.ask("get", "disputes/999999999999999999999/"), 404)


def test_annotators_see_no_number_that_gold_moves(program, desk):
    synset = make_synset(1740)
    make_candidates(synset, 4)
    campaign = make_open_campaign([synset])
    vote(make_user("bob"), campaign=campaign)
    before = program.ask("get", f"campaigns/{campaign.name}/").json()

    make_gold(campaign.questions.earliest("pk"))

    assert program.ask("get", f"campaigns/{campaign.name}/").json() == before
    assert desk.ask("get", f"campaigns/{campaign.name}/").json()["progress"]["gold"] == 1
