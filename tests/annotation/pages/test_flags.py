import uuid

import pytest
from django.urls import reverse
from django.utils.timezone import now

from annotation.actions import flags
from annotation.models import Dispute, Flag
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
)

pytestmark = pytest.mark.django_db
LIST = "/curate/flags/"


@pytest.fixture
def campaign():
    synset = make_synset(2084071, words=["dog"])
    make_candidates(synset, 3)
    return make_open_campaign([synset], gold_rate=0, page_size=3)


@pytest.fixture
def ann(campaign):
    return make_user("ann")


@pytest.fixture
def batch(ann):
    return lease(ann)


@pytest.fixture
def boss(campaign):
    return sign_in(make_user("boss", "curator"))


def send(user, batch, flag, *, headers=None, **answers):
    return sign_in(user).post(reverse("annotation:flag", args=[batch.pk]), {"flag": flag, **answers}, headers=headers)


def raise_flag(user, batch, position=1, kind="BROKEN"):
    flags.raise_flag(annotator=find_annotator(user), batch_id=batch.pk, position=position, kind=kind, at=now())


def close(client, outcome, **thing):
    given = {"newest": Flag.objects.latest("pk").pk, "outcome": outcome, "order": "newest", "kind": "BROKEN", **thing}
    return client.post(f"{LIST}close/", given)


def test_a_browser_gets_its_page_again_with_what_was_answered(ann, batch):
    response = send(ann, batch, "raise:2:BROKEN", **{"answer-1": "YES", "answer-3": "junk"})

    assert response.status_code == 200
    assert read_fields(response).checked == {"answer-1": "YES"}
    assert [mark.value for mark in response.context["items"][1]["flags"] if mark.raised] == ["withdraw:2:BROKEN"]
    assert Flag.objects.get().position == 2


def test_the_script_gets_nothing_but_that_it_is_kept(ann, batch):
    response = send(ann, batch, "raise::DEFINITION", headers=FETCH)

    assert (response.status_code, response.content) == (204, b"")
    assert sign_in(ann).get("/annotate/").context["definition_flags"][0].raised


def test_gold_and_other_pictures_get_the_same_answer(ann, batch):
    make_gold(batch.items.get(position=2).question)

    said = [send(ann, batch, f"raise:{position}:DRAWING", headers=FETCH) for position in (1, 2)]

    assert len({(each.status_code, str(sorted(each.headers)), each.content) for each in said}) == 1


def test_a_flag_is_withdrawn(ann, batch):
    raise_flag(ann, batch)

    response = send(ann, batch, "withdraw:1:BROKEN")

    assert not any(mark.raised for mark in response.context["items"][0]["flags"])


def test_a_flag_of_a_page_that_was_sent_leads_to_the_next(ann, batch):
    submit(batch)

    assert send(ann, batch, "raise:1:BROKEN").status_code == 303
    assert Flag.objects.count() == 1


def test_a_flag_that_a_curator_closed_is_a_conflict(ann, batch, boss):
    raise_flag(ann, batch)
    close(boss, "DONE", question=Flag.objects.get().question_id)

    refused = send(ann, batch, "withdraw:1:BROKEN", headers=FETCH)

    assert (refused.status_code, refused.content.decode()) == (409, "A curator has looked at this already.")
    assert send(ann, batch, "withdraw:1:BROKEN").status_code == 303


@pytest.mark.parametrize("flag", ["", "raise", "raise:1:UGLY", "burn:1:BROKEN", "raise:1:BROKEN\0", "raise::BROKEN"])
def test_a_flag_that_is_none_is_refused(ann, batch, flag):
    assert send(ann, batch, flag).status_code == 400


def test_another_persons_page_and_one_that_never_was(ann, batch):
    assert send(make_user("bob"), batch, "raise:1:BROKEN").status_code == 403
    batch.pk = uuid.uuid4()
    assert send(ann, batch, "raise:1:BROKEN").status_code == 404


def test_nothing_to_look_at_is_said(boss):
    assert "Nothing to look at" in boss.get(LIST).content.decode()


def test_what_waits_is_listed_by_thing_with_the_most_flags_first(ann, batch, boss):
    raise_flag(ann, batch, 2)
    for kind in ("BROKEN", "DRAWING"):
        raise_flag(ann, batch, 1, kind)
    raise_flag(ann, batch, None, "DEFINITION")

    most, newest = (boss.get(f"{LIST}?order={order}").context["rows"] for order in ("most", "newest"))

    assert [each["row"].flags for each in most] == [2, 1, 1]
    assert [each["row"].question is None for each in newest] == [True, False, False]
    assert [each["row"].flags for each in boss.get(f"{LIST}?kind=DRAWING").context["rows"]] == [2]


def test_the_list_goes_on_where_it_ended(ann, batch, boss, monkeypatch):
    monkeypatch.setattr("annotation.pages.flags.FLAGGED_A_PAGE", 1)
    for position in (1, 2, 3):
        raise_flag(ann, batch, position)

    after: str | None = ""
    seen: list[int] = []
    while after is not None:
        context = boss.get(f"{LIST}?after={after}").context
        seen += [each["row"].question.pk for each in context["rows"]]
        after = context["after"]

    assert seen == list(Flag.objects.order_by("-pk").values_list("question_id", flat=True))


def test_curators_see_truth_answer_and_words_of_what_is_contested(ann, batch, boss):
    make_gold(batch.items.get(position=1).question, "NO")
    submit(batch)
    flags.contest_answer(annotator=find_annotator(ann), batch_id=batch.pk, position=1, text="a <i>dingo</i>", at=now())

    response = boss.get(LIST)

    row = response.context["rows"][0]["row"]
    assert (row.truth, row.contests[0].answer) == ("NO", "YES")
    assert "a &lt;i&gt;dingo" in response.content.decode()
    assert [value for value, _ in response.context["rows"][0]["outcomes"]] == ["DISMISSED", "DONE", "RETIRED"]


def test_an_outcome_closes_what_was_shown_and_leads_back(ann, batch, boss):
    raise_flag(ann, batch)

    response = close(boss, "DISPUTED", question=Flag.objects.get().question_id)

    assert response.headers["Location"] == f"{LIST}?order=newest&kind=BROKEN"
    assert list_messages(boss.get(LIST)) == ["1 flag closed: To the disputes."]
    assert Dispute.objects.get().reason == "FLAGGED"
    assert "Annotators flagged it" in boss.get(f"/disputes/{Dispute.objects.get().pk}/").content.decode()


def test_outcomes_that_cannot_be_are_told(ann, batch, boss):
    raise_flag(ann, batch, None, "DEFINITION")

    close(boss, "DISPUTED", synset=2084071)
    close(boss, "DONE", question=1)

    assert list_messages(boss.get(LIST)) == [
        "There is no such outcome.",
        "Nothing waits here any more: another curator was faster, or it was withdrawn.",
    ]
    close(boss, "DONE", synset=2084071)
    assert not Flag.objects.waiting().exists()


def test_the_number_of_queries_does_not_grow_with_flags(ann, batch, boss, django_assert_num_queries):
    for position in (1, 2, 3):
        raise_flag(ann, batch, position)

    with django_assert_num_queries(8):
        boss.get(LIST)
