import uuid

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils.timezone import now

from annotation.actions import bars, campaigns
from annotation.models import Batch, Campaign, Vote
from annotation.rules import PolicyValues
from annotation.tasks import DOORBELL
from hierarchy.models import Image
from tests.annotation.pages.browser import FETCH, list_messages, read_fields, sign_in
from tests.builders import (
    find_annotator,
    lease,
    make_candidates,
    make_gold,
    make_open_campaign,
    make_synset,
    make_user,
    submit,
    vote,
)

pytestmark = pytest.mark.django_db
PAGE = "/annotate/"


@pytest.fixture
def campaign():
    entity = make_synset(1740, words=["entity"])
    dog = make_synset(2084071, words=["dog", "domestic dog"], parents=[entity])
    make_candidates(dog, 6)
    return make_open_campaign([dog], name="demo", gold_rate=0, page_size=3)


@pytest.fixture
def ann(campaign):
    return make_user("ann")


@pytest.fixture
def client(ann):
    return sign_in(ann)


def url(name, batch):
    return reverse(f"annotation:{name}", args=[batch.pk])


def answers(*given, key="key-1"):
    return {"key": key, **{f"answer-{at}": answer for at, answer in enumerate(given, start=1) if answer}}


def test_a_page_is_offered_before_anything_is_leased(client):
    response = client.get(PAGE)

    assert response.status_code == 200
    assert response.context["batch"] is None
    assert not Batch.objects.exists()


def test_asking_for_a_page_leads_to_it(client, ann):
    response = client.post("/annotate/lease/", follow=True)

    assert response.redirect_chain == [(PAGE, 303)]
    assert response.context["batch"] == Batch.objects.get(annotator__user=ann)
    assert "Does this picture show “dog”?" in response.content.decode()


def test_the_oldest_live_page_comes_again(client, ann, campaign):
    oldest = lease(ann)
    lease(ann)

    assert client.get(PAGE).context["batch"] == oldest


def test_the_campaign_that_was_chosen_stays_in_hand(client, ann):
    cat = make_synset(2121620, words=["cat"])
    make_candidates(cat, 2)
    other = make_open_campaign([cat], name="cats", gold_rate=0, page_size=1)

    client.post("/annotate/lease/", {"campaign": "cats"})
    batch = Batch.objects.get(annotator__user=ann)
    client.post(url("submit", batch), answers("YES"))

    assert list(Batch.objects.values_list("campaign", flat=True)) == [other.pk, other.pk]


def test_another_campaign_follows_where_the_chosen_one_has_nothing_left(client, ann, campaign):
    cat = make_synset(2121620, words=["cat"])
    make_candidates(cat, 1)
    make_open_campaign([cat], name="cats", gold_rate=0)
    client.post("/annotate/lease/", {"campaign": "cats"})

    client.post(url("submit", Batch.objects.get()), answers("YES"))

    assert Batch.objects.get(closed_at=None).campaign == campaign


def test_a_page_of_an_unknown_campaign_is_not_found(client):
    assert client.post("/annotate/lease/", {"campaign": "no\0ne"}).status_code == 404


def test_sending_a_page_records_its_votes_and_leads_to_the_next(client, ann):
    batch = lease(ann)

    response = client.post(url("submit", batch), answers("YES", "NO", "UNSURE"), follow=True)

    assert list(Vote.objects.order_by("position").values_list("answer", flat=True)) == ["YES", "NO", "UNSURE"]
    assert response.redirect_chain == [(PAGE, 303)]
    assert (response.context["last_batch"].id, response.context["last_batch"].recorded) == (batch.pk, 3)
    assert response.context["batch"] not in (None, batch)


def test_milliseconds_are_kept_and_nonsense_among_them_is_not(client, ann):
    batch = lease(ann)
    measured = {"milliseconds-1": "830", "milliseconds-2": "soon", "milliseconds-3": ""}

    client.post(url("submit", batch), answers("YES", "NO", "NO") | measured)

    assert list(Vote.objects.order_by("position").values_list("milliseconds", flat=True)) == [830, None, None]


def test_pictures_left_out_are_no_votes(client, ann):
    batch = lease(ann)

    client.post(url("submit", batch), answers("", "NO", ""))

    assert list(Vote.objects.values_list("position", "answer")) == [(2, "NO")]


def test_sending_the_same_form_twice_records_it_once(client, ann):
    batch = lease(ann)
    form = answers("YES", "YES", "YES")
    client.post(url("submit", batch), form)

    response = client.post(url("submit", batch), form, follow=True)

    assert list_messages(response) == []
    assert response.context["last_batch"].recorded == 3
    assert Vote.objects.count() == 3


