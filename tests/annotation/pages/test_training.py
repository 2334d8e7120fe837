import re

import pytest

from annotation.actions import batches
from annotation.models import Training, TrainingAttempt, TrainingItem
from tests.annotation.api.client import Program, assert_problem
from tests.annotation.pages.browser import FETCH, list_messages, sign_in
from tests.annotation.trained import go_through, make_trainable, settle, switch_on
from tests.builders import find_annotator, lease, make_candidates, make_open_campaign, make_synset, make_user

pytestmark = pytest.mark.django_db
PAGE, DESK = "/train/dogs/", "/campaigns/dogs/training/"


@pytest.fixture
def campaign():
    return make_trainable()


@pytest.fixture
def trained(campaign):
    switch_on(campaign)
    return campaign


@pytest.fixture
def ann(campaign):
    return make_user("ann")


@pytest.fixture
def client(ann):
    return sign_in(ann)


@pytest.fixture
def boss(campaign):
    return sign_in(campaign.drafted_by)


def values(**changes):
    rules = {"active": "on", "passing_mark": 80, "attempts": 3, "quiz_items": 3, "practice_items": 7, **changes}
    return {name: value for name, value in rules.items() if value is not None}


def test_who_asks_for_a_page_is_led_to_the_training_first(client, trained):
    response = client.post("/annotate/lease/", {"campaign": "dogs"}, follow=True)

    assert response.redirect_chain == [(PAGE, 303)]
    assert "You have 3 attempts left." in response.content.decode()
    assert client.post("/annotate/lease/", {}, headers=FETCH).status_code == 204
    assert client.post("/annotate/lease/").headers["Location"] == PAGE


def test_programs_are_refused_with_the_way_to_the_training(ann, trained):
    program = Program(ann)

    assert_problem(program.ask("post", "batches/"), 403, detail="/train/dogs/")
    assert_problem(program.ask("post", "batches/", {"campaign": "dogs"}), 403, detail="short training first")
    assert program.ask("get", "campaigns/dogs/").json()["training"] is True
    go_through(ann, trained)
    assert program.ask("post", "batches/").status_code == 201


def test_each_answer_is_explained_and_the_last_one_passes(client, trained):
    client.post(PAGE)
    explained = []
    while (context := client.get(PAGE).context)["standing"].open:
        item = context["item"]
        response = client.post(PAGE, {"place": item["place"], "answer": item["item"].correct}, follow=True)
        explained.append(response.context["marked"]["right"])

    html = client.get(PAGE).content.decode()
    assert explained == [True] * 5
    assert "You have passed" in html
    assert client.post("/annotate/lease/", {"campaign": "dogs"}).headers["Location"] == "/annotate/"


def test_a_wrong_answer_says_what_the_picture_shows(client, trained):
    switch_on(trained, quiz_items=0)
    client.post(PAGE)
    seen = ""
    while (context := client.get(PAGE).context)["standing"].open:
        item = context["item"]
        seen += client.post(
            PAGE, {"place": item["place"], "answer": 1 - item["item"].correct}, follow=True
        ).content.decode()

    assert "It shows “wolf”, which is no “dog”." in seen
    assert "Not right." in seen
    assert "0 % were right; 80 % are needed." in seen
    assert "You have 2 attempts left." in seen


def test_without_an_attempt_left_it_says_whom_to_ask(client, ann, trained):
    switch_on(trained, attempts=1)
    go_through(ann, trained, wrong=5)

    html = client.get(PAGE).content.decode()

    assert f"give your number: {find_annotator(ann).pk}" in html
    assert list_messages(client.post(PAGE, follow=True)) == ["You have no attempt left. Ask a curator for another one."]


@pytest.mark.parametrize("answer", ["", "9", "x"])
def test_an_answer_that_is_none_asks_again(client, trained, answer):
    client.post(PAGE)

    response = client.post(PAGE, {"place": "0", "answer": answer})

    assert response.status_code == 400
    assert "Choose an answer." in response.content.decode()
    assert TrainingAttempt.objects.get().answers == []


def test_a_campaign_without_training_has_no_such_page(client, campaign):
    assert client.get(PAGE).status_code == 404
    assert client.get("/train/none/").status_code == 404


