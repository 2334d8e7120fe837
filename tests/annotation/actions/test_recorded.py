"""What actions tell the audit log: who did what to what, without names, typed texts or keys."""

import hashlib

import pytest
from django.utils.timezone import now

from annotation.actions import accounts, bars, campaigns, disputes, gold
from annotation.models import ApiToken
from annotation.rules import PolicyValues
from hierarchy.actions import releases
from hierarchy.errors import DomainError
from hierarchy.models import AuditEntry, ReleaseFile
from hierarchy.queries.audit import verify_chain
from tests import builders

pytestmark = pytest.mark.django_db


def list_newest(count=1):
    """The newest entries as (action, subject, actor, detail), oldest first."""
    rows = AuditEntry.objects.order_by("-number").values_list("action", "subject", "actor", "detail")
    return list(rows[:count])[::-1]


@pytest.fixture
def boss(db):
    return builders.make_user("boss", "curator")


def test_an_account_with_its_role(boss):
    made = accounts.create_user(
        username="secretname", password=builders.PASSWORD, role="annotator", by=boss, at=now(), email="a@example.org"
    )

    assert list_newest() == [("CREATE_ACCOUNT", f"account:{made.pk}", boss.pk, {"groups": ["annotator"]})]


def test_a_role_given_and_taken(boss):
    ann = builders.make_user("ann", "curator")
    builders.make_token(ann, "curate")

    accounts.set_role(username="ann", role="annotator", by=boss, at=now())

    detail = {"before": {"groups": ["curator"]}, "groups": ["annotator"], "tokens_revoked": 1}
    assert list_newest() == [("CHANGE_RIGHTS", f"account:{ann.pk}", boss.pk, detail)]


def test_a_token_made_and_revoked_once(boss):
    token, _ = accounts.create_token(user=boss, scope="read", by=None, at=now())
    for _ in range(2):
        accounts.revoke_token(token_id=token.pk, by=boss, at=now())

    detail = {"account": boss.pk, "scope": "read"}
    assert list_newest(2) == [
        ("CREATE_TOKEN", f"token:{token.pk}", None, detail),
        ("REVOKE_TOKEN", f"token:{token.pk}", boss.pk, detail),
    ]


def test_a_token_revoked_at_the_command_line(boss):
    key = builders.make_token(boss, "read")

    accounts.revoke_token_by_prefix(prefix=key, at=now())

    subject = f"token:{ApiToken.objects.get().pk}"
    assert list_newest() == [("REVOKE_TOKEN", subject, None, {"account": boss.pk, "scope": "read"})]


@pytest.mark.parametrize("decided_by", ["CURATOR", "GOLD"])
def test_a_bar_and_who_decided_it(boss, decided_by):
    ann = builders.make_user("ann")
    annotator = builders.find_annotator(ann)
    by = boss if decided_by == "CURATOR" else None

    for _ in range(2):
        bars.bar_annotator(annotator_id=annotator.pk, reason="Ann Example again", by=by, at=now())

    detail = {"account": ann.pk, "decided_by": decided_by, "code": "OTHER"}
    assert list_newest() == [("BAR_ANNOTATOR", f"annotator:{annotator.pk}", by and by.pk, detail)]
    assert AuditEntry.objects.filter(action="BAR_ANNOTATOR").count() == 1


def test_the_life_of_a_campaign(boss):
    campaign = builders.make_question(by=boss).campaign
    campaigns.pause_campaign(name=campaign.name, by=boss, at=now())
    campaigns.open_campaign(name=campaign.name, by=boss, at=now())
    campaigns.close_campaign(name=campaign.name, by=boss, at=now())

    found = [
        (action, detail) for action, subject, _, detail in list_newest(4) if subject == f"campaign:{campaign.name}"
    ]
    assert found == [
        ("OPEN_CAMPAIGN", {"before": "DRAFT"}),
        ("PAUSE_CAMPAIGN", {}),
        ("OPEN_CAMPAIGN", {"before": "PAUSED"}),
        ("CLOSE_CAMPAIGN", {}),
    ]


def test_a_changed_policy(boss):
    campaign = builders.make_question(by=boss).campaign

    campaigns.change_policy(name=campaign.name, policy=PolicyValues(vote_cap=7), by=boss, at=now())

    action, subject, actor, detail = list_newest()[0]
    assert (action, subject, actor) == ("CHANGE_POLICY", f"campaign:{campaign.name}", boss.pk)
    assert (detail["version"], detail["vote_cap"], detail["target_error"]) == (2, 7, PolicyValues().target_error)


def test_gold_in_one_entry_for_all_of_it(boss):
    synset = builders.make_synset(1)
    builders.make_candidates(synset, 3)
    asked = list(builders.make_open_campaign([synset], by=boss).questions.order_by("pk"))
    truths = {question.pk: "YES" for question in asked}
    gold.record_gold(truths={asked[0].pk: "YES"}, source="IMPORT", by=None, at=now())

    for _ in range(2):
        gold.record_gold(truths=truths, source="CURATOR", by=boss, at=now())

    digest = hashlib.sha256(f"{asked[1].pk} YES\n{asked[2].pk} YES\n".encode()).hexdigest()
    detail = {"source": "CURATOR", "questions": 2, "sha256": digest}
    assert list_newest() == [("MAKE_GOLD", "questions", boss.pk, detail)]
    assert AuditEntry.objects.filter(action="MAKE_GOLD").count() == 2


def test_gold_that_a_closing_campaign_retires(boss):
    question = builders.make_question(by=boss)
    builders.make_gold(question)

    campaigns.close_campaign(name=question.campaign.name, by=boss, at=now())

    subject = f"campaign:{question.campaign.name}"
    detail = {"questions": 1, "sha256": hashlib.sha256(f"{question.pk}\n".encode()).hexdigest()}
    assert list_newest(2) == [
        ("RETIRE_GOLD", subject, boss.pk, detail),
        ("CLOSE_CAMPAIGN", subject, boss.pk, {}),
    ]


def test_a_settled_dispute_without_its_reason(boss):
    question = builders.make_dispute()
    dispute = question.disputes.get()
    disputes.settle_dispute(
        dispute_id=dispute.pk, verdict="ACCEPTED", reason="as Ann said", version=dispute.version, by=boss, at=now()
    )

    detail = {"question": question.pk, "verdict": "ACCEPTED"}
    assert list_newest() == [("SETTLE_DISPUTE", f"dispute:{dispute.pk}", boss.pk, detail)]


def test_a_published_release_with_the_digest_of_its_manifest(boss):
    release = releases.publish_release(name="first", by=boss, at=now())

    digest = bytes(ReleaseFile.objects.get(release=release, name="manifest.json").sha256).hex()
    assert list_newest() == [("PUBLISH_RELEASE", "release:first", boss.pk, {"manifest_sha256": digest})]


def test_nothing_of_what_was_refused(boss):
    entries = AuditEntry.objects.count()

    with pytest.raises(DomainError):
        campaigns.pause_campaign(name="nothing", by=boss, at=now())
    with pytest.raises(DomainError):
        accounts.create_user(username="ann", password="short", role="annotator", by=boss, at=now())

    assert AuditEntry.objects.count() == entries


def test_leases_and_votes_are_not_in_it(boss):
    question = builders.make_question(by=boss)
    ann = builders.make_user("ann")
    entries = AuditEntry.objects.count()

    builders.vote(ann, campaign=question.campaign)
    builders.estimate_all()

    assert AuditEntry.objects.count() == entries
    assert verify_chain().number == entries
