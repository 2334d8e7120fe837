import pytest
from django.utils.timezone import now

from annotation.actions import campaigns
from annotation.models import Campaign, CampaignSynset
from annotation.rules import PolicyValues
from tests.annotation.pages.browser import list_messages, sign_in
from tests.annotation.pages.measured import measure
from tests.builders import make_candidates, make_gold, make_open_campaign, make_snapshot, make_synset, make_user

pytestmark = pytest.mark.django_db
POLICY = {
    "target_error": "0.05",
    "vote_cap": "10",
    "page_size": "24",
    "gold_rate": "0.1",
    "gold_exposures": "200",
    "lease_seconds": "1800",
    "undo_seconds": "60",
}


@pytest.fixture
def boss():
    return make_user("boss", "curator")


@pytest.fixture
def dog():
    dog = make_synset(2084071, words=["dog"])
    make_candidates(dog, 3)
    return dog


@pytest.fixture
def campaign(dog, boss):
    return make_open_campaign([dog], name="demo", by=boss)


@pytest.fixture
def draft(dog, boss):
    return campaigns.draft_campaign(
        name="draft", title="Not yet", wnids=[dog.wnid], policy=PolicyValues(), by=boss, at=now()
    )


def typed(**changes):
    return {"name": "dogs", "title": "Dogs", "instructions": "", "synsets": "n02084071"} | POLICY | changes


def read_quality(client):
    """The section of the page, with one blank wherever there were several."""
    page = " ".join(client.get("/campaigns/demo/").content.decode().split())
    return page[page.index("Quality</h2>") : page.index("Policy</h2>")]


def find_state(name):
    return Campaign.objects.get(name=name).state


def test_drafts_are_listed_for_curators_only(draft, campaign, boss):
    seen_by_curator = [found for found, _ in sign_in(boss).get("/campaigns/").context["campaigns"]]
    seen_by_annotator = [found for found, _ in sign_in(make_user("ann")).get("/campaigns/").context["campaigns"]]

    assert seen_by_curator == [campaign, draft]
    assert seen_by_annotator == [campaign]


def test_a_draft_is_not_found_by_annotators(draft, boss):
    assert sign_in(make_user("ann")).get("/campaigns/draft/").status_code == 404
    assert sign_in(boss).get("/campaigns/draft/").status_code == 200


def test_annotators_read_nothing_of_gold_votes_or_policy(campaign):
    make_gold(campaign.questions.all()[0])

    page = sign_in(make_user("ann")).get("/campaigns/demo/").content.decode()

    assert "dog" in page
    assert all(word not in page for word in ("Gold", "gold", "Disputed", "Votes", "Policy", "Questions", "Quality"))


def test_curators_read_all_of_it(campaign, boss):
    make_gold(campaign.questions.all()[0])

    response = sign_in(boss).get("/campaigns/demo/")

    [(part, _)] = response.context["synsets"]
    assert (part.progress.questions, part.progress.gold) == (2, 1)
    assert [policy.version for policy in response.context["policies"]] == [1]


def test_synsets_come_a_hundred_at_a_time(dog, boss):
    more = [make_synset(number) for number in range(1, 101)]
    make_open_campaign([dog, *more], name="demo", by=boss)
    client = sign_in(boss)

    first, second = client.get("/campaigns/demo/"), client.get("/campaigns/demo/?page=2")

    assert (len(first.context["synsets"]), first.context["next_page"]) == (100, 2)
    assert (len(second.context["synsets"]), second.context["next_page"]) == (1, None)
    assert client.get("/campaigns/demo/?page=first").status_code == 404


def test_a_draft_is_made_of_what_was_typed(dog, boss):
    cat = make_synset(2121620)

    response = sign_in(boss).post("/draft-campaign/", typed(synsets=f"{cat.wnid},\n {dog.wnid} {cat.wnid}"))

    made = Campaign.objects.get(name="dogs")
    order = CampaignSynset.objects.filter(campaign=made).order_by("position")
    assert response.headers["Location"] == "/campaigns/dogs/"
    assert list(order.values_list("synset", flat=True)) == [cat.pk, dog.pk]
    assert made.policies.get().vote_cap == 10


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": "no blanks", "synsets": "n00000009"}, {"name", "synsets"}),
        ({"title": "  ", "page_size": "0"}, {"title", "page_size"}),
        ({"name": "demo"}, {"name"}),
        ({"synsets": ", ,"}, {"synsets"}),
        ({"vote_cap": "1", "gold_rate": "0.9"}, {"vote_cap", "gold_rate"}),
        ({"target_error": "nan", "page_size": "many"}, {"target_error", "page_size"}),
    ],
)
def test_every_error_is_named_at_its_field_and_what_was_typed_is_kept(campaign, boss, changes, fields):
    response = sign_in(boss).post("/draft-campaign/", typed(**changes))

    form = response.context["form"]
    assert response.status_code == 400
    assert fields <= set(form.errors)
    assert set(form.errors) <= fields
    assert all(form[field].value() == value for field, value in typed(**changes).items())
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    ("before", "step", "after"),
    [
        ([], "open", "OPEN"),
        (["open"], "pause", "PAUSED"),
        (["open", "pause"], "resume", "OPEN"),
        (["open"], "close", "CLOSED"),
    ],
)
def test_each_step_has_its_button(draft, boss, before, step, after):
    client = sign_in(boss)
    for earlier in before:
        client.post("/campaigns/draft/change/", {"step": earlier})
    offered = client.get("/campaigns/draft/").context["steps"]

    response = client.post("/campaigns/draft/change/", {"step": step})

    assert step in offered
    assert response.headers["Location"] == "/campaigns/draft/"
    assert find_state("draft") == after


