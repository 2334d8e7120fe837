"""External crowds from a curator's link to what is handed in, by the pages alone."""

import csv
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from annotation.actions import bars, crowds
from annotation.models import Annotator, Assignment, AssignmentPage, Batch, Crowd, CrowdWorker, Vote
from hierarchy.models import AuditEntry
from tests.annotation.pages.browser import FETCH, list_messages, sign_in
from tests.builders import make_candidates, make_open_campaign, make_synset, make_user

pytestmark = pytest.mark.django_db
ORIGIN = {"origin": "http://testserver"}
LIVE = "https://www.mturk.com"


@pytest.fixture
def boss():
    return make_user("boss", "curator")


@pytest.fixture
def campaign(boss):
    synset = make_synset(1740)
    make_candidates(synset, 12)
    return make_open_campaign([synset], name="demo", by=boss, page_size=2, gold_rate=0)


def open_crowd(campaign, boss, provider="MTURK", pages=2, **more):
    values = {"completion_code": "DONE1"} if provider == "PROLIFIC" else {}
    return crowds.open_crowd(
        name=campaign.name, provider=provider, pages=pages, days=3, by=boss, at=now(), **(values | more)
    )


@pytest.fixture
def crowd(campaign, boss):
    return open_crowd(campaign, boss)


def enter(crowd, **changes):
    if crowd.provider == "PROLIFIC":
        given = {"PROLIFIC_PID": "p1", "STUDY_ID": "s1", "SESSION_ID": "x1"}
    else:
        given = {"assignmentId": "A1", "hitId": "H1", "workerId": "W1", "turkSubmitTo": LIVE}
    given = {name: value for name, value in (given | changes).items() if value is not None}
    return Client().get(f"/crowd/{crowd.token}/?{urlencode(given)}")


def begin(crowd, **changes):
    """The path inside which the worker annotates."""
    response = enter(crowd, **changes)
    assert response.status_code == 302, response.content.decode()
    return response["Location"].removesuffix("annotate/")


def post(path, data=None, **headers):
    return Client(enforce_csrf_checks=True).post(path, data or {}, headers=ORIGIN | headers)


def send_page(inside, answered=2, **headers):
    """Leases a page and answers so many of its two pictures."""
    post(f"{inside}annotate/lease/")
    batch = Batch.objects.filter(closed_at=None).latest("leased_at")
    answers = {f"answer-{position}": "YES" for position in range(1, answered + 1)}
    return post(f"{inside}annotate/{batch.pk}/submit/", {"key": str(batch.pk)} | answers, **headers)


def test_an_account_without_a_password_is_made_on_the_way(crowd):
    begin(crowd)

    [worker] = CrowdWorker.objects.all()
    user = worker.annotator.user
    assert not user.has_usable_password()
    assert "W1" not in user.username
    assert b"W1" not in bytes(worker.worker_sha256)
    assert AuditEntry.objects.filter(action="CREATE_ACCOUNT", subject=f"account:{user.pk}").exists()


def test_a_preview_makes_nothing(crowd):
    response = enter(crowd, assignmentId="ASSIGNMENT_ID_NOT_AVAILABLE", workerId=None, turkSubmitTo=None)

    assert "accept the assignment" in response.content.decode()
    assert not Assignment.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"assignmentId": None}, "lacks the parameter assignmentId"),
        ({"workerId": ""}, "lacks the parameter workerId"),
        ({"workerId": "two words"}, "workerId of the link is malformed"),
        ({"hitId": "x" * 65}, "hitId of the link is malformed"),
        ({"turkSubmitTo": "https://workersandbox.mturk.com"}, "turkSubmitTo of the link must be"),
        ({"turkSubmitTo": "https://www.mturk.com.evil.example"}, "turkSubmitTo of the link must be"),
    ],
)
def test_a_bad_link_says_which_part_is_bad(crowd, changes, words):
    response = enter(crowd, **changes)

    assert response.status_code == 400
    assert words in response.content.decode()
    assert not Annotator.objects.filter(crowd_worker__isnull=False).exists()