def test_pictures_have_addresses_that_tell_nothing(client, trained):
    client.post(PAGE)
    for place in range(1):
        client.post(PAGE, {"place": place, "answer": 0})

    html = client.get(PAGE).content.decode()

    assert "gold" not in html.lower()
    assert len(set(re.findall(r"/pictures/[\w-]+", html))) == 1


def test_the_campaigns_page_says_where_one_stands(client, ann, trained, boss):
    before = client.get("/campaigns/dogs/").content.decode()
    go_through(ann, trained)

    assert "begins with a short training" in before
    assert "Training passed" in client.get("/campaigns/dogs/").content.decode()
    assert "Set up the training" in boss.get("/campaigns/dogs/").content.decode()


def test_a_curator_switches_it_on_with_its_rules(boss, campaign):
    response = boss.post(DESK, values(passing_mark=70), follow=True)

    assert list_messages(response) == ["The training is on."]
    assert Training.objects.get().passing_mark == 70
    assert (response.context["quizzes"], response.context["pictures"]) == (1, 4)
    assert list_messages(boss.post(DESK, values(active=None), follow=True)) == ["The training is off."]
    assert batches.lease_batch(annotator_id=find_annotator(make_user("bob")).pk)


def test_rules_that_cannot_be_come_back(boss):
    response = boss.post(DESK, values(passing_mark=101))

    assert response.status_code == 400
    assert list(response.context["form"].errors) == ["passing_mark"]
    assert not Training.objects.exists()


def test_items_are_explained_dropped_and_added(boss, trained):
    item = TrainingItem.objects.filter(correct=1, kind="PRACTICE").latest("pk")
    digest = settle(item.synset).image.sha256_hex

    boss.post(f"{DESK}items/{item.pk}/", {"explanation": "Ears.", "dropped": "on"})
    boss.post(f"{DESK}add/", {"sha256": digest, "wnid": "n00000002", "truth": "YES"})
    boss.post(f"{DESK}items/{item.pk}/", {"explanation": "x" * 1001})
    boss.post(f"{DESK}add/", {"sha256": "junk"})

    item.refresh_from_db()
    assert (item.explanation, item.dropped_at is None) == ("Ears.", False)
    assert TrainingItem.objects.count() == 6
    said = list_messages(boss.get(DESK))
    assert said[:2] == ["The item is changed.", "The picture is added."]
    assert len(said) == 4


def test_a_curator_grants_another_attempt(boss, ann, trained):
    switch_on(trained, attempts=1)
    go_through(ann, trained, wrong=5)
    number = find_annotator(ann).pk

    boss.post(f"{DESK}grant/", {"annotator": "who"})
    boss.post(f"{DESK}grant/", {"annotator": number})

    assert list_messages(boss.get(DESK)) == [
        "Say the number of an annotator.",
        f"Annotator {number} has another attempt.",
    ]
    assert go_through(ann, trained).passed


def test_the_numbers_of_queries_do_not_grow_with_items(boss, client, ann, trained, django_assert_num_queries):
    go_through(ann, trained, wrong=5)
    client.post(PAGE)

    with django_assert_num_queries(9):
        client.get(PAGE)
    with django_assert_num_queries(8):
        boss.get(DESK)


def test_a_page_in_hand_is_finished_though_a_training_came(client, ann, campaign):
    batch = lease(ann, campaign)

    switch_on(campaign)

    assert client.get("/annotate/").context["batch"] == batch


@pytest.mark.parametrize("headers", [FETCH, {}], ids=["script", "form"])
def test_whoever_sends_the_last_page_before_a_training_is_led_to_it(client, ann, campaign, headers):
    batch = lease(ann, campaign)
    switch_on(campaign)

    answer = client.post(f"/annotate/{batch.pk}/submit/", {"key": batch.pk, "answer-1": "YES"}, headers=headers)

    led = answer.headers.get("Location") or answer.content.decode()
    assert PAGE in led
    assert "Nothing left" not in led


def test_a_training_in_one_campaign_leaves_the_others_open(client, ann, campaign):
    batch = lease(ann, campaign)
    synset = make_synset(2084072, words=["cat"])
    make_candidates(synset, 2)
    other = make_open_campaign([synset], gold_rate=0)
    switch_on(campaign)

    answer = client.post(f"/annotate/{batch.pk}/submit/", {"key": batch.pk, "answer-1": "YES"}, headers=FETCH)

    assert answer.context["batch"].campaign == other
