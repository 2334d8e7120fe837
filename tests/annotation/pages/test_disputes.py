import pytest
from django.utils.timezone import now

from annotation.actions import disputes
from annotation.models import Dispute, Question
from hierarchy.models import Label
from tests.annotation.pages.browser import list_messages, read_fields, sign_in
from tests.builders import make_dispute, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return make_user("boss", "curator")


@pytest.fixture
def client(boss):
    return sign_in(boss)


def open_dispute(number=1740):
    return make_dispute(number=number).disputes.get()


def decide(client, dispute, **changes):
    decision = {"verdict": "ACCEPTED", "reason": "clearly there", "version": dispute.version} | changes
    return client.post(f"/disputes/{dispute.pk}/", decision)


def test_nothing_to_settle_is_said(client):
    assert "Nothing to settle" in client.get("/disputes/").content.decode()


def test_waiting_disputes_are_listed_without_their_votes(client):
    dispute = open_dispute()

    response = client.get("/disputes/")

    assert [found for found, _ in response.context["disputes"]] == [dispute]
    assert "voted" not in response.content.decode()


def test_the_list_goes_on_after_a_dispute(client):
    first, second = open_dispute(1740), open_dispute(2084071)

    assert [found for found, _ in client.get(f"/disputes/?after={first.pk}").context["disputes"]] == [second]
    assert len(client.get("/disputes/?after=junk").context["disputes"]) == 2


def test_a_decision_labels_the_picture_and_leads_to_the_next(client, boss):
    first, second = open_dispute(1740), open_dispute(2084071)

    response = decide(client, first)

    label = Label.objects.current().get(candidate=first.question.candidate)
    assert response.headers["Location"] == f"/disputes/{second.pk}/"
    assert (label.verdict, label.source, label.by) == ("ACCEPTED", "CURATOR", boss)


def test_the_last_decision_leads_to_the_list(client):
    response = decide(client, open_dispute(), verdict="REJECTED")

    assert response.headers["Location"] == "/disputes/"
    assert Question.objects.get().state == "REJECTED"


def test_after_the_newest_comes_the_oldest_again(client):
    oldest, newest = open_dispute(1740), open_dispute(2084071)

    assert decide(client, newest).headers["Location"] == f"/disputes/{oldest.pk}/"


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"reason": "  "}, "reason"), ({"verdict": "PERHAPS"}, "verdict"), ({"version": "x"}, "version")],
)
def test_a_decision_that_lacks_something_comes_back_with_the_rest(client, changes, field):
    dispute = open_dispute()

    response = decide(client, dispute, **changes)

    assert response.status_code == 400
    assert list(response.context["form"].errors) == [field]
    assert response.context["form"]["reason"].value() == changes.get("reason", "clearly there")
    assert Dispute.objects.filter(settled_at=None).exists()


def test_a_decision_on_old_evidence_is_refused_and_the_new_is_shown(client):
    dispute = open_dispute()
    Dispute.objects.update(version=2)

    response = decide(client, dispute, version=1)
    reloaded = client.get(response.headers["Location"])

    assert response.headers["Location"] == f"/disputes/{dispute.pk}/"
    assert "Votes have come since you read it" in list_messages(reloaded)[0]
    assert read_fields(reloaded).values["version"] == "2"


def test_a_dispute_that_another_settled_shows_the_decision(client):
    dispute = open_dispute()
    other = make_user("other", "curator")
    disputes.settle_dispute(dispute_id=dispute.pk, verdict="REJECTED", reason="a fox", version=1, by=other, at=now())

    response = client.get(f"/disputes/{dispute.pk}/")

    assert "a fox" in response.content.decode()
    assert "verdict" not in read_fields(response).names
    assert list_messages(client.get(decide(client, dispute).headers["Location"])) == [
        "This dispute was settled already."
    ]


def test_who_voted_on_it_is_told_and_led_on(boss):
    dispute, following = open_dispute(1740), open_dispute(2084071)
    voter = dispute.question.votes.first().annotator.user
    voter.groups.set(boss.groups.all())
    client = sign_in(voter)

    page = client.get(f"/disputes/{dispute.pk}/")

    assert "You voted on this picture yourself" in page.content.decode()
    assert page.context["following"] == following
    assert decide(client, dispute).status_code == 303
    assert Dispute.objects.filter(settled_at=None).count() == 2


@pytest.mark.parametrize("number", [0, 10**30])
def test_a_dispute_that_never_was_is_not_found(client, number):
    assert client.get(f"/disputes/{number}/").status_code == 404


def test_the_number_of_queries_does_not_grow_with_disputes(client, django_assert_num_queries):
    first, _ = open_dispute(1740), open_dispute(2084071)

    with django_assert_num_queries(4):
        client.get("/disputes/")
    with django_assert_num_queries(9):
        client.get(f"/disputes/{first.pk}/")