def test_a_step_that_the_state_does_not_allow_is_told(campaign, boss):
    response = sign_in(boss).post("/campaigns/demo/change/", {"step": "open"}, follow=True)

    assert list_messages(response) == ["Campaign demo is open: it cannot open."]


def test_an_unknown_step_changes_nothing(campaign, boss):
    response = sign_in(boss).post("/campaigns/demo/change/", {"step": "burn"}, follow=True)

    assert list_messages(response) == ["There is no such step."]
    assert find_state("demo") == "OPEN"


def test_a_changed_policy_is_a_new_version(campaign, boss):
    response = sign_in(boss).post("/campaigns/demo/policy/", POLICY | {"vote_cap": "7"}, follow=True)

    assert list_messages(response) == ["Version 2 of the rules is in force."]
    assert list(campaign.policies.order_by("version").values_list("vote_cap", flat=True)) == [10, 7]


def test_the_layout_is_changed_and_other_words_are_not_taken(campaign, boss):
    client = sign_in(boss)

    done = client.post("/campaigns/demo/layout/", {"layout": "CARDS"}, follow=True)
    refused = client.post("/campaigns/demo/layout/", {"layout": "HEAP"}, follow=True)

    assert list_messages(done) == ["Annotators see pages in the new layout."]
    assert list_messages(refused) == ["There is no such layout."]
    campaign.refresh_from_db()
    assert campaign.layout == "CARDS"


def test_a_bad_policy_comes_back_as_it_was_typed(campaign, boss):
    response = sign_in(boss).post("/campaigns/demo/policy/", POLICY | {"vote_cap": "101"})

    assert response.status_code == 400
    assert response.context["form"].errors == {"vote_cap": ["Vote cap must be between 2 and 100, not 101"]}
    assert response.context["form"]["vote_cap"].value() == "101"
    assert campaign.policies.count() == 1


def test_quality_is_told_with_its_intervals(campaign, dog, boss):
    measure(campaign, [dog])

    section = read_quality(sign_in(boss))

    assert all(f"<dd> {figure} </dd>" in section for figure in ("3.3", "4.8", "12.5 %", "0.42", "2 of 3"))
    assert section.count(".90 (.68\N{EN DASH}.99)") == section.count(".72 (.51\N{EN DASH}.88)") == 2
    assert all(words in section for words in ("Wrong (target 0.07)", "0.045", "0.269", "By synset", "n02084071"))


def test_quality_is_that_of_the_newest_snapshot_that_measured_it(campaign, boss):
    measure(campaign, votes_per_question=9.5)
    newest = make_snapshot()
    measure(campaign, votes_per_question=2.5)
    make_snapshot()

    response = sign_in(boss).get("/campaigns/demo/")

    assert response.context["quality"].snapshot == newest
    assert response.context["quality"].whole.values["votes_per_question"] == 2.5


def test_without_gold_nothing_is_claimed(campaign, boss):
    empty = dict.fromkeys(("votes_per_question", "votes_per_accepted", "curator_load", "alpha_nominal", "on_gold"))
    measure(campaign, curators_checked=0, **empty)

    section = read_quality(sign_in(boss))

    assert "cannot be told without gold" in section
    assert section.count("<dd> \N{EN DASH} </dd>") == 5
    assert "None" not in section


def test_before_the_first_estimation_nothing_is_measured(campaign, boss):
    assert "Nothing is measured yet" in read_quality(sign_in(boss))


def test_the_number_of_queries_does_not_grow_with_campaigns_or_synsets(dog, boss, django_assert_num_queries):
    cat = make_synset(2121620)
    make_candidates(cat, 1)
    make_open_campaign([dog, cat], name="demo", by=boss)
    make_candidates(dog, 1)
    make_open_campaign([dog], name="more", by=boss)
    client = sign_in(boss)

    with django_assert_num_queries(5):
        client.get("/campaigns/")
    with django_assert_num_queries(11):
        client.get("/campaigns/demo/")
    measure(Campaign.objects.get(name="demo"), [dog, cat])
    with django_assert_num_queries(11):
        client.get("/campaigns/demo/")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("ASK", "being put to annotators"),
        ("DECIDE", "rules are being applied"),
        ("CLOSE", "questions are being closed"),
    ],
)
def test_curators_see_how_far_a_large_campaign_is_with_what_goes_on_by_itself(client, campaign, boss, kind, told):
    campaign.ranges.create(kind=kind, first=1, reached=42, last=100)
    client.force_login(boss)
    page = " ".join(client.get("/campaigns/demo/").content.decode().split())

    assert told in page
    assert "42 %" in page


def test_annotators_see_nothing_of_that(client, campaign):
    campaign.ranges.create(kind="ASK", first=1, reached=42, last=100)
    client.force_login(make_user("ann"))

    assert "being put to annotators" not in client.get("/campaigns/demo/").content.decode()