def test_a_page_without_answers_comes_back_with_word_of_it(client, ann):
    batch = lease(ann)

    response = client.post(url("submit", batch), answers())

    assert response.status_code == 400
    assert response.context["batch"] == batch
    assert response.context["form_error"] == "Answer at least one picture before you send the page."


def test_a_wrong_answer_is_named_at_its_picture_and_the_others_are_kept(client, ann):
    batch = lease(ann)

    response = client.post(url("submit", batch), answers("YES", "PERHAPS", "NO"))

    assert response.status_code == 400
    assert list(response.context["errors"]) == [2]
    assert read_fields(response).checked == {"answer-1": "YES", "answer-3": "NO"}
    assert not Vote.objects.exists()


def test_a_page_given_back_cannot_be_sent(client, ann):
    batch = lease(ann)
    client.post(url("return", batch))

    response = client.post(url("submit", batch), answers("YES"), follow=True)

    assert list_messages(response) == ["This batch was returned already."]


@pytest.mark.parametrize("step", ["submit", "return", "undo"])
def test_another_persons_page_is_forbidden(client, step):
    foreign = lease(make_user("bob"))

    assert client.post(url(step, foreign), answers("YES")).status_code == 403


@pytest.mark.parametrize("step", ["submit", "return", "undo"])
def test_a_page_that_never_was_is_not_found(client, step):
    address = reverse(f"annotation:{step}", args=[uuid.uuid4()])

    assert client.post(address, answers("YES")).status_code == 404


def test_the_script_gets_the_next_page_as_a_fragment(client, ann):
    batch = lease(ann)

    response = client.post(url("submit", batch), answers("YES"), headers=FETCH)

    assert response.status_code == 200
    assert response.content.decode().lstrip().startswith('<div id="batch"')
    assert response.context["batch"] not in (None, batch)
    assert response.context["last_batch"].id == batch.pk


def test_the_script_is_told_of_a_conflict_in_the_page_that_is_due(client, ann):
    closed = vote(ann)
    due = lease(ann)

    response = client.post(url("submit", closed), answers("YES", key="another"), headers=FETCH)

    assert response.status_code == 409
    assert response.context["batch"] == due
    assert "data-refusal" in response.content.decode()


def test_the_script_is_told_when_a_key_comes_again_with_other_votes(client, ann):
    batch = lease(ann)
    client.post(url("submit", batch), answers("YES"), headers=FETCH)

    response = client.post(url("submit", batch), answers("NO"), headers=FETCH)

    assert response.status_code == 422
    assert "data-refusal" in response.content.decode()


def test_a_form_is_sent_under_the_number_of_its_page(client, ann):
    batch = lease(ann)

    assert read_fields(client.get(PAGE)).values["key"] == str(batch.pk)


@pytest.mark.parametrize("step", ["submit", "return", "undo"])
def test_a_script_of_another_account_is_told_so_and_nothing_is_done(client, ann, step):
    batch = lease(ann)
    account = make_user("bea").pk

    response = client.post(url(step, batch), answers("YES"), headers=FETCH | {"x-account": str(account)})

    assert response.status_code == 401
    assert not Vote.objects.exists()
    assert Batch.objects.get().closed_at is None


def test_a_script_of_this_account_is_served(client, ann):
    response = client.post("/annotate/lease/", headers=FETCH | {"x-account": str(ann.pk)})

    assert response.status_code == 200


def test_a_page_to_have_at_hand_is_another_one(client, ann):
    current = lease(ann)

    response = client.post("/annotate/lease/", {"held": str(current.pk)}, headers=FETCH)

    assert response.status_code == 200
    assert response.context["batch"] not in (None, current)


def test_a_page_whose_answer_was_lost_comes_to_hand_before_a_new_one(client, ann):
    shown, lost = lease(ann), lease(ann)

    first = client.post("/annotate/lease/", {"held": f"{shown.pk} nonsense"}, headers=FETCH)
    again = client.post("/annotate/lease/", {"held": f"{shown.pk} {lost.pk}"}, headers=FETCH)

    assert first.context["batch"] == lost
    assert again.status_code == 204
    assert Batch.objects.count() == 2


@pytest.mark.parametrize(("wish", "pictures"), [("2", 2), ("0", 1), ("48", 3), ("many", 3), ("", 3)])
def test_a_screen_may_ask_for_fewer_pictures_than_the_policy_allows(client, ann, wish, pictures):
    response = client.post("/annotate/lease/", {"size": wish}, headers=FETCH)

    assert len(response.context["items"]) == pictures


def test_the_page_after_one_that_was_sent_has_the_size_that_was_asked_for(client, ann):
    batch = lease(ann)

    response = client.post(url("submit", batch), answers("YES") | {"size": "2"}, headers=FETCH)

    assert len(response.context["items"]) == 2


def test_no_page_comes_to_hand_when_nothing_is_left(client, ann):
    lease(ann), lease(ann)

    assert client.post("/annotate/lease/", {"prefetch": "1"}, headers=FETCH).status_code == 204


