"""A healthy service breaks no promise; each promise, broken by hand behind the database's back, is named."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.timezone import now

from annotation.actions import bars, disputes, estimates
from annotation.models import Estimate, Vote
from annotation.queries.integrity import CHECKS, find_broken, find_wrong_estimates
from hierarchy.actions import releases
from hierarchy.models import ReleaseFile, WordNetImport
from tests.builders import (
    estimate_all,
    lease,
    make_candidates,
    make_due,
    make_gold,
    make_open_campaign,
    make_question,
    make_snapshot,
    make_synset,
    make_user,
    make_votes,
    submit,
    vote,
)

# What to execute, without the guards, so that the promise of that name is broken.
BREAKS = {
    "vote_on_its_page": ["UPDATE annotation_vote SET position = position + 100"],
    "vote_by_its_annotator": ["UPDATE annotation_vote SET annotator_id = annotator_id + 1000"],
    "one_standing_vote_per_annotator": [
        "DROP INDEX vote_once_per_annotator",
        "UPDATE annotation_vote SET annotator_id = (SELECT min(id) FROM annotation_annotator)",
    ],
    "late_votes_are_marked": ["UPDATE annotation_vote SET late = true"],
    "votes_within_cap": ["UPDATE annotation_policy SET vote_cap = 2"],
    "batch_recorded_its_votes": ["DELETE FROM annotation_vote"],
    "estimate_counts_votes": ["UPDATE annotation_estimate SET votes = votes + 1"],
    "estimate_is_of_this_engine": ["""UPDATE annotation_snapshot SET parameters = '{"version": 1}'"""],
    "finished_question_has_its_label": ["DELETE FROM hierarchy_label"],
    "label_agrees_with_its_question": ["UPDATE hierarchy_label SET verdict = 'REJECTED'"],
    "one_current_label_per_candidate": [
        "DROP INDEX label_one_current_per_candidate",
        """INSERT INTO hierarchy_label (candidate_id, verdict, probability, votes, source, source_ref, at, synset_id)
           SELECT candidate_id, verdict, probability, votes, source, source_ref, at, synset_id FROM hierarchy_label""",
    ],
    "closed_campaign_asks_nothing": ["UPDATE annotation_campaign SET state = 'CLOSED', closed_at = now()"],
    "disputed_question_has_open_dispute": ["DELETE FROM annotation_dispute WHERE settled_at IS NULL"],
    "dispute_settled_by_another": [
        """UPDATE annotation_dispute AS dispute SET settled_by_id = annotator.user_id
           FROM annotation_annotator AS annotator JOIN annotation_vote AS vote ON vote.annotator_id = annotator.id
           WHERE vote.question_id = dispute.question_id AND settled_at IS NOT NULL"""
    ],
    "gold_is_open_and_unlabelled": [
        "ALTER TABLE annotation_question DROP CONSTRAINT gold_stays_open",
        """UPDATE annotation_question SET state = 'DISPUTED'
           WHERE id IN (SELECT question_id FROM annotation_gold WHERE active)""",
    ],
    "gold_mark_follows_gold": ["UPDATE annotation_question SET is_gold = false"],
    "votes_in_time_are_counted": ["UPDATE annotation_question SET votes_in_time = votes_in_time + 1"],
    "live_leases_are_held": ["UPDATE annotation_question SET held_until = '{}'"],
    "gold_exposures_are_counted": ["UPDATE annotation_gold SET exposures = exposures + 1"],
    "label_is_of_its_candidates_synset": ["UPDATE hierarchy_label SET synset_id = synset_id + 1"],
    "synsets_are_counted": ["UPDATE hierarchy_countchange SET accepted = accepted + 1"],
    "release_is_counted": [
        """INSERT INTO hierarchy_release (name, state, frozen_at, published_at, manifest)
           VALUES ('uncounted', 'PUBLISHED', now(), now(), '{"labels": 1, "withheld": 2}')"""
    ],
    "audit_log_is_one_chain": ["UPDATE hierarchy_auditentry SET actor = 7 WHERE number = 2"],
    "closure_follows_parent_links": ["DELETE FROM hierarchy_closure WHERE distance = 1"],
    "search_words_are_the_synsets_words": ["DELETE FROM hierarchy_synsetword WHERE position = 0"],
    "hierarchy_is_as_imported": ["UPDATE hierarchy_wordnetimport SET synsets = synsets + 1"],
    "gold_stands_beside_its_like": [
        """UPDATE annotation_batchitem SET beside_id =
           (SELECT id FROM annotation_question AS question ORDER BY synset_id = (SELECT synset_id FROM annotation_question
            WHERE id = annotation_batchitem.question_id) LIMIT 1) WHERE position = 1"""
    ],
    "every_account_has_its_mark": ["DELETE FROM annotation_accountmark"],
    "deleted_accounts_hold_no_page": ["UPDATE annotation_annotator SET user_id = NULL"],
    "contested_answers_were_given": [
        """INSERT INTO annotation_flag (annotator_id, batch_id, position, question_id, synset_id, kind, text, created_at, outcome)
           SELECT batch.annotator_id, batch.id, item.position, item.question_id, batch.synset_id, 'CONTESTED', '', now(), ''
           FROM annotation_batch AS batch JOIN annotation_batchitem AS item ON item.batch_id = batch.id
           WHERE batch.closed_at IS NULL LIMIT 1"""
    ],
    "barred_annotators_have_their_bar": ["UPDATE annotation_annotator SET barred_at = now()"],
    "pages_of_assignments_are_their_annotators": [
        """INSERT INTO annotation_assignment (id, crowd_id, annotator_id, reference, begun_at)
           SELECT 1, 1, max(id), 'A1', now() FROM annotation_annotator""",
        """INSERT INTO annotation_assignmentpage (batch_id, assignment_id)
           SELECT id, 1 FROM annotation_batch WHERE annotator_id < (SELECT max(id) FROM annotation_annotator) LIMIT 1""",
    ],
    "appeals_of_ended_bars_are_answered": [
        """INSERT INTO annotation_bar (annotator_id, code, reason, by_engine, begun_at, ended_at)
           SELECT id, 'OTHER', 'rude', true, now(), now() FROM annotation_annotator LIMIT 1""",
        "INSERT INTO annotation_appeal (bar_id, text, made_at, answer) SELECT id, 'why', now(), '' FROM annotation_bar",
    ],
    "votes_are_estimated_soon": [
        "INSERT INTO annotation_duequestions (campaign_id, questions, due_at) SELECT campaign_id, ARRAY[id], now() - interval '1 hour' FROM annotation_question"
    ],
    "no_question_is_set_aside": [
        "INSERT INTO annotation_setaside SELECT id, now(), 1, 'ValueError: broken' FROM annotation_question LIMIT 1"
    ],
}


def break_table(statements):
    """Executes them with triggers and foreign keys out of force, as a bad repair would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")


