"""What is done to all candidates or questions of a campaign, some at a time."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from annotation import tasks
from annotation.actions import campaign_ranges, campaigns, imports
from annotation.models import CampaignRange, Gold
from annotation.rules import PolicyValues
from hierarchy.errors import Conflict
from hierarchy.models import AuditEntry
from tests import builders
from tests.annotation.actions.test_batches import run_together

PICTURES = 5
WAITS_SECONDS = 0.3


@pytest.fixture
def curator(db):
    return builders.make_user("carol", "curator")


@pytest.fixture
def large(monkeypatch):
    """Every campaign: two ids are a step, and only the first step is taken at once."""
    monkeypatch.setattr(campaign_ranges, "IDS_AT_ONCE", 2)
    monkeypatch.setattr(campaign_ranges, "AT_ONCE_SECONDS", 0.0)


def make_asked(curator, number=1740, **policy):
    synset = builders.make_synset(number)
    builders.make_candidates(synset, PICTURES)
    return builders.make_open_campaign([synset], by=curator, **{"gold_rate": 0, **policy})


def close(campaign, curator):
    campaigns.close_campaign(name=campaign.name, by=curator, at=now())


def carry_on(campaign=None):
    return campaign_ranges.carry_on(at=now(), campaign=campaign)


def finish():
    while carry_on():
        pass


def list_ranges():
    return [(part.campaign_id, part.kind, part.percent) for part in CampaignRange.objects.order_by("pk")]


def count_closed(campaign):
    return campaign.questions.filter(closed_at=campaign.closed_at).count() if campaign.closed_at else 0


@pytest.mark.usefixtures("large")
def test_a_large_campaign_is_open_at_once_and_asks_more_and_more(curator):
    campaign = make_asked(curator)
    seen = [(campaign.state, campaign.questions.count(), *list_ranges())]
    while carry_on():
        seen.append((campaign.state, campaign.questions.count(), *list_ranges()))

    pk = campaign.pk
    assert seen == [("OPEN", 2, (pk, "ASK", 40)), ("OPEN", 4, (pk, "ASK", 80)), ("OPEN", 5)]


def test_a_small_one_is_ready_at_once(curator):
    campaign = make_asked(curator)

    assert (campaign.questions.count(), list_ranges(), carry_on()) == (PICTURES, [], False)


@pytest.mark.usefixtures("large")
def test_of_a_campaign_that_is_closed_while_it_opens_nothing_more_is_asked(curator):
    campaign = make_asked(curator)
    close(campaign, curator)
    finish()
    campaign.refresh_from_db()

    assert (campaign.questions.count(), count_closed(campaign)) == (2, 2)


@pytest.mark.usefixtures("large")
def test_candidates_that_came_since_are_asked_about_when_it_is_resumed(curator):
    campaign = make_asked(curator)
    finish()
    builders.make_candidates(campaign.synsets.get(), 3)
    campaigns.pause_campaign(name=campaign.name, by=curator, at=now())
    campaigns.open_campaign(name=campaign.name, by=curator, at=now())
    finish()

    assert campaign.questions.count() == PICTURES + 3


def test_what_is_not_closed_yet_of_a_closed_campaign_is_not_decided_any_more(curator, monkeypatch):
    campaign = make_asked(curator, target_error=0.4)
    enough = campaign.questions.first().votes_wanted
    pages = [builders.lease(user, campaign) for user in builders.make_crowd(enough)]
    monkeypatch.setattr(campaign_ranges, "IDS_AT_ONCE", 1)
    monkeypatch.setattr(campaign_ranges, "AT_ONCE_SECONDS", 0.0)
    close(campaign, curator)
    for page in pages:
        builders.submit(page, "NO")
    builders.estimate_all()

    assert set(campaign.questions.values_list("state", flat=True)) == {"OPEN"}
    finish()
    campaign.refresh_from_db()
    assert count_closed(campaign) == PICTURES


def test_gold_is_gold_no_longer_when_its_question_is_closed(curator, monkeypatch):
    campaign = make_asked(curator)
    for question in campaign.questions.order_by("pk")[2:4]:
        builders.make_gold(question)
    monkeypatch.setattr(campaign_ranges, "IDS_AT_ONCE", 3)
    monkeypatch.setattr(campaign_ranges, "AT_ONCE_SECONDS", 0.0)
    close(campaign, curator)
    assert Gold.objects.filter(active=True).count() == 1
    finish()

    assert not Gold.objects.filter(active=True).exists()


def test_each_step_tells_the_audit_log_of_the_gold_that_it_retired(curator, monkeypatch):
    campaign = make_asked(curator)
    asked = campaign.questions.order_by("pk")
    for question in (asked.first(), asked.last()):
        builders.make_gold(question)
    monkeypatch.setattr(campaign_ranges, "IDS_AT_ONCE", 3)
    monkeypatch.setattr(campaign_ranges, "AT_ONCE_SECONDS", 0.0)

    close(campaign, curator)
    finish()

    told = AuditEntry.objects.filter(action="RETIRE_GOLD").order_by("number").values_list("actor", "detail__questions")
    assert list(told) == [(curator.pk, 1), (None, 1)]


@pytest.mark.usefixtures("large")
def test_a_campaign_waits_for_one_that_is_being_closed_and_asks_about_the_same(curator):
    first = make_asked(curator)
    finish()
    close(first, curator)
    synsets = [first.synsets.get()]

    with pytest.raises(Conflict, match=rf"{first.name} is still being closed \(40 %\)"), transaction.atomic():
        builders.make_open_campaign(synsets, by=curator)
    assert make_asked(curator, number=1930).state == "OPEN"
    finish()
    later = builders.make_open_campaign(synsets, by=curator)
    finish()
    assert later.questions.count() == PICTURES


@pytest.mark.usefixtures("large")
def test_new_rules_are_applied_range_by_range_and_begin_anew_with_newer_ones(curator):
    campaign = make_asked(curator)
    finish()
    for cap in (3, 2):
        change_cap(campaign, cap)
    assert sorted(campaign.questions.values_list("votes_wanted", flat=True))[:3] == [2, 2, 3]
    assert list_ranges() == [(campaign.pk, "DECIDE", 40)]
    finish()

    assert set(campaign.questions.values_list("votes_wanted", flat=True)) == {2}


@pytest.mark.usefixtures("large")
def test_what_is_soonest_done_comes_first(curator):
    first = make_asked(curator)
    second = make_asked(curator, number=1930)
    for _ in range(3):
        carry_on(second)
    assert list_ranges() == [(first.pk, "ASK", 40), (second.pk, "ASK", 80)]
    carry_on()

    assert list_ranges() == [(first.pk, "ASK", 40)]


def test_a_few_candidates_are_asked_about_at_once_wherever_they_lie(curator, monkeypatch):
    campaign = make_asked(curator)
    builders.make_candidates(builders.make_synset(1930), 40)
    builders.make_candidates(campaign.synsets.get(), 3)
    monkeypatch.setattr(campaign_ranges, "IDS_AT_ONCE", 10)
    campaigns.pause_campaign(name=campaign.name, by=curator, at=now())
    campaigns.open_campaign(name=campaign.name, by=curator, at=now())

    assert (campaign.questions.count(), list_ranges()) == (PICTURES + 3, [])


@pytest.mark.usefixtures("large")
def test_a_step_that_the_database_refuses_leaves_the_others_to_go_on(curator, monkeypatch):
    first, second = make_asked(curator), make_asked(curator, number=1930)
    monkeypatch.setitem(campaign_ranges.STEPS, CampaignRange.Kind.ASK, refuse_for(first))
    with pytest.raises(campaign_ranges.StepFailed) as failed:
        carry_on(first)
    tasks.carry_on_campaigns()

    assert second.questions.count() == PICTURES
    assert list(CampaignRange.objects.values_list("pk", "campaign")) == [(failed.value.pk, first.pk)]


def refuse_for(refused):
    ask = campaign_ranges.STEPS[CampaignRange.Kind.ASK]

    def step(campaign, *rest):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / %s", [int(campaign != refused)])
        return ask(campaign, *rest)

    return step


@pytest.mark.usefixtures("large")
def test_nothing_is_imported_into_a_campaign_that_is_being_opened(curator, tmp_path):
    campaign = make_asked(curator)
    (tmp_path / "gold.csv").write_text("wnid,image_sha256,answer\n")

    with pytest.raises(Conflict, match=r"is still being opened \(40 %\)"):
        imports.import_gold(
            path=tmp_path / "gold.csv", campaign=campaign.name, by=curator, at=now(), progress=lambda _: None
        )


# Side by side


def change_cap(campaign, cap):
    by = campaign.drafted_by
    return campaigns.change_policy(name=campaign.name, policy=PolicyValues(vote_cap=cap, gold_rate=0), by=by, at=now())


@contextmanager
def meanwhile(work):
    """The call in a thread, which waits for something that the block holds in its transaction."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            yield_to = pool.submit(run_together, lambda _: work(), [None])
            yield
            time.sleep(WAITS_SECONDS)
            assert not yield_to.done()
        yield_to.result()