def test_an_unknown_link_and_a_closed_crowd_say_so(crowd, boss):
    begin(crowd, assignmentId="A1")
    crowds.close_crowd(crowd_id=crowd.pk, by=boss, at=now())

    assert "not known here" in Client().get(f"/crowd/{'x' * 43}/").content.decode()
    closed = enter(crowd, assignmentId="A2")
    assert (closed.status_code, "nobody new" in closed.content.decode()) == (409, True)
    assert begin(crowd, assignmentId="A1")


def test_an_assignment_goes_from_the_first_page_to_the_last(crowd):
    inside = begin(crowd)
    assert Client().get(f"{inside}annotate/").status_code == 200

    send_page(inside)
    assert "1 of 2 pages" in Client().get(f"{inside}crowd/done/").content.decode()
    last = send_page(inside, **FETCH)

    assert "That was the last page" in last.content.decode()
    assert Client().get(f"{inside}annotate/")["Location"] == f"{inside}crowd/done/"
    page = Client().get(f"{inside}crowd/done/").content.decode()
    assert f'action="{LIVE}/mturk/externalSubmit"' in page
    assert 'name="assignmentId" value="A1"' in page
    assert Assignment.objects.get().finished_at is not None
    assert AssignmentPage.objects.count() == 2


def test_a_page_counts_when_half_of_it_is_answered(campaign, boss):
    crowd = open_crowd(campaign, boss, pages=1)
    Batch.objects.none()
    inside = begin(crowd)

    send_page(inside, answered=1)

    assert Assignment.objects.get().finished_at is not None


def test_no_more_pages_are_given_than_the_assignment_has(crowd):
    inside = begin(crowd)
    for _ in range(3):
        post(f"{inside}annotate/lease/")

    assert Batch.objects.count() == 2


def test_a_page_of_a_finished_assignment_is_not_taken_back(campaign, boss):
    inside = begin(open_crowd(campaign, boss, pages=1))
    send_page(inside)

    response = post(f"{inside}annotate/{Batch.objects.get().pk}/undo/", **FETCH)

    assert (response.status_code, "is finished" in response.content.decode()) == (409, True)
    assert Vote.objects.standing().count() == 2


def test_a_page_that_is_taken_back_counts_no_more(crowd):
    inside = begin(crowd)
    send_page(inside)
    sent = AssignmentPage.objects.get().batch_id

    post(f"{inside}annotate/{sent}/undo/")

    assert "0 of 2 pages" in Client().get(f"{inside}crowd/done/").content.decode()


def test_whoever_comes_back_goes_on_and_a_worker_is_one_annotator(crowd, campaign, boss):
    begin(crowd, assignmentId="A1")
    begin(crowd, assignmentId="A1")
    begin(crowd, assignmentId="A2")
    begin(open_crowd(campaign, boss), assignmentId="A3")

    assert (Assignment.objects.count(), CrowdWorker.objects.count()) == (3, 1)
    assert enter(crowd, assignmentId="A1", workerId="W2").status_code == 409
    assert User.objects.filter(username__startswith="mturk-").count() == 1


def test_a_barred_worker_reads_why_and_may_appeal(crowd):
    inside = begin(crowd)
    number = CrowdWorker.objects.get().annotator_id
    bars.bar_annotator(annotator_id=number, reason="all yes", by=None, at=now())

    page = Client().get(f"{inside}annotate/")

    assert (page.status_code, "all yes" in page.content.decode()) == (403, True)
    assert f"{inside}account/bar/" in page.content.decode()
    assert post(f"{inside}account/bar/appeal/", {"text": "I looked."}).status_code == 303


@pytest.mark.parametrize("origin", ["https://www.mturk.com", "null", ""])
def test_what_comes_from_another_site_is_refused(crowd, origin):
    inside = begin(crowd)

    assert post(f"{inside}annotate/lease/", origin=origin).status_code == 403
    assert not Batch.objects.exists()


