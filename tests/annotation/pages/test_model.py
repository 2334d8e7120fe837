from dataclasses import asdict

import pytest
from django.utils.timezone import now

from annotation.actions import campaigns, estimation
from annotation.consensus.calibrate import Calibration, Side
from annotation.consensus.start import GRADED
from annotation.models import Estimation, Snapshot
from annotation.pages import model as pages
from annotation.pages.model import REASONS
from tests.annotation.pages.browser import list_messages, sign_in
from tests.builders import CLEAR, make_candidates, make_open_campaign, make_snapshot, make_synset, make_user

pytestmark = pytest.mark.django_db
GOOD = Side(tolerance=0.12, decided=40.5, wrong=2.25, highest_error=0.0714)
FEW = Side(tolerance=0.05, decided=12.0, wrong=0.0, highest_error=0.221)
NONE = Side(tolerance=0.05, decided=0.0, wrong=0.0, highest_error=1.0)
BAD = Side(tolerance=0.0, decided=0.0, wrong=0.0, highest_error=1.0)


@pytest.fixture
def boss():
    return make_user("boss", "curator")


@pytest.fixture
def client(boss):
    return sign_in(boss)


@pytest.fixture
def campaign(boss):
    return open_campaign(boss, 1740)


@pytest.fixture(autouse=True)
def woken(monkeypatch):
    """How many workers were woken."""
    calls: list[int] = []
    monkeypatch.setattr(pages, "wake_estimators", calls.append)
    return calls


def open_campaign(boss, number, **policy):
    synset = make_synset(number)
    make_candidates(synset, 1)
    return make_open_campaign([synset], name=f"campaign-{number}", by=boss, **policy)


def publish(*, accept=GOOD, reject=GOOD, gold=61, **rule):
    """A snapshot in force whose rule gold has been asked about."""
    calibration = Calibration(gold=gold, accept=accept, reject=reject, votes=3.2, undecided=0.1)
    rules = [{"target_error": 0.05, "vote_cap": 10, **asdict(calibration), **rule}]
    return Snapshot.objects.create(parameters=CLEAR.to_json(), rules=rules, votes=1234, gold=gold, published_at=now())


def read(client):
    """The page's text with one blank wherever there were several."""
    return " ".join(client.get("/curate/model/").content.decode().split())


def test_without_a_snapshot_it_says_when_there_will_be_one(client):
    assert "No snapshot yet" in read(client)


def test_the_snapshot_in_force_is_told_with_its_states_in_words(campaign, client):
    newest = make_snapshot(GRADED)

    response = client.get("/curate/model/")

    words = [str(state.words) for state in response.context["states"]]
    assert response.context["snapshot"] == newest
    assert words == ["Clearly no", "Rather no", "Rather no", "Rather yes", "Rather yes", "Clearly yes"]
    assert sum(state.share for state in response.context["states"]) == pytest.approx(100)
    assert response.context["discount"] == 5


def test_what_gold_gave_is_told_with_its_bound(campaign, client):
    publish()

    page = read(client)

    assert "At most 5 % wrong, at most 10 votes" in page
    assert "wrong with at most 12 %" in page
    assert "Of 61 gold questions it so decided 40.5, 2.3 of them wrongly" in page
    assert "at most 7.1 % wrong, with 95 % confidence" in page
    assert "Cautious" not in page


@pytest.mark.parametrize(
    ("side", "words"),
    [
        (FEW, "loosened only once gold has shown 30 such decisions"),
        (NONE, "it so decided none, so gold says nothing"),
        (BAD, "Left to curators: on gold more than 5 % were wrong"),
    ],
)
def test_what_gold_did_not_give_is_told(campaign, client, side, words):
    publish(accept=side)

    assert words in read(client)


def test_a_policy_that_gold_was_not_asked_about_is_cautious(boss, client):
    open_campaign(boss, 1, target_error=0.07)
    publish()

    assert "Cautious: no gold has told yet" in read(client)
    assert "to be wrong with at most 8.75 %" in read(client)


def test_campaigns_that_decide_alike_are_told_together_and_closed_ones_not(campaign, boss, client):
    alike, other, closed = (open_campaign(boss, number, vote_cap=cap) for number, cap in ((1, 10), (2, 5), (3, 7)))
    campaigns.close_campaign(name=closed.name, by=boss, at=now())

    shown = client.get("/curate/model/").context["policies"]

    assert [each.policy.vote_cap for each in shown] == [5, 10]
    assert [each.policy.campaigns for each in shown] == [[other], [campaign, alike]]


def test_a_curator_starts_an_estimation_and_workers_are_woken(campaign, client, boss, woken, settings):
    response = client.post("/curate/model/estimate/", follow=True)

    begun = Estimation.objects.get()
    shards = estimation.choose_shards(most=settings.ESTIMATION_SHARDS)
    assert (begun.status, begun.started_by, begun.shards) == ("RUNNING", boss, shards)
    assert woken == [shards]
    assert "The estimation has begun" in list_messages(response)[0]
    assert "Estimate now" not in response.content.decode()


def test_a_second_estimation_is_refused(campaign, client, woken):
    estimation.begin_estimation(shards=2, by=None, at=now())

    response = client.post("/curate/model/estimate/", follow=True)

    assert list_messages(response) == ["An estimation is running."]
    assert (Estimation.objects.count(), woken) == (1, [])


def test_a_running_estimation_tells_how_far_it_is(campaign, client):
    begun = estimation.begin_estimation(shards=5, by=None, at=now())
    estimation.work_once(at=now())
    estimation.work_once(at=now())

    response = client.get("/curate/model/")

    assert begun.parts.filter(passes__gt=0).count() == 2
    assert (response.context["running"], response.context["asked"]) == (True, 2)
    assert "2 of 5" in " ".join(response.content.decode().split())


def test_an_estimation_that_published_nothing_says_why(campaign, client):
    estimation.begin_estimation(shards=1, by=None, at=now())
    while estimation.work_once(at=now()) != estimation.Work.IDLE:
        pass

    assert "published nothing: No question has two votes" in read(client)


def test_an_estimation_that_failed_says_why(campaign, client):
    begun = estimation.begin_estimation(shards=1, by=None, at=now())
    Estimation.objects.filter(pk=begun.pk).update(status="FAILED", reason="no space left", finished_at=now())

    assert "failed: no space left" in read(client)


def test_the_newest_snapshots_are_listed(campaign, client, monkeypatch):
    monkeypatch.setattr(pages, "SNAPSHOTS_SHOWN", 2)
    newer = [make_snapshot(), publish()]

    assert client.get("/curate/model/").context["history"] == newer[::-1]


def test_the_number_of_queries_does_not_grow_with_snapshots_or_campaigns(boss, client, django_assert_num_queries):
    for number in range(1, 4):
        open_campaign(boss, number, vote_cap=number + 3)
        make_snapshot()
    estimation.begin_estimation(shards=4, by=boss, at=now())

    with django_assert_num_queries(10):
        client.get("/curate/model/")


def test_every_reason_to_publish_nothing_is_told_in_the_readers_language():
    """The engine keeps them in English, as a page that is not translated says them."""
    assert {str(reason) for reason in REASONS.values()} == set(REASONS)