def find_all_broken():
    findings = [*map(find_broken, CHECKS), find_wrong_estimates()]
    return {finding.name for finding in findings if finding.count}


@pytest.fixture
def service(db):
    """An accepted question, a waiting dispute, a settled one, active gold with a vote, a live lease, an undone page."""
    root = make_synset(1)
    asked = [make_synset(number, parents=[root]) for number in (2, 3, 4)]
    for synset in asked:
        make_candidates(synset, 1)
    curator = make_user("cur", "curator")
    easy, *hard = [
        make_open_campaign([synset], by=curator, vote_cap=cap, gold_rate=0.5, page_size=2)
        for synset, cap in zip(asked, (10, 2, 2), strict=True)
    ]
    make_votes(easy, ["YES", "YES", "YES"])
    for campaign in hard:
        make_votes(campaign, ["YES", "NO"])
    dispute = hard[0].questions.get().disputes.get()
    disputes.settle_dispute(
        dispute_id=dispute.pk, verdict="REJECTED", reason="a cat", version=dispute.version, by=curator, at=now()
    )
    add_gold_and_leases(make_synset(5, parents=[root]), curator)
    WordNetImport.objects.create(sha256=b"x" * 32, synsets=5, parent_links=4, instance_links=0, imported_at=now())
    estimate_all()