def test_a_path_that_was_not_signed_here_or_leads_elsewhere_opens_nothing(crowd, campaign, boss):
    inside = begin(crowd)

    assert Client().get(f"{inside[:-3]}xx/annotate/").status_code == 404
    assert Client().get(inside.replace(crowd.token, open_crowd(campaign, boss).token) + "annotate/").status_code == 404
    for path in ("account/", "campaigns/", "admin/", "work/", "api/v1/me/"):
        assert Client().get(inside + path).status_code == 404
    assert Client().get("/crowd/done/").status_code == 404


def test_only_the_provider_may_frame_it_and_only_there(crowd, boss):
    inside = begin(crowd)

    framed = Client().get(f"{inside}annotate/")
    policy = framed["Content-Security-Policy"]
    assert "frame-ancestors https://www.mturk.com" in policy
    assert "form-action 'self' https://www.mturk.com" in policy
    assert "X-Frame-Options" not in framed
    plain = sign_in(boss).get("/annotate/")
    assert "frame-ancestors 'none'" in plain["Content-Security-Policy"]
    assert plain["X-Frame-Options"] == "DENY"


def test_prolific_ends_with_its_code(campaign, boss):
    inside = begin(open_crowd(campaign, boss, "PROLIFIC", pages=1))
    send_page(inside)

    page = Client().get(f"{inside}crowd/done/").content.decode()

    assert all(words in page for words in ("DONE1", "https://app.prolific.com/submissions/complete?cc=DONE1"))
    assert Crowd.objects.get().provider == "PROLIFIC"


# Curators


def test_a_curator_opens_a_crowd_and_gets_the_link(campaign, boss):
    client = sign_in(boss)
    assert "Open it to an external crowd" in client.get("/campaigns/demo/").content.decode()

    response = client.post("/campaigns/demo/crowds/", {"provider": "MTURK", "pages": 3, "days": 7, "sandbox": "on"})

    page = client.get(response["Location"])
    token = Crowd.objects.get().token
    assert list_messages(page) == ["The crowd can come in by the link."]
    assert all(words in page.content.decode() for words in (f"/crowd/{token}/", "ExternalQuestion.xsd", "sandbox"))
    client.post(f"/curate/crowds/{Crowd.objects.get().pk}/close/")
    assert "nobody new comes in" in client.get(response["Location"]).content.decode()
    actions = AuditEntry.objects.order_by("-number").values_list("action", flat=True)[:2]
    assert list(actions) == ["CLOSE_CROWD", "OPEN_CROWD"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"pages": 0}, "pages"),
        ({"days": 366}, "days"),
        ({"provider": "PROLIFIC"}, "completion_code"),
        ({"completion_code": "X1"}, "completion_code"),
        ({"provider": "PROLIFIC", "completion_code": "X1", "sandbox": "on"}, "sandbox"),
        ({"provider": "OTHER"}, "provider"),
    ],
)
def test_a_crowd_that_cannot_be_meant_is_shown_again(campaign, boss, changes, field):
    typed = {"provider": "MTURK", "pages": 3, "days": 7} | changes

    response = sign_in(boss).post("/campaigns/demo/crowds/", typed)

    assert (response.status_code, list(response.context["crowd_form"].errors)) == (400, [field])


def test_finished_assignments_come_as_csv(campaign, boss):
    crowd = open_crowd(campaign, boss, pages=1)
    send_page(begin(crowd, assignmentId="A1"))
    begin(crowd, assignmentId="A2", workerId="W2")

    response = sign_in(boss).get(f"/curate/crowds/{crowd.pk}/assignments.csv")

    rows = list(csv.reader(response.content.decode().splitlines()))
    assert (rows[0][:2], rows[1][:2], len(rows)) == (["assignment", "questions_answered"], ["A1", "2"], 2)
