import numpy as np
import pytest
from django.utils.timezone import now

from annotation.actions import bars
from annotation.models import Annotator, Bar
from annotation.pages import annotators as pages
from tests.annotation.pages.browser import list_messages, read_fields, sign_in
from tests.builders import (
    find_annotator,
    make_candidates,
    make_crowd,
    make_gold,
    make_open_campaign,
    make_snapshot,
    make_synset,
    make_user,
    make_votes,
    vote,
)

pytestmark = pytest.mark.django_db
# Expected votes by state and answer.
GOOD, ALL_YES = ([[90, 5, 5], [5, 5, 90]], [[1, 1, 98], [1, 1, 98]])


@pytest.fixture
def boss():
    return make_user("boss", "curator")


@pytest.fixture
def client(boss):
    return sign_in(boss)


@pytest.fixture
def campaign(boss):
    dog = make_synset(2084071, words=["dog"])
    make_candidates(dog, 4)
    return make_open_campaign([dog], name="demo", by=boss, gold_rate=0.5)


def find_ids(users):
    return [find_annotator(user).pk for user in users]


def list_numbers(response):
    return [row.annotator.pk for row, _ in response.context["rows"]]


def bar(client, number, **changes):
    return client.post(
        f"/curate/annotators/{number}/bar/", {"code": "GUESSES", "reason": "yes to all", "sure": "on"} | changes
    )


def test_without_a_snapshot_there_is_nobody_to_tell_apart(client):
    assert "No snapshot yet" in client.get("/curate/annotators/").content.decode()


def test_without_votes_it_says_so(campaign, client):
    assert "Nobody has voted yet" in client.get("/curate/annotators/").content.decode()


def test_rates_are_shown_with_their_intervals(campaign, client):
    good, _ = find_ids(make_votes(campaign, ["YES", "NO"]))
    skill = make_snapshot(counts={good: GOOD}).skills.get()

    response = client.get("/curate/annotators/")

    [(known, rates), (unknown, nothing)] = response.context["rows"]
    low, high = f"{skill.sensitivity_low:.2f}"[1:], f"{skill.sensitivity_high:.2f}"[1:]
    assert (known.annotator.pk, unknown.skill, nothing) == (good, None, None)
    assert rates.sensitivity.text == f"{skill.sensitivity:.2f}"[1:] + f" ({low}\N{EN DASH}{high})"
    assert rates.sensitivity.text in response.content.decode()


def test_nobody_is_called_by_the_name_of_their_account(campaign, client):
    [user] = make_votes(campaign, ["YES"])
    number = find_annotator(user).pk

    for path in ("/curate/annotators/", f"/curate/annotators/{number}/"):
        assert user.username not in client.get(path).content.decode()


@pytest.mark.parametrize(
    ("order", "first"), [("sensitivity", 0), ("-sensitivity", 1), ("-bits", 0), ("number", 0), ("-number", 2)]
)
def test_the_list_is_in_the_order_that_was_asked_for(campaign, client, order, first):
    ids = find_ids(make_votes(campaign, ["YES", "YES", "YES"]))
    make_snapshot(counts={ids[0]: GOOD, ids[1]: ALL_YES})

    numbers = list_numbers(client.get(f"/curate/annotators/?sort={order}"))

    assert numbers[0] == ids[first]
    assert order.endswith("number") or numbers[-1] == ids[2], "who is not known comes last"


def test_a_heading_turns_its_own_order_round(campaign, client):
    make_votes(campaign, ["YES"])

    columns = {each.name: each for each in client.get("/curate/annotators/?sort=-bits").context["columns"]}

    assert (columns["bits"].direction, columns["bits"].following) == ("descending", "bits")
    assert (columns["votes"].direction, columns["votes"].following) == ("", "-votes")


@pytest.mark.parametrize("order", ["", "junk", "--bits", "pk", "bits-"])
def test_an_order_that_is_none_is_the_usual_one(campaign, client, order):
    make_votes(campaign, ["YES"])

    assert client.get("/curate/annotators/", {"sort": order}).context["order"] == "-votes"


def test_gold_says_how_many_answers_were_right(campaign, client):
    yes, no, *_ = campaign.questions.order_by("pk")
    make_gold(yes, "YES")
    make_gold(no, "NO")
    make_votes(campaign, ["YES"])

    response = client.get("/curate/annotators/")

    [(row, _)] = response.context["rows"]
    assert (row.answered.votes, row.answered.gold, row.answered.right) == (4, 2, 1)
    assert "1 of 2" in response.content.decode()