def add_gold_and_leases(synset, curator):
    make_candidates(synset, 4)
    campaign = make_open_campaign([synset], by=curator, page_size=4, gold_rate=0.5)
    make_gold(campaign.questions.earliest("pk"))
    vote(make_user("dan"), campaign=campaign)
    lease(make_user("eve"), campaign)


def test_a_healthy_service_breaks_no_promise(service):
    assert find_all_broken() == set()


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_promise_is_named(service, name):
    break_table(BREAKS[name])

    assert name in find_all_broken()


def test_every_promise_is_broken_by_a_test():
    assert set(BREAKS) == {check.name for check in CHECKS}


@pytest.mark.parametrize("column", ["log_odds", "probability"])
def test_an_estimate_that_does_not_follow_from_its_votes_is_named(service, column):
    break_table([f"UPDATE annotation_estimate SET {column} = {column} * 0.999999"])

    assert find_wrong_estimates().count == 6


def test_estimates_of_an_older_engine_are_left_to_a_check_of_their_own(service):
    break_table([*BREAKS["estimate_is_of_this_engine"], "UPDATE annotation_estimate SET log_odds = 7"])

    assert find_wrong_estimates().count == 0
    assert find_all_broken() == {"estimate_is_of_this_engine"}


def test_an_estimate_is_checked_under_its_own_snapshot_with_its_skills(service):
    everybody = Vote.objects.values_list("annotator_id", flat=True)
    for counts in ([[1, 1, 90], [1, 1, 90]], [[90, 1, 1], [1, 1, 90]]):
        make_snapshot(counts=dict.fromkeys(everybody, counts))
        estimates.estimate_due(at=now(), limit=2)

    assert Estimate.objects.values("snapshot").distinct().count() == 2
    assert find_all_broken() == set()
    break_table(["UPDATE annotation_skill SET counts = '{9,9,9,9,9,9}'"])
    assert find_all_broken() == {"estimate_follows_from_votes"}


def test_votes_of_barred_annotators_break_nothing(service):
    barred = Vote.objects.filter(question__state="ACCEPTED").earliest("pk").annotator_id
    bars.bar_annotator(annotator_id=barred, reason="all yes", by=None, at=now())
    assert find_all_broken() == set()
    estimate_all()

    assert find_all_broken() == set()


def test_a_finding_counts_all_and_shows_some(db):
    synset = make_synset(1)
    make_candidates(synset, 12)
    vote(make_user("ann"), campaign=make_open_campaign([synset]))
    estimate_all()
    break_table(["UPDATE annotation_estimate SET votes = 7"])

    finding = next(find_broken(check) for check in CHECKS if check.name == "estimate_counts_votes")

    assert (finding.count, len(finding.shown)) == (12, 10)


def run_command():
    output = io.StringIO()
    try:
        call_command("verify_integrity", stdout=output)
    except CommandError as error:
        return str(error), output.getvalue()
    return "", output.getvalue()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_command_has_a_line_for_every_check():
    make_question()

    error, output = run_command()

    assert error == ""
    assert [line.split() for line in output.splitlines()] == [
        ["ok", name, "0"] for name in [*BREAKS, "estimate_follows_from_votes", "release_files_are_as_published"]
    ]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_command_fails_and_names_a_damaged_release():
    release = releases.publish_release(name="first", by=None, at=now())
    file = ReleaseFile.objects.get(release=release, name="labels.csv")
    with Path(storages["releases"].path(file.storage_name)).open("ab") as content:
        content.write(b"more")

    error, output = run_command()

    assert "release_files_are_as_published" in error
    assert "first/labels.csv" in output


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_votes_that_wait_long_are_a_warning_only():
    question = make_question()
    submit(lease(make_user("ann"), question.campaign))
    make_due(question, at=datetime(2020, 1, 1, tzinfo=UTC))

    error, output = run_command()

    assert error == ""
    assert "WARNING votes_are_estimated_soon" in output