@pytest.fixture
def boss(django_db_serialized_rollback, transactional_db):
    return builders.make_user("carol", "curator")


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("large")
def test_what_somebody_is_at_is_left_to_them(boss):
    first, second = make_asked(boss), make_asked(boss, number=1930)
    with transaction.atomic():
        list(CampaignRange.objects.select_for_update().filter(campaign=first))

        assert run_together(carry_on, [first, second]) == [False, True]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("large")
def test_new_rules_reach_what_a_worker_is_just_asking(boss):
    campaign = make_asked(boss)
    with meanwhile(lambda: change_cap(campaign, 2)):
        carry_on()
    finish()

    assert list(campaign.questions.values_list("votes_wanted", flat=True)) == [2] * PICTURES


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_new_rules_reach_what_is_being_estimated_for_the_first_time(boss):
    campaign = make_asked(boss)
    builders.submit(builders.lease(builders.make_crowd(1)[0], campaign), "UNSURE")
    with meanwhile(lambda: change_cap(campaign, 2)):
        builders.estimate_all()

    assert campaign.questions.due().count() == PICTURES


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_campaign_that_is_opened_waits_for_one_that_is_just_being_closed(boss):
    first = make_asked(boss)
    later = draft(first, boss)
    with meanwhile(lambda: campaigns.open_campaign(name=later.name, by=boss, at=now())):
        close(first, boss)

    assert later.questions.count() == PICTURES


def draft(like, by):
    wnids = [synset.wnid for synset in like.synsets.all()]
    return campaigns.draft_campaign(
        name="later", title="Later", wnids=wnids, policy=PolicyValues(gold_rate=0), by=by, at=now()
    )
