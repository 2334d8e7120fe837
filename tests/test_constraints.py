"""What the tables promise, whoever writes to them: each constraint, unique index and trigger is attacked by name."""

import json
from typing import Any

import numpy as np
import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils.timezone import now

from annotation.actions import bars, crowds, disputes, flags, notes
from annotation.consensus.synsets import SynsetTable
from annotation.models import (
    Bar,
    CampaignRange,
    Estimation,
    EstimationShard,
    Measurement,
    Question,
    Snapshot,
    Training,
    TrainingAttempt,
    TrainingItem,
)
from hierarchy.models import Label, Release, ReleaseCount, ReleaseFile, WordNetImport
from tests import builders


def duplicate(table, **changes):
    """A second row like the table's first, save for these columns."""
    values = json.dumps({"id": 10**6, **changes})
    columns = ", ".join(
        str(field.column)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.db_table == table
        for field in model._meta.concrete_fields
        if not field.generated
    )
    return (
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM ("
        f"SELECT (jsonb_populate_record(original, '{values}')).* FROM {table} AS original ORDER BY original.ctid LIMIT 1"
        ") AS another"
    )


def change(table, columns, where="true"):
    return f"UPDATE {table} SET {columns} WHERE {where}"


pytestmark = pytest.mark.django_db
UUID = "00000000-0000-0000-0000-000000000001"
NEW_CONDUCT = """INSERT INTO annotation_conduct (annotator_id, gold, "right", hurried, monotonous, checked, found_at)
    SELECT id, {gold}, {right}, false, false, '{checked}', now() FROM annotation_annotator LIMIT 1"""
BREAKS = [
    # hierarchy
    ("synset_wnid_matches_id", change("hierarchy_synset", "wnid = 'n00000001'", "id = 1740")),
    ("synset_has_words", change("hierarchy_synset", "words = '{}'")),
    ("synset_safety_known", change("hierarchy_synset", "safety = 'FINE'")),
    ("synset_word_position_once", duplicate("hierarchy_synsetword")),
    ("synset_word_lower_case", change("hierarchy_synsetword", "word = 'Dog'")),
    ("parent_link_once", duplicate("hierarchy_parentlink")),
    ("parent_link_not_to_itself", change("hierarchy_parentlink", "parent_id = child_id")),
    ("closure_distance_zero_is_itself", change("hierarchy_closure", "distance = 0", "distance = 1")),
    ("closure_distance_zero_is_itself", change("hierarchy_closure", "distance = 1", "distance = 0")),
    ("hierarchy_closure_pkey", duplicate("hierarchy_closure")),
    ("wordnet_import_sha256_length", change("hierarchy_wordnetimport", r"sha256 = '\x00'")),
    ("hierarchy_image_sha256_key", duplicate("hierarchy_image")),
    (
        "image_sha256_length",
        change("hierarchy_image", r"sha256 = '\x00'", "id = (SELECT min(id) FROM hierarchy_image)"),
    ),
    ("image_sizes_positive", change("hierarchy_image", "small_width = 0")),
    ("candidate_once", duplicate("hierarchy_candidate")),
    ("candidate_prior_range", change("hierarchy_candidate", "prior = 0")),
    ("candidate_prior_range", change("hierarchy_candidate", "prior = 1")),
    ("candidate_prior_range", change("hierarchy_candidate", "prior = 'NaN'")),
    ("label_one_current_per_candidate", duplicate("hierarchy_label")),
    ("label_verdict_known", duplicate("hierarchy_label", verdict="OPEN", superseded_at="2100-01-01")),
    ("label_source_known", duplicate("hierarchy_label", source="GUESS", superseded_at="2100-01-01")),
    ("label_probability_in_range", duplicate("hierarchy_label", probability=1.1, superseded_at="2100-01-01")),
    ("label_probability_in_range", duplicate("hierarchy_label", probability="NaN", superseded_at="2100-01-01")),
    ("label_votes_not_negative", duplicate("hierarchy_label", votes=-1, superseded_at="2100-01-01")),
    ("label_superseded_after", change("hierarchy_label", "superseded_at = at - interval '1 second'")),
    ("label_is_history", change("hierarchy_label", "probability = 0.5")),
    ("label_is_history", "DELETE FROM hierarchy_label"),
    ("label_synset_of_candidate", duplicate("hierarchy_label", synset_id=1930, superseded_at="2100-01-01")),
    ("hierarchy_release_name_key", duplicate("hierarchy_release", state="DRAFT", published_at=None)),
    ("release_published_is_whole", duplicate("hierarchy_release", name="other", state="PUBLISHED", manifest={})),
    (
        "release_published_is_whole",
        duplicate("hierarchy_release", name="other", state="PUBLISHED", published_at="2026-01-01"),
    ),
    ("release_published_is_whole", duplicate("hierarchy_release", name="other", published_at="2026-01-01")),
    ("release_is_immutable", change("hierarchy_release", "frozen_at = now()")),
    ("release_is_immutable", "DELETE FROM hierarchy_release"),
    ("release_file_is_immutable", change("hierarchy_releasefile", "size = 0", "name = 'labels.csv'")),
    ("release_file_is_immutable", "DELETE FROM hierarchy_releasefile WHERE name = 'labels.csv'"),
    ("release_file_is_immutable", duplicate("hierarchy_releasefile", name="more.csv")),
    ("release_file_once", change("hierarchy_releasefile", "name = 'twice'", "name LIKE 'draft%'")),
    ("release_file_sha256_length", change("hierarchy_releasefile", r"sha256 = '\x00'", "name LIKE 'draft%'")),
    ("release_count_once", change("hierarchy_releasecount", "synset_id = 1740", "rejected = 2")),
    ("release_count_not_negative", change("hierarchy_releasecount", "accepted = -1", "rejected = 2")),
    ("release_count_is_immutable", change("hierarchy_releasecount", "accepted = 5", "rejected = 1")),
    ("release_count_is_immutable", "DELETE FROM hierarchy_releasecount WHERE rejected = 1"),
    ("release_count_is_immutable", duplicate("hierarchy_releasecount", synset_id=1930)),
    ("audit_entry_number_positive", duplicate("hierarchy_auditentry", number=0)),
    ("audit_entry_action_known", duplicate("hierarchy_auditentry", number=999, action="DANCE")),
    ("audit_entry_subject_is_a_word", duplicate("hierarchy_auditentry", number=999, subject="two words")),
    ("audit_entry_subject_is_a_word", duplicate("hierarchy_auditentry", number=999, subject="two\nlines")),
    ("audit_entry_subject_is_a_word", duplicate("hierarchy_auditentry", number=999, subject="")),
    ("audit_entry_detail_is_small", duplicate("hierarchy_auditentry", number=999, detail=["a"])),
    ("audit_entry_detail_is_small", duplicate("hierarchy_auditentry", number=999, detail={"long": "x" * 4000})),
    ("audit_entry_hash_lengths", duplicate("hierarchy_auditentry", number=999, hash=r"\x00")),
    ("audit_entry_hash_lengths", duplicate("hierarchy_auditentry", number=999, previous_hash=r"\x00")),
    ("audit_entry_is_final", change("hierarchy_auditentry", "actor = 7")),
    ("audit_entry_is_final", "DELETE FROM hierarchy_auditentry"),
    ("audit_entry_is_final", "TRUNCATE hierarchy_auditentry"),
    # annotation: accounts
    ("annotation_annotator_user_id_key", duplicate("annotation_annotator")),
    ("annotator_barred_by_bar", change("annotation_annotator", "barred_at = now()")),
    ("annotator_barred_by_bar", change("annotation_annotator", "barred_at = NULL", "barred_at IS NOT NULL")),
    ("annotator_barred_by_bar", duplicate("annotation_annotator", user_id=None, barred_at="2026-01-01")),
    (
        "accuracy_in_steps",
        "INSERT INTO annotation_accuracy SELECT id, 83, now() FROM annotation_annotator WHERE id = {stranger}",
    ),
    ("annotation_crowd_token_key", duplicate("annotation_crowd")),
    ("crowd_token_is_secret", change("annotation_crowd", "token = 'short'")),
    ("crowd_pages_range", change("annotation_crowd", "pages = 0")),
    ("crowd_provider_is_whole", change("annotation_crowd", "provider = 'OTHER'")),
    ("crowd_provider_is_whole", change("annotation_crowd", "provider = 'PROLIFIC'")),
    ("crowd_provider_is_whole", change("annotation_crowd", "completion_code = 'X1'")),
    ("crowd_open_until_after", change("annotation_crowd", "open_until = opened_at")),
    ("crowd_closed_after", change("annotation_crowd", "closed_at = '2000-01-01'")),
    ("crowd_worker_once", duplicate("annotation_crowdworker", annotator_id="{stranger}")),
    ("crowd_worker_sha256_length", change("annotation_crowdworker", r"worker_sha256 = '\x00'")),
    ("annotation_crowdworker_annotator_id_key", duplicate("annotation_crowdworker", provider="PROLIFIC")),
    ("assignment_once", duplicate("annotation_assignment")),
    ("assignment_has_reference", change("annotation_assignment", "reference = ''")),
    ("assignment_finished_after", change("annotation_assignment", "finished_at = '2000-01-01'")),
    ("bar_one_open_per_annotator", duplicate("annotation_bar")),
    ("bar_code_known", duplicate("annotation_bar", annotator_id="{stranger}", code="RUDE")),
    ("bar_reason_length", duplicate("annotation_bar", annotator_id="{stranger}", reason="")),
    ("bar_reason_length", duplicate("annotation_bar", annotator_id="{stranger}", reason="x" * 2001)),
    ("bar_by_one", duplicate("annotation_bar", annotator_id="{stranger}", by_id="{idle}")),
    ("bar_ended_is_whole", duplicate("annotation_bar", annotator_id="{stranger}", ended_at="2000-01-01")),
    ("bar_ended_is_whole", change("annotation_bar", "ended_by_id = {idle}", "ended_at IS NULL")),
    ("bar_is_history", change("annotation_bar", "reason = 'no'")),
    ("bar_is_history", change("annotation_bar", "ended_at = NULL", "ended_at IS NOT NULL")),
    ("bar_is_history", change("annotation_bar", "ended_by_id = {idle}", "ended_at IS NOT NULL")),
    ("bar_is_history", "DELETE FROM annotation_bar"),
    ("appeal_one_open_per_bar", duplicate("annotation_appeal")),
    ("appeal_text_length", duplicate("annotation_appeal", text="")),
    (
        "appeal_answer_length",
        change("annotation_appeal", "answered_at = now(), lifted = true, answer = repeat('x', 2001)"),
    ),
    ("appeal_answered_is_whole", change("annotation_appeal", "answered_at = now()")),
    ("appeal_answered_is_whole", change("annotation_appeal", "answered_at = now(), lifted = false")),
    ("appeal_answered_is_whole", change("annotation_appeal", "answered_at = '2000-01-01', lifted = true")),
    ("appeal_answered_is_whole", change("annotation_appeal", "answer = 'no'")),
    ("appeal_is_history", change("annotation_appeal", "text = 'no'")),
    ("appeal_is_history", "DELETE FROM annotation_appeal"),
    ("appeal_of_open_bar", duplicate("annotation_appeal", bar_id="{ended}")),
    ("annotation_apitoken_sha256_key", duplicate("annotation_apitoken")),
    ("annotator_keeps_its_account", change("annotation_annotator", "user_id = {idle}", "user_id <> {idle}")),
    ("account_mark_once", duplicate("annotation_accountmark", user_id=-1)),
    ("policy_is_immutable", change("annotation_policy", "created_by_id = {idle}")),
    ("policy_is_immutable", change("annotation_policy", "created_by_id = NULL, vote_cap = 3")),
    ("conduct_right_of_gold", NEW_CONDUCT.format(gold=3, right=4, checked="MORE")),
    ("conduct_right_of_gold", NEW_CONDUCT.format(gold=3, right=-1, checked="MORE")),
    (
        "conduct_circle_has_its_lowest",
        NEW_CONDUCT.format(gold=3, right=2, checked="MORE")
        + "; UPDATE annotation_conduct SET circle = annotator_id + 1",
    ),
    ("conduct_checked_known", NEW_CONDUCT.format(gold=3, right=2, checked="NEVER")),
    ("api_token_sha256_length", change("annotation_apitoken", r"sha256 = '\x00'")),
    ("api_token_scope_known", change("annotation_apitoken", "scope = 'all'")),
    # annotation: campaigns
    ("annotation_campaign_name_key", duplicate("annotation_campaign")),
    ("campaign_state_has_times", change("annotation_campaign", "state = 'DRAFT'")),
    ("campaign_state_has_times", change("annotation_campaign", "state = 'CLOSED'")),
    ("campaign_state_has_times", change("annotation_campaign", "opened_at = NULL")),
    ("campaign_state_has_times", change("annotation_campaign", "state = 'ENDED'")),
    ("campaign_layout_known", change("annotation_campaign", "layout = 'HEAP'")),
    ("campaign_synset_once", duplicate("annotation_campaignsynset", position=100)),
    ("campaign_synset_position_once", duplicate("annotation_campaignsynset", synset_id=9)),
    ("campaign_range_once", duplicate("annotation_campaignrange")),
    ("campaign_range_kind_known", change("annotation_campaignrange", "kind = 'OTHER'")),
    ("campaign_range_goes_on", change("annotation_campaignrange", "reached = last")),
    ("campaign_range_goes_on", change("annotation_campaignrange", "reached = first - 2")),
    ("policy_version_once", duplicate("annotation_policy")),
    ("policy_target_error_range", duplicate("annotation_policy", version=9, target_error=0.5)),
    ("policy_target_error_range", duplicate("annotation_policy", version=9, target_error="NaN")),
    ("policy_vote_cap_range", duplicate("annotation_policy", version=9, vote_cap=1)),
    ("policy_page_size_range", duplicate("annotation_policy", version=9, page_size=101)),
    ("policy_gold_rate_range", duplicate("annotation_policy", version=9, gold_rate=0.6)),
    ("policy_gold_exposures_positive", duplicate("annotation_policy", version=9, gold_exposures=0)),
    ("policy_lease_seconds_range", duplicate("annotation_policy", version=9, lease_seconds=0)),
    ("policy_undo_seconds_range", duplicate("annotation_policy", version=9, undo_seconds=-1)),
    ("policy_is_immutable", change("annotation_policy", "vote_cap = 3")),
    ("policy_is_immutable", "DELETE FROM annotation_policy"),
    # annotation: the model
    ("snapshot_is_immutable", change("annotation_snapshot", "rules = '[1]'")),
    ("snapshot_is_immutable", "DELETE FROM annotation_snapshot"),
    ("snapshot_counts_not_negative", duplicate("annotation_snapshot", votes=-1)),
    ("skill_is_immutable", change("annotation_skill", "votes = 9")),
    ("skill_is_immutable", "DELETE FROM annotation_skill"),
    ("skill_once_per_snapshot", duplicate("annotation_skill")),
    ("skill_counts_not_negative", duplicate("annotation_skill", annotator_id="{stranger}", bits=-0.1)),
    ("skill_intervals_ordered", duplicate("annotation_skill", annotator_id="{stranger}", sensitivity=0)),
    ("skill_intervals_ordered", duplicate("annotation_skill", annotator_id="{stranger}", specificity_high=1.1)),
    ("skill_intervals_ordered", duplicate("annotation_skill", annotator_id="{stranger}", unsure_rate_low="NaN")),
    ("synset_prior_is_immutable", change("annotation_synsetprior", "log_factors = '{0}'")),
    ("synset_prior_is_immutable", "DELETE FROM annotation_synsetprior"),
    ("synset_prior_once", duplicate("annotation_synsetprior")),
    ("synset_prior_has_factors", duplicate("annotation_synsetprior", synset_id=1930, log_factors=[])),
    (
        "estimation_one_running",
        duplicate("annotation_estimation", status="RUNNING", snapshot_id=None, finished_at=None),
    ),
    ("annotation_estimation_snapshot_id_key", duplicate("annotation_estimation")),
    ("estimation_status_is_whole", change("annotation_estimation", "finished_at = now()", "status = 'RUNNING'")),
    ("estimation_status_is_whole", change("annotation_estimation", "status = 'FAILED'", "status = 'DONE'")),
    ("estimation_status_is_whole", change("annotation_estimation", "snapshot_id = NULL", "status = 'DONE'")),
    ("estimation_status_is_whole", change("annotation_estimation", "status = 'LOST'", "status = 'DONE'")),
    ("estimation_stage_known", change("annotation_estimation", "stage = 'LAST'")),
    ("estimation_counts_in_range", change("annotation_estimation", "shards = 0")),
    ("estimation_counts_in_range", change("annotation_estimation", "passes = -1")),
    ("annotation_estimation_blind_rounds_check", change("annotation_estimation", "blind_rounds = -1")),
    ("estimation_shard_once", duplicate("annotation_estimationshard")),
    ("estimation_shard_asked_is_whole", change("annotation_estimationshard", "passes = 1")),
    ("estimation_shard_asked_is_whole", change("annotation_estimationshard", "asked_at = now()")),
    ("measurement_once", duplicate("annotation_measurement")),
    ("rescored_range_once", duplicate("annotation_rescoredrange")),
    ("rescored_range_goes_on", change("annotation_rescoredrange", "reached = last")),
    # annotation: questions
    (
        "question_once_per_campaign",
        duplicate("annotation_question", state="ACCEPTED", decided_at="2026-01-01", is_gold=False),
    ),
    (
        "question_one_unfinished_per_candidate",
        duplicate(
            "annotation_question",
            candidate_id="{candidate}",
            campaign_id=-1,
            state="OPEN",
            decided_at=None,
            is_gold=False,
        ),
    ),
    ("question_decided_has_time", change("annotation_question", "state = 'LOST'", "id = {voted}")),
    ("question_decided_has_time", change("annotation_question", "decided_at = now()", "id = {voted}")),
    ("question_decided_has_time", change("annotation_question", "state = 'ACCEPTED'", "id = {voted}")),
    ("question_votes_wanted_not_negative", change("annotation_question", "votes_wanted = -1")),
    ("question_priority_range", change("annotation_question", "priority = 8")),
    ("question_lot_range", change("annotation_question", "lot = -1")),
    ("question_votes_in_time_not_negative", change("annotation_question", "votes_in_time = -1")),
    (
        "due_questions_number",
        "INSERT INTO annotation_duequestions (campaign_id, questions, due_at) SELECT id, '{}', now() FROM annotation_campaign",
    ),
    (
        "due_questions_number",
        """INSERT INTO annotation_duequestions (campaign_id, questions, due_at)
           SELECT id, array_fill(1, ARRAY[101]), now() FROM annotation_campaign""",
    ),
    (
        "set_aside_with_error",
        "INSERT INTO annotation_setaside SELECT id, now(), 0, 'ValueError' FROM annotation_question",
    ),
    ("set_aside_with_error", "INSERT INTO annotation_setaside SELECT id, now(), 1, '' FROM annotation_question"),
    ("gold_mark_follows", change("annotation_question", "is_gold = true", "id = {voted}")),
    ("gold_mark_stays", change("annotation_question", "is_gold = false", "id = {gold}")),
    ("gold_exposures_not_negative", change("annotation_gold", "exposures = -1")),
    ("question_synset_of_campaign", change("annotation_question", "synset_id = 9", "id = {voted}")),
    ("question_synset_of_candidate", change("annotation_question", "synset_id = 1930", "id = {voted}")),
    ("gold_one_active_per_question", duplicate("annotation_gold")),
    ("gold_truth_known", change("annotation_gold", "truth = 'MAY'")),
    ("gold_source_known", change("annotation_gold", "source = 'GUESS'")),
    ("gold_end_is_whole", change("annotation_gold", "ended_at = now(), ended_because = 'RETIRED'")),
    ("gold_end_is_whole", change("annotation_gold", "active = false, ended_at = now()")),
    ("gold_end_is_whole", change("annotation_gold", "active = false, ended_at = now(), ended_because = 'WHIM'")),
    ("gold_end_is_whole", change("annotation_gold", "active = false, ended_because = 'MISSED'")),
    ("gold_stays_open", change("annotation_question", "state = 'ACCEPTED', decided_at = now()", "id = {gold}")),
    ("gold_stays_open", change("annotation_question", "state = 'DISPUTED'", "id = {gold}")),
    ("gold_is_open", change("annotation_gold", "question_id = {disputed}")),
    ("gold_is_open", duplicate("annotation_gold", question_id="{disputed}")),
    ("estimate_probability_in_range", change("annotation_estimate", "probability = 1.1")),
    ("estimate_probability_in_range", change("annotation_estimate", "probability = 'NaN'")),
    ("estimate_votes_not_negative", change("annotation_estimate", "votes = -1")),
    (
        "dispute_one_open_per_question",
        duplicate(
            "annotation_dispute",
            question_id="{disputed}",
            settled_at=None,
            settled_by_id=None,
            verdict="",
            explanation="",
        ),
    ),
    ("flag_once_per_question", duplicate("annotation_flag")),
    (
        "flag_once_per_synset",
        """INSERT INTO annotation_flag (annotator_id, batch_id, synset_id, kind, text, created_at, outcome)
           SELECT annotator_id, batch_id, synset_id, kind, text, created_at, outcome FROM annotation_flag
           WHERE kind = 'DEFINITION'""",
    ),
    ("flag_kind_of_thing", duplicate("annotation_flag", kind="DEFINITION")),
    ("flag_kind_of_thing", duplicate("annotation_flag", kind="UGLY")),
    ("flag_kind_of_thing", duplicate("annotation_flag", kind="DRAWING", question_id=None)),
    ("flag_kind_of_thing", duplicate("annotation_flag", kind="DRAWING", position=None)),
    ("flag_text_of_contest", change("annotation_flag", "text = 'why'")),
    ("flag_text_length", duplicate("annotation_flag", kind="CONTESTED", text="x" * 1001)),
    ("flag_closed_is_whole", change("annotation_flag", "closed_at = now()")),
    ("flag_closed_is_whole", change("annotation_flag", "outcome = 'DONE'")),
    ("flag_closed_is_whole", change("annotation_flag", "closed_at = now(), outcome = 'BURNT'")),
    (
        "flag_closed_is_whole",
        change("annotation_flag", "closed_at = created_at - interval '1 s', outcome = 'DONE'"),
    ),
    ("flag_withdrawn_after", change("annotation_flag", "withdrawn_at = created_at - interval '1 s'")),
    ("flag_of_its_synset", change("annotation_flag", "synset_id = 1930")),
    ("flag_on_its_page", duplicate("annotation_flag", kind="DRAWING", position=50)),
    ("flag_by_its_annotator", duplicate("annotation_flag", kind="DRAWING", annotator_id="{stranger}")),
    ("synset_notes_version_once", duplicate("annotation_synsetnotes")),
    ("synset_notes_version_from_one", duplicate("annotation_synsetnotes", version=0)),
    ("synset_notes_length", duplicate("annotation_synsetnotes", version=9, includes="x" * 2001)),
    ("synset_notes_length", duplicate("annotation_synsetnotes", version=9, excludes="x" * 2001)),
    ("synset_notes_are_immutable", change("annotation_synsetnotes", "includes = 'more'")),
    ("synset_notes_are_immutable", change("annotation_synsetnotes", "created_by_id = NULL, version = 7")),
    ("synset_notes_are_immutable", "DELETE FROM annotation_synsetnotes"),
    ("training_passing_mark_range", change("annotation_training", "passing_mark = 0")),
    ("training_attempts_range", change("annotation_training", "attempts = 21")),
    ("training_items_range", change("annotation_training", "quiz_items = 0, practice_items = 0")),
    ("training_items_range", change("annotation_training", "practice_items = 41")),
    ("training_item_picture_once", duplicate("annotation_trainingitem")),
    ("training_item_quiz_once", change("annotation_trainingitem", "synset_id = 1740", "kind = 'GLOSS'")),
    ("training_item_of_its_kind", change("annotation_trainingitem", "correct = 2", "kind = 'PRACTICE'")),
    ("training_item_of_its_kind", change("annotation_trainingitem", "image_id = NULL", "kind = 'PRACTICE'")),
    ("training_item_of_its_kind", change("annotation_trainingitem", "kind = 'SONG'", "kind = 'GLOSS'")),
    ("training_item_correct_is_a_choice", change("annotation_trainingitem", "correct = 2", "kind = 'GLOSS'")),
    (
        "training_item_explanation_length",
        change("annotation_trainingitem", "explanation = repeat('x', 1001)", "kind = 'GLOSS'"),
    ),
    ("training_attempt_once", duplicate("annotation_trainingattempt")),
    ("training_attempt_one_open", duplicate("annotation_trainingattempt", number=3, finished_at=None, score=None)),
    ("training_attempt_answers_its_items", change("annotation_trainingattempt", "answers = '{1,1,1}'")),
    ("training_attempt_answers_its_items", change("annotation_trainingattempt", "items = '{}'")),
    (
        "training_attempt_answers_its_items",
        change("annotation_trainingattempt", "finished_at = now(), score = 0", "finished_at IS NULL"),
    ),
    ("training_attempt_finished_is_whole", change("annotation_trainingattempt", "passed = true", "score = 0")),
    ("training_attempt_finished_is_whole", change("annotation_trainingattempt", "score = 101", "score = 0")),
    ("training_attempt_finished_is_whole", change("annotation_trainingattempt", "score = NULL", "score = 0")),
    ("training_attempts_are_bounded", duplicate("annotation_trainingattempt", number=4)),
    ("dispute_reason_known", change("annotation_dispute", "reason = 'WHIM'")),
    ("dispute_settled_is_whole", change("annotation_dispute", "verdict = 'ACCEPTED'", "settled_at IS NULL")),
    ("dispute_settled_is_whole", change("annotation_dispute", "settled_at = NULL", "settled_at IS NOT NULL")),
    (
        "dispute_settled_is_whole",
        change("annotation_dispute", "settled_at = opened_at - interval '1 s'", "settled_at IS NOT NULL"),
    ),
    ("dispute_settled_is_whole", change("annotation_dispute", "explanation = ''", "settled_at IS NOT NULL")),
    ("dispute_settled_is_whole", change("annotation_dispute", "verdict = 'OPEN'", "settled_at IS NOT NULL")),
    ("dispute_settled_by_another", change("annotation_dispute", "settled_by_id = {voter}", "settled_at IS NOT NULL")),
    # annotation: pages and votes
    ("batch_key_once_per_annotator", duplicate("annotation_batch", id=UUID)),
    ("batch_expires_after_lease", change("annotation_batch", "expires_at = leased_at")),
    ("batch_outcome_is_whole", change("annotation_batch", "outcome = ''")),
    ("batch_outcome_is_whole", change("annotation_batch", "outcome = 'RETURNED'")),
    ("batch_outcome_is_whole", change("annotation_batch", "idempotency_key = NULL")),
    ("batch_outcome_is_whole", change("annotation_batch", "outcome = 'LOST'")),
    ("batch_outcome_is_whole", change("annotation_batch", "outcome = 'IMPORTED'")),
    (
        "batch_outcome_is_whole",
        change("annotation_batch", "outcome = 'IMPORTED', idempotency_key = NULL, body_sha256 = NULL, recorded = NULL"),
    ),
    (
        "batch_outcome_is_whole",
        change("annotation_batch", "outcome = 'IMPORTED', idempotency_key = NULL, body_sha256 = NULL, late = true"),
    ),
    (
        "batch_undone_was_submitted",
        duplicate(
            "annotation_batch",
            id=UUID,
            outcome="",
            closed_at=None,
            idempotency_key=None,
            body_sha256=None,
            recorded=None,
            undone_at="2026-01-01",
        ),
    ),
    ("batch_body_sha256_length", change("annotation_batch", r"body_sha256 = '\x00'")),
    ("batch_item_position_once", duplicate("annotation_batchitem", question_id="{other}")),
    ("batch_item_question_once", duplicate("annotation_batchitem", position=50)),
    ("batch_item_beside_another", change("annotation_batchitem", "beside_id = question_id")),
    (
        "batch_item_beside_once",
        change("annotation_batchitem", "beside_id = {other}", "question_id <> {other}")
        + ";"
        + duplicate("annotation_batchitem", position=50, question_id="{gold}", beside_id="{other}"),
    ),
    ("batch_item_position_from_one", duplicate("annotation_batchitem", position=0, question_id="{other}")),
    ("vote_once_per_annotator", duplicate("annotation_vote", position=50)),
    ("vote_once_per_position", duplicate("annotation_vote", withdrawn_at="2100-01-01")),
    ("vote_answer_known", duplicate("annotation_vote", answer="MAYBE", withdrawn_at="2100-01-01")),
    ("vote_milliseconds_range", duplicate("annotation_vote", milliseconds=60_001, withdrawn_at="2100-01-01")),
    ("vote_milliseconds_range", duplicate("annotation_vote", milliseconds=-1, withdrawn_at="2100-01-01")),
    ("vote_withdrawn_after", change("annotation_vote", "withdrawn_at = voted_at - interval '1 s'")),
    ("vote_is_history", change("annotation_vote", "answer = 'UNSURE'")),
    ("vote_is_history", change("annotation_vote", "withdrawn_at = now(), late = NOT late")),
    ("vote_is_history", "DELETE FROM annotation_vote"),
    ("vote_on_its_page", duplicate("annotation_vote", position=50, withdrawn_at="2100-01-01")),
    (
        "vote_by_its_annotator",
        duplicate("annotation_batchitem", position=50, question_id="{other}")
        + ";"
        + duplicate("annotation_vote", position=50, question_id="{other}", annotator_id="{stranger}"),
    ),
]
# Nothing can break these alone: others say as much and more, and are attacked above.
IMPLIED = {
    # Keys that foreign keys of several columns need, wider than other unique keys.
    "batch_of_annotator",
    "batch_item_of_vote",
    "candidate_with_synset",
    # synset_wnid_matches_id makes the wnid as unique as the primary key.
    "hierarchy_synset_wnid_key",
    # question_decided_has_time names the states too.
    "question_state_known",
    # They refuse nothing, they write: what the next two guard, and what nobody but them writes.
    "gold_is_marked",
    "bar_marks_its_annotator",
    *(f"{which}{what}_are_counted" for which in ("", "changed_", "removed_") for what in ("candidates", "labels")),
    *(f"all_{what}_are_gone" for what in ("candidates", "labels")),
}

OWN_RULES = """
SELECT conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE relname ~ '^(hierarchy|annotation)_' AND (contype IN ('c', 'u') OR contype IN ('f', 'p') AND cardinality(conkey) > 1)
UNION SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relname ~ '^(hierarchy|annotation)_' AND indisunique AND NOT indisprimary
UNION SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relname ~ '^(hierarchy|annotation)_' AND NOT tgisinternal
"""


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    """Rows of each table, in a transaction that all tests of this module share; each attack is rolled back by itself."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


def make_world():
    """A settled and an open dispute, gold, votes, labels, a published release and a draft; returns ids by name."""
    top = builders.make_synset(9)
    synsets = [builders.make_synset(number, parents=[top]) for number in (1740, 1930)]
    curator = builders.make_user("carol", "curator")
    builders.make_candidates(synsets[0], 4)
    builders.make_candidates(synsets[1], 1)
    campaign = builders.make_open_campaign(synsets, by=curator, vote_cap=2, gold_rate=0)
    voter = builders.make_votes(campaign, ["YES", "NO"])[0]
    builders.make_token(curator, "read")
    settled, disputed, voted, gold = campaign.questions.filter(synset_id=1740).order_by("pk")
    dispute = settled.disputes.get()
    disputes.settle_dispute(
        dispute_id=dispute.pk,
        verdict="ACCEPTED",
        reason="clear",
        version=dispute.version,
        by=curator,
        at=now(),
    )
    voted.disputes.all().delete()
    gold.disputes.all().delete()
    Question.objects.filter(pk__in=[voted.pk, gold.pk]).update(state="OPEN")
    builders.make_gold(gold)
    add_flags(builders.find_annotator(voter))
    notes.write_notes(wnid="n00001740", includes="all", excludes="nothing", version=0, by=curator, at=now())
    add_training(campaign, builders.find_annotator(voter))
    add_releases(curator)
    CampaignRange.objects.create(campaign=campaign, kind="ASK", first=1, reached=0, last=9)
    add_estimations(campaign)
    factors = SynsetTable(synset_id=np.array([1740]), values=np.array([[0.1, -0.1]]))
    builders.make_snapshot(counts={builders.find_annotator(voter).pk: [[9, 1, 0], [0, 1, 9]]}, synset_factors=factors)
    ended = add_bars(curator)
    crowd = crowds.open_crowd(name=campaign.name, provider="MTURK", pages=1, days=1, by=curator, at=now())
    crowds.begin_assignment(crowd=crowd, worker="W1", reference="A1", at=now())
    stranger = builders.find_annotator(builders.make_crowd(1)[0])
    ids = {"settled": settled, "disputed": disputed, "voted": voted, "gold": gold, "voter": voter}
    ids |= {
        "idle": User.objects.create(username="idle"),
        "stranger": stranger,
        "ended": ended,
        "candidate": voted.candidate,
        "other": campaign.questions.get(synset_id=1930),
    }
    return {name: row.pk for name, row in ids.items()}


def add_flags(annotator):
    page = annotator.batches.filter(synset_id=1740).earliest("leased_at")
    for position, kind in ((1, "BROKEN"), (None, "DEFINITION")):
        flags.raise_flag(annotator=annotator, batch_id=page.pk, position=position, kind=kind, at=now())


def add_bars(curator):
    """One that stands, with an appeal against it, and one that has ended, which it returns."""
    rude, spammer = (builders.find_annotator(user).pk for user in builders.make_crowd(2))
    for number in (rude, spammer):
        bars.bar_annotator(annotator_id=number, reason="all yes", by=None, at=now())
    bars.make_appeal(annotator_id=rude, text="I looked at each.", at=now())
    bars.unbar_annotator(annotator_id=spammer, by=curator, at=now())
    return Bar.objects.get(annotator=spammer)


def add_training(campaign, annotator):
    at, given = now(), {"campaign": campaign, "added_at": now(), "correct": 1}
    Training.objects.create(campaign=campaign, changed_at=at)
    image = campaign.questions.earliest("pk").candidate.image
    TrainingItem.objects.create(kind="PRACTICE", synset_id=1740, image=image, **given)
    for synset in (1740, 1930):
        TrainingItem.objects.create(kind="GLOSS", synset_id=synset, choices=["a", "b"], **given)
    attempt = {"annotator": annotator, "campaign": campaign, "items": [1, 2], "mark": 80, "started_at": at}
    TrainingAttempt.objects.create(number=1, answers=[0, 0], finished_at=at, score=0, **attempt)
    TrainingAttempt.objects.create(number=2, **attempt)


def add_releases(curator):
    digest, at = b"0" * 32, now()
    published = Release.objects.create(name="first", frozen_at=at, drafted_by=curator)
    draft = Release.objects.create(name="second", frozen_at=at)
    for release, name in ((published, "labels.csv"), (draft, "draft 1"), (draft, "draft 2")):
        ReleaseFile.objects.create(release=release, name=name, sha256=digest, size=1, rows=1)
    for release, synset, rejected in ((published, 1740, 1), (draft, 1740, 3), (draft, 1930, 2)):
        ReleaseCount.objects.create(release=release, synset_id=synset, accepted=0, rejected=rejected)
    published.state, published.manifest, published.published_at = "PUBLISHED", {}, at
    published.save()
    WordNetImport.objects.create(sha256=digest, synsets=1, parent_links=0, instance_links=0, imported_at=at)
    assert Label.objects.exists()


def add_estimations(campaign):
    snapshot, at = Snapshot.objects.latest("pk"), now()
    given = {"based_on": snapshot, "newest_vote": 0, "shards": 1, "start": {}, "started_at": at, "progressed_at": at}
    Estimation.objects.create(**given, status="DONE", snapshot=snapshot, finished_at=at)
    EstimationShard.objects.create(estimation=Estimation.objects.create(**given), shard=0)
    Measurement.objects.create(snapshot=snapshot, campaign=campaign, values={})


def execute(*statements):
    """All or nothing, in the transaction of the module."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize(("name", "statement"), BREAKS)
def test_the_database_refuses(world, name, statement):
    for place, value in world.items():
        statement = statement.replace("{" + place + "}", str(value))

    with pytest.raises(IntegrityError) as refusal:
        execute(statement, "SET CONSTRAINTS ALL IMMEDIATE")

    cause: Any = refusal.value.__cause__
    assert cause.diag.constraint_name == name


def test_every_rule_of_the_tables_is_attacked(world):
    with connection.cursor() as cursor:
        cursor.execute(OWN_RULES)
        rules = {row[0] for row in cursor.fetchall()}

    assert rules - {name for name, _ in BREAKS} - IMPLIED == set()
    assert {name for name, _ in BREAKS} | IMPLIED <= rules


def test_a_vote_is_withdrawn_once(world):
    withdraw = "UPDATE annotation_vote SET withdrawn_at = clock_timestamp()"

    with pytest.raises(IntegrityError, match="withdrawn, never changed"):
        execute(withdraw, withdraw)