def test_the_list_is_cut_into_pages(campaign, client, monkeypatch):
    ids = sorted(find_ids(make_votes(campaign, ["YES", "NO", "YES"])))
    monkeypatch.setattr(pages, "ANNOTATORS_A_PAGE", 2)

    first, second = (client.get(f"/curate/annotators/?sort=number&page={page}") for page in (1, 2))

    assert (list_numbers(first), first.context["next_page"]) == (ids[:2], 2)
    assert (list_numbers(second), second.context["next_page"]) == (ids[2:], None)
    assert "Nobody on this page" in client.get("/curate/annotators/?page=3").content.decode()
    assert client.get("/curate/annotators/?page=0").status_code == 404


def test_who_is_barred_is_listed_with_the_reason(campaign, client, boss):
    by_hand, by_gold = find_ids(make_crowd(2))
    bars.bar_annotator(annotator_id=by_hand, reason="always yes", by=boss, at=now())
    gold_answers = np.array([[[0, 0, 40], [0, 0, 40]]])
    make_snapshot(counts={by_gold: ALL_YES}, gold_answers=gold_answers)

    page = client.get("/curate/annotators/").content.decode()

    assert all(words in page for words in ("always yes", "Barred by gold", "no better than guesses"))
    assert "Flagged as spam" in client.get(f"/curate/annotators/{by_gold}/").content.decode()


def test_an_annotators_answers_are_told_by_kind_of_question(campaign, client):
    [number] = find_ids(make_votes(campaign, ["YES"]))
    make_snapshot(counts={number: GOOD})

    response = client.get(f"/curate/annotators/{number}/")

    [(no, votes, answers), (yes, _, _)] = response.context["states"]
    assert ([str(no.words), str(yes.words)], votes) == (["Clearly no", "Clearly yes"], 100.0)
    assert (answers.no, no.crowd.no) == (".90", ".85")
    assert [page.synset.wnid for page in response.context["pages"]] == ["n02084071"]


def test_of_who_was_never_learned_from_that_is_said(client):
    [number] = find_ids(make_crowd(1))

    assert "No snapshot has learned anything" in client.get(f"/curate/annotators/{number}/").content.decode()


@pytest.mark.parametrize("number", [0, 10**30])
def test_an_annotator_who_never_was_is_not_found(client, number):
    assert client.get(f"/curate/annotators/{number}/").status_code == 404
    assert bar(client, number).status_code == 404


def test_barring_asks_again_and_rings(campaign, client, boss, monkeypatch):
    rings = []
    monkeypatch.setattr(pages, "ring_doorbell", lambda: rings.append(1))
    [number] = find_ids(make_votes(campaign, ["YES"]))

    response = bar(client, number)

    barred = Bar.objects.get(annotator=number)
    assert response.headers["Location"] == f"/curate/annotators/{number}/"
    assert (barred.code, barred.reason, barred.by, rings) == ("GUESSES", "yes to all", boss, [1])
    assert campaign.questions.due().count() == 4
    assert list_messages(client.get(response.headers["Location"])) == [f"Annotator {number} is barred."]


@pytest.mark.parametrize(("changes", "field"), [({"sure": ""}, "sure"), ({"reason": "  "}, "reason")])
def test_nobody_is_barred_without_a_reason_or_by_mistake(campaign, client, changes, field):
    [number] = find_ids(make_votes(campaign, ["YES"]))

    response = bar(client, number, **changes)

    assert (response.status_code, list(response.context["form"].errors)) == (400, [field])
    assert '<details class="confirm" open>' in response.content.decode()
    assert Annotator.objects.get(pk=number).barred_at is None


def test_a_bar_is_ended_with_one_press(campaign, client, boss):
    [number] = find_ids(make_votes(campaign, ["YES"]))
    client.get(bar(client, number)["Location"])

    response = client.post(f"/curate/annotators/{number}/unbar/")

    assert list_messages(client.get(response.headers["Location"])) == [f"The bar of annotator {number} has ended."]
    assert Annotator.objects.get(pk=number).barred_at is None
    page = client.get(f"/curate/annotators/{number}/").content.decode()
    assert all(words in page for words in ("yes to all", "Ended on"))


def test_nobody_is_offered_to_bar_themselves_or_whoever_is_barred(campaign, client, boss):
    vote(boss, "YES", campaign=campaign)
    own = find_annotator(boss).pk
    [barred] = find_ids(make_crowd(1))
    bars.bar_annotator(annotator_id=barred, reason="spam", by=boss, at=now())

    for number in (own, barred):
        assert "reason" not in read_fields(client.get(f"/curate/annotators/{number}/")).names
    assert bar(client, own).status_code == 403


def test_the_number_of_queries_does_not_grow_with_annotators(campaign, client, django_assert_num_queries):
    ids = find_ids(make_votes(campaign, ["YES", "NO", "UNSURE", "YES"]))
    make_snapshot(counts=dict.fromkeys(ids, GOOD))

    with django_assert_num_queries(8):
        client.get("/curate/annotators/")
    with django_assert_num_queries(9):
        client.get(f"/curate/annotators/{ids[0]}/")
