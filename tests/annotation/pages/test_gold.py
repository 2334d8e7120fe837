import pytest
from django.utils.timezone import now

from annotation.actions.gold import retire_gold
from annotation.models import Gold
from hierarchy.models import AuditEntry
from tests import builders
from tests.annotation.pages.browser import list_messages, sign_in

pytestmark = pytest.mark.django_db
LIST = "/curate/gold/"


@pytest.fixture
def campaign():
    synset = builders.make_synset(2084071, words=["dog"])
    builders.make_candidates(synset, 4)
    return builders.make_open_campaign([synset], name="dogs", gold_rate=0.5, gold_exposures=3)


@pytest.fixture
def boss(campaign):
    return sign_in(builders.make_user("boss", "curator"))


@pytest.fixture
def suspended(campaign):
    question = campaign.questions.first()
    builders.make_gold(question, "NO")
    retire_gold(question_ids=[question.pk], by=None, at=now(), because=Gold.End.MISSED)
    return Gold.objects.get()


def settle(client, gold, verdict):
    return client.post(f"{LIST}{gold.pk}/settle/", {"verdict": verdict})


def test_without_campaigns_and_without_trouble_it_says_so(db):
    text = sign_in(builders.make_user("boss", "curator")).get(LIST).content.decode()

    assert "No gold is suspended" in text
    assert "There is no campaign yet" in text


def test_how_much_there_is_is_told_by_synset(campaign, boss):
    yes, no, spent, _ = campaign.questions.order_by("pk")
    for question, truth in ((yes, "YES"), (no, "NO"), (spent, "NO")):
        builders.make_gold(question, truth)
    Gold.objects.filter(question=spent).update(exposures=3)
    Gold.objects.filter(question=yes).update(exposures=2)

    (row,) = boss.get(f"{LIST}?campaign=dogs").context["synsets"]

    assert (row.true, row.false, row.spent, row.exposures, row.is_short) == (1, 1, 1, 5, False)


def test_a_synset_without_gold_of_a_kind_is_short_of_it(campaign, boss):
    builders.make_gold(campaign.questions.first(), "YES")

    response = boss.get(f"{LIST}?campaign=dogs")

    assert response.context["synsets"][0].is_short
    assert "Short of gold" in response.content.decode()


def test_suspended_gold_is_shown_with_what_good_annotators_said(campaign, boss, suspended):
    page = builders.lease(builders.make_user("ann"), campaign)
    builders.submit(page, "YES")
    builders.make_conduct(page.annotator, gold=20, right=20)

    response = boss.get(LIST)

    ((row, _),) = response.context["suspended"]
    assert (row.gold, row.answers.right, row.answers.wrong) == (suspended, 0, 1)
    assert "Known as no; of 1 good annotator 1 says otherwise." in response.content.decode()


@pytest.mark.parametrize("verdict", ["YES", "NO"])
def test_a_curator_has_it_asked_again(campaign, boss, suspended, verdict):
    assert settle(boss, suspended, verdict).status_code == 303

    again = Gold.objects.get(active=True)
    assert (again.question_id, again.truth, again.source) == (suspended.question_id, verdict, "CURATOR")
    assert boss.get(LIST).context["suspended"] == []


def test_a_curator_leaves_it_to_votes(campaign, boss, suspended):
    settle(boss, suspended, "LEAVE")

    assert not Gold.objects.filter(active=True).exists()
    assert AuditEntry.objects.latest("number").detail == {"because": "LEAVE"}


def test_what_cannot_be_settled_is_told(campaign, boss, suspended):
    assert settle(boss, suspended, "MAYBE").status_code == 303
    assert list_messages(boss.get(LIST)) == ["There is no such verdict."]
    settle(boss, suspended, "LEAVE")
    settle(boss, suspended, "YES")

    assert "Another curator has looked at this already." in list_messages(boss.get(LIST))


def test_a_question_that_was_decided_meanwhile_is_asked_no_more(campaign, boss, suspended):
    builders.make_votes(campaign, ["YES"] * 3)
    builders.estimate_all()

    settle(boss, suspended, "NO")

    assert any("is not open any more" in text for text in list_messages(boss.get(LIST)))
    suspended.refresh_from_db()
    assert suspended.ended_because == "MISSED"


def test_lists_go_on_where_they_ended(campaign, boss, suspended, monkeypatch):
    monkeypatch.setattr("annotation.pages.gold.SUSPENDED_A_PAGE", 1)
    other = campaign.questions.last()
    builders.make_gold(other)
    retire_gold(question_ids=[other.pk], by=None, at=now(), because=Gold.End.MISSED)
    first = boss.get(LIST).context

    assert [each.gold.question_id for each, _ in first["suspended"]] == [other.pk]
    assert [each.gold for each, _ in boss.get(f"{LIST}?behind={first['behind']}").context["suspended"]] == [suspended]


@pytest.mark.parametrize("query", ["?campaign=none", "?campaign=none%00", "?campaign=%00", "?behind=x&after=-1"])
def test_addresses_that_lead_nowhere(boss, query):
    assert boss.get(LIST + query).status_code == (404 if "none" in query else 200)


def test_the_number_of_queries_is_fixed(campaign, boss, suspended, django_assert_num_queries):
    with django_assert_num_queries(10):
        boss.get(f"{LIST}?campaign=dogs")