def test_no_page_comes_to_hand_beyond_three(client, ann):
    make_candidates(Campaign.objects.get().synsets.get(), 6)
    pause_and_resume()
    lease(ann), lease(ann), lease(ann)

    assert client.post("/annotate/lease/", {"prefetch": "1"}, headers=FETCH).status_code == 204
    assert list_messages(client.post("/annotate/lease/", follow=True)) == [
        "You have 3 open pages. Answer one or give one back first."
    ]


def pause_and_resume():
    boss = make_user("boss", "curator")
    campaigns.pause_campaign(name="demo", by=boss, at=now())
    campaigns.open_campaign(name="demo", by=boss, at=now())


def test_a_person_who_has_seen_everything_is_told_so(client, ann):
    vote(ann)
    last = lease(ann)

    response = client.post(url("submit", last), answers("YES", "YES", "YES"), follow=True)

    assert response.redirect_chain == [(f"{PAGE}?nothing_left=1", 303)]
    assert "Nothing left for you, for now" in response.content.decode()


def test_giving_a_page_back_frees_its_questions(client, ann):
    batch = lease(ann)

    client.post(url("return", batch))

    batch.refresh_from_db()
    assert batch.outcome == Batch.Outcome.RETURNED


def test_a_script_that_gives_a_page_back_needs_no_page_for_it(client, ann):
    batch = lease(ann)

    assert client.post(url("return", batch), headers=FETCH).status_code == 204
    assert Batch.objects.get().outcome == Batch.Outcome.RETURNED


def test_undoing_a_page_withdraws_its_votes(client, ann):
    batch = vote(ann)

    response = client.post(url("undo", batch), follow=True)

    assert list_messages(response) == ["3 answers taken back."]
    assert not Vote.objects.standing().exists()
    assert response.context["last_batch"] is None


def test_a_page_that_was_not_sent_cannot_be_undone(client, ann):
    batch = lease(ann)

    assert client.post(url("undo", batch), headers=FETCH).status_code == 409
    assert list_messages(client.post(url("undo", batch), follow=True)) == [
        "This page was not sent, so there is nothing to undo."
    ]


@pytest.mark.parametrize("step", ["submit", "undo"])
def test_votes_and_undone_votes_ring_the_doorbell(client, ann, step):
    batch = lease(ann)
    if step == "undo":
        submit(batch)
    cache.delete(DOORBELL)

    client.post(url(step, batch), answers("YES"))

    assert cache.get(DOORBELL) == 1
    cache.delete(DOORBELL)


def test_a_barred_person_reads_the_reason(client, ann):
    boss = make_user("boss", "curator")
    bars.bar_annotator(annotator_id=find_annotator(ann).pk, reason="answers at random", by=boss, at=now())

    response = client.get(PAGE)

    assert response.status_code == 403
    assert "answers at random" in response.content.decode()


def test_gold_looks_like_every_other_picture(ann, campaign):
    question = campaign.questions.order_by("pk")[0]
    make_gold(question)
    before = campaign.questions.count()
    campaigns.change_policy(
        name="demo", policy=PolicyValues(gold_rate=0.5, page_size=12), by=campaign.drafted_by, at=now()
    )
    batch = lease(ann)

    items = sign_in(ann).get(PAGE).context["items"]

    assert before == 6
    assert question.pk in set(batch.items.values_list("question_id", flat=True))
    assert {frozenset(item) for item in items} == {
        frozenset({"position", "small_url", "large_url", "width", "height", "answer", "flags"})
    }
    assert len({len(item["small_url"]) for item in items}) == 1


def test_addresses_of_pictures_stay_while_the_lease_lives_and_tell_nothing_across_leases(client, ann):
    batch = lease(ann)

    first = [item["small_url"] for item in client.get(PAGE).context["items"]]
    again = [item["small_url"] for item in client.get(PAGE).context["items"]]
    client.post(url("return", batch))
    client.post("/annotate/lease/")
    another_lease = [item["small_url"] for item in client.get(PAGE).context["items"]]

    assert first == again
    assert not set(first) & set(another_lease)


def test_the_number_of_queries_does_not_grow_with_the_page(client, ann, campaign, django_assert_num_queries):
    lease(ann)
    # Finds the examples, which are kept for a minute.
    client.get(PAGE)

    with django_assert_num_queries(11):
        client.get(PAGE)


def test_the_pictures_authors_and_licences_stand_below_the_page(client):
    Image.objects.update(author="Ada", licence="CC BY 4.0")

    response = client.post("/annotate/lease/", follow=True)

    assert response.context["credits"] == ["Ada (CC BY 4.0)"]
    assert "Ada (CC BY 4.0)" in response.content.decode()
