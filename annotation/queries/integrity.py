"""What must hold of the tables whatever happened: each promise is one query for the rows that break it.

Most are kept by constraints and triggers as well; these queries also find what a bad restore, a repair by hand or a
dropped constraint left behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection

from annotation.consensus.model import PARAMETERS_VERSION
from annotation.models import Snapshot
from annotation.queries.evidence import read_evidence
from annotation.queries.snapshots import is_readable

SHOWN = 10
TOLERANCE = 1e-9
ROWS_AT_ONCE = 10_000
LATE_MINUTES = 10

IS_GOLD = "question.is_gold"
IS_DUE = """(question.id IN (SELECT unnest(questions) FROM annotation_duequestions)
     OR question.id IN (SELECT question_id FROM annotation_setaside))"""
WAS_GOLD = "EXISTS (SELECT 1 FROM annotation_gold AS gold WHERE gold.question_id = question.id)"
# Nobody was asked for imported votes, so they break no limit however many they are; votes of barred annotators are asked anew, and count
# again when the bar has ended.
IN_TIME = """(SELECT count(*) FROM annotation_vote AS vote JOIN annotation_batch AS batch ON batch.id = vote.batch_id
     JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id
     WHERE vote.question_id = question.id AND vote.withdrawn_at IS NULL AND NOT vote.late
     AND annotator.barred_at IS NULL AND batch.outcome <> 'IMPORTED' AND NOT EXISTS (
         SELECT 1 FROM annotation_bar AS bar WHERE bar.annotator_id = annotator.id AND bar.begun_at >= vote.voted_at))"""
LEASED = """(SELECT count(*) FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
     WHERE item.question_id = question.id AND batch.closed_at IS NULL AND batch.expires_at > now())"""


@dataclass(frozen=True)
class Check:
    """`sql` selects one column: what identifies a row that breaks the promise. A warning does not fail the service."""

    name: str
    sql: str
    warning: bool = False


@dataclass(frozen=True)
class Finding:
    """How many rows break a promise, and the first of them."""

    name: str
    count: int
    shown: list[str]
    warning: bool = False


# Built of constants of this module only.
CHECKS = (
    Check(
        "vote_on_its_page",
        """SELECT vote.id FROM annotation_vote AS vote LEFT JOIN annotation_batchitem AS item
           ON (item.batch_id, item.position, item.question_id) = (vote.batch_id, vote.position, vote.question_id)
           WHERE item.batch_id IS NULL""",
    ),
    Check(
        "vote_by_its_annotator",
        """SELECT vote.id FROM annotation_vote AS vote LEFT JOIN annotation_batch AS batch ON batch.id = vote.batch_id
           WHERE batch.annotator_id IS DISTINCT FROM vote.annotator_id""",
    ),
    Check(
        "one_standing_vote_per_annotator",
        """SELECT question_id FROM annotation_vote WHERE withdrawn_at IS NULL
           GROUP BY question_id, annotator_id HAVING count(*) > 1""",
    ),
    Check(
        "late_votes_are_marked",
        """SELECT vote.id FROM annotation_vote AS vote JOIN annotation_batch AS batch ON batch.id = vote.batch_id
           WHERE vote.late <> batch.late OR vote.late <> (vote.voted_at >= batch.expires_at)""",
    ),
    Check(
        "votes_within_cap",
        f"""SELECT question.id FROM annotation_question AS question
            JOIN LATERAL (
                SELECT CASE WHEN {WAS_GOLD} THEN max(greatest(vote_cap, gold_exposures)) ELSE max(vote_cap) END AS votes
                FROM annotation_policy AS policy WHERE policy.campaign_id = question.campaign_id
            ) AS cap ON true
            WHERE {IN_TIME} + {LEASED} > cap.votes""",  # noqa: S608
    ),
    Check(
        "batch_recorded_its_votes",
        """SELECT batch.id FROM annotation_batch AS batch
           WHERE coalesce(batch.recorded, 0) <> (SELECT count(*) FROM annotation_vote WHERE batch_id = batch.id)""",
    ),
    Check(
        "estimate_counts_votes",
        f"""SELECT question.id FROM annotation_question AS question
            LEFT JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
            WHERE NOT {IS_DUE} AND NOT {IS_GOLD} AND coalesce(estimate.votes, 0) <>
                (SELECT count(*) FROM annotation_vote AS vote
                 JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id
                 WHERE vote.question_id = question.id AND vote.withdrawn_at IS NULL AND annotator.barred_at IS NULL)""",  # noqa: S608
    ),
    Check(
        "estimate_is_of_this_engine",
        f"""SELECT estimate.question_id FROM annotation_estimate AS estimate
            JOIN annotation_question AS question ON question.id = estimate.question_id
            JOIN annotation_snapshot AS snapshot ON snapshot.id = estimate.snapshot_id
            WHERE snapshot.parameters ->> 'version' <> '{PARAMETERS_VERSION}' AND NOT {IS_GOLD}""",  # noqa: S608
        warning=True,
    ),
    Check(
        "finished_question_has_its_label",
        """SELECT question.id FROM annotation_question AS question
           JOIN annotation_campaign AS campaign ON campaign.id = question.campaign_id
           WHERE question.state IN ('ACCEPTED', 'REJECTED') AND NOT EXISTS (
               SELECT 1 FROM hierarchy_label AS label WHERE label.candidate_id = question.candidate_id
               AND (label.verdict = question.state AND label.source_ref LIKE 'campaign:' || campaign.name || ' %'
                    OR label.source = 'CURATOR' AND label.superseded_at IS NULL))""",
    ),
    Check(
        "label_agrees_with_its_question",
        """SELECT label.id FROM (
               SELECT DISTINCT ON (candidate_id, campaign) * FROM (
                   SELECT *, substr(split_part(source_ref, ' ', 1), 10) AS campaign
                   FROM hierarchy_label WHERE source_ref LIKE 'campaign:%'
               ) AS written ORDER BY candidate_id, campaign, at DESC, id DESC
           ) AS label
           LEFT JOIN annotation_campaign AS campaign ON campaign.name = label.campaign
           LEFT JOIN annotation_question AS question
           ON question.campaign_id = campaign.id AND question.candidate_id = label.candidate_id
           WHERE question.state IS DISTINCT FROM label.verdict""",
    ),
    Check(
        "one_current_label_per_candidate",
        """SELECT candidate_id FROM hierarchy_label WHERE superseded_at IS NULL
           GROUP BY candidate_id HAVING count(*) > 1""",
    ),
    Check(
        "closed_campaign_asks_nothing",
        """SELECT question.id FROM annotation_question AS question
           JOIN annotation_campaign AS campaign ON campaign.id = question.campaign_id AND campaign.state = 'CLOSED'
           WHERE question.closed_at IS NULL AND question.state IN ('OPEN', 'DISPUTED') AND NOT EXISTS (
               SELECT 1 FROM annotation_campaignrange AS range
               WHERE range.campaign_id = campaign.id AND range.kind = 'CLOSE')""",
    ),
    Check(
        "disputed_question_has_open_dispute",
        """SELECT question.id FROM annotation_question AS question
           LEFT JOIN annotation_dispute AS dispute ON dispute.question_id = question.id AND dispute.settled_at IS NULL
           WHERE question.state = 'DISPUTED' AND coalesce(dispute.reason, 'FLIP') = 'FLIP'
              OR question.state <> 'DISPUTED' AND dispute.reason = 'VOTES_SPENT'""",
    ),
    Check(
        "dispute_settled_by_another",
        """SELECT dispute.id FROM annotation_dispute AS dispute
           JOIN annotation_annotator AS annotator ON annotator.user_id = dispute.settled_by_id
           WHERE EXISTS (SELECT 1 FROM annotation_vote AS vote WHERE vote.question_id = dispute.question_id
                         AND vote.annotator_id = annotator.id AND vote.voted_at <= dispute.settled_at)""",
    ),
    Check(
        "gold_is_open_and_unlabelled",
        """SELECT question.id FROM annotation_question AS question
           JOIN annotation_gold AS gold ON gold.question_id = question.id AND gold.active
           WHERE question.state <> 'OPEN' OR question.closed_at IS NULL AND EXISTS (
               SELECT 1 FROM hierarchy_label AS label
               WHERE label.candidate_id = question.candidate_id AND label.superseded_at IS NULL)""",
    ),
    Check(
        "gold_mark_follows_gold",
        """SELECT question.id FROM annotation_question AS question WHERE question.is_gold <> EXISTS (
               SELECT 1 FROM annotation_gold AS gold WHERE gold.question_id = question.id AND gold.active)""",
    ),
    Check(
        "votes_in_time_are_counted",
        """SELECT question.id FROM annotation_question AS question WHERE NOT question.is_gold AND question.votes_in_time <>
               (SELECT count(*) FROM annotation_vote AS vote
                JOIN annotation_annotator AS annotator ON annotator.id = vote.annotator_id
                WHERE vote.question_id = question.id AND vote.withdrawn_at IS NULL AND NOT vote.late
                AND annotator.barred_at IS NULL)""",
    ),
    Check(
        "live_leases_are_held",
        f"""SELECT question.id FROM annotation_question AS question WHERE NOT question.is_gold AND {LEASED} <>
               (SELECT count(*) FROM unnest(question.held_until) AS held (until) WHERE held.until > now())""",  # noqa: S608
    ),
    Check(
        "gold_exposures_are_counted",
        """SELECT gold.id FROM annotation_gold AS gold WHERE gold.active AND gold.exposures <>
               (SELECT count(DISTINCT batch.annotator_id)
                FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
                WHERE item.question_id = gold.question_id AND batch.outcome <> 'IMPORTED')""",
    ),
    Check(
        "label_is_of_its_candidates_synset",
        """SELECT label.id FROM hierarchy_label AS label LEFT JOIN hierarchy_candidate AS candidate
           ON (candidate.id, candidate.synset_id) = (label.candidate_id, label.synset_id) WHERE candidate.id IS NULL""",
    ),
    Check(
        "synsets_are_counted",
        """SELECT synset_id FROM (
               SELECT synset_id, images, accepted, rejected FROM hierarchy_countchange
               UNION ALL SELECT synset_id, -count(*), 0, 0 FROM hierarchy_candidate GROUP BY synset_id
               UNION ALL SELECT synset_id, 0, -count(*) FILTER (WHERE verdict = 'ACCEPTED'),
                                -count(*) FILTER (WHERE verdict = 'REJECTED')
                         FROM hierarchy_label WHERE superseded_at IS NULL GROUP BY synset_id) AS counted
           GROUP BY synset_id HAVING sum(images) <> 0 OR sum(accepted) <> 0 OR sum(rejected) <> 0""",
    ),
    Check(
        "release_is_counted",
        """SELECT release.id FROM hierarchy_release AS release WHERE release.state = 'PUBLISHED'
           AND (release.manifest->>'labels')::bigint + (release.manifest->>'withheld')::bigint IS DISTINCT FROM
               (SELECT coalesce(sum(accepted + rejected), 0) FROM hierarchy_releasecount WHERE release_id = release.id)""",
    ),
    Check(
        "audit_log_is_one_chain",
        """SELECT number FROM (
               SELECT *, lag(number, 1, 0::bigint) OVER chain AS number_before,
                      lag(hash, 1, decode(repeat('00', 32), 'hex')) OVER chain AS hash_before,
                      sha256(previous_hash || convert_to(concat_ws(chr(10), number,
                          to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), coalesce(actor::text, ''),
                          action, subject, detail::text), 'UTF8')) AS hash_of_row
               FROM hierarchy_auditentry WINDOW chain AS (ORDER BY number)) AS entry
           WHERE number <> number_before + 1 OR previous_hash <> hash_before OR hash <> hash_of_row""",
    ),
    Check(
        "closure_follows_parent_links",
        """WITH RECURSIVE above (descendant_id, ancestor_id) AS (
               SELECT id, id FROM hierarchy_synset
               UNION SELECT above.descendant_id, link.parent_id
               FROM above JOIN hierarchy_parentlink AS link ON link.child_id = above.ancestor_id
           )
           SELECT DISTINCT descendant_id FROM above FULL JOIN hierarchy_closure AS closure
           USING (descendant_id, ancestor_id)
           WHERE above IS NULL OR closure IS NULL OR (closure.distance = 0) <> (descendant_id = ancestor_id)""",
    ),
    Check(
        "search_words_are_the_synsets_words",
        """SELECT coalesce(synset.id, found.synset_id) FROM hierarchy_synset AS synset FULL JOIN (
               SELECT synset_id, array_agg(word ORDER BY position) AS words FROM hierarchy_synsetword GROUP BY synset_id
           ) AS found ON found.synset_id = synset.id
           WHERE lower(synset.words::text) IS DISTINCT FROM found.words::text""",
    ),
    Check(
        "hierarchy_is_as_imported",
        """SELECT newest.id FROM (SELECT * FROM hierarchy_wordnetimport ORDER BY id DESC LIMIT 1) AS newest
           WHERE newest.synsets <> (SELECT count(*) FROM hierarchy_synset)
              OR newest.parent_links <> (SELECT count(*) FROM hierarchy_parentlink)
              OR newest.instance_links <> (SELECT count(*) FROM hierarchy_parentlink WHERE instance)""",
    ),
    Check(
        "gold_stands_beside_its_like",
        """SELECT item.question_id FROM annotation_batchitem AS item
           JOIN annotation_question AS asked ON asked.id = item.question_id
           JOIN annotation_question AS meant ON meant.id = item.beside_id
           WHERE (asked.campaign_id, asked.synset_id) <> (meant.campaign_id, meant.synset_id)""",
    ),
    Check(
        "every_account_has_its_mark",
        """SELECT account.id FROM auth_user AS account LEFT JOIN annotation_accountmark AS mark ON mark.user_id = account.id
           WHERE mark.user_id IS NULL""",
    ),
    Check(
        "deleted_accounts_hold_no_page",
        """SELECT batch.id FROM annotation_batch AS batch JOIN annotation_annotator AS annotator ON annotator.id = batch.annotator_id
           WHERE annotator.user_id IS NULL AND batch.closed_at IS NULL""",
    ),
    Check(
        "contested_answers_were_given",
        """SELECT flag.id FROM annotation_flag AS flag WHERE flag.kind = 'CONTESTED' AND NOT EXISTS (
               SELECT 1 FROM annotation_vote AS vote
               WHERE vote.batch_id = flag.batch_id AND vote.position = flag.position)""",
    ),
    Check(
        "barred_annotators_have_their_bar",
        """SELECT annotator.id FROM annotation_annotator AS annotator
           LEFT JOIN annotation_bar AS bar ON bar.annotator_id = annotator.id AND bar.ended_at IS NULL
           WHERE annotator.barred_at IS DISTINCT FROM bar.begun_at""",
    ),
    Check(
        "pages_of_assignments_are_their_annotators",
        """SELECT page.batch_id FROM annotation_assignmentpage AS page
           JOIN annotation_assignment AS assignment ON assignment.id = page.assignment_id
           JOIN annotation_batch AS batch ON batch.id = page.batch_id WHERE batch.annotator_id <> assignment.annotator_id""",
    ),
    Check(
        "appeals_of_ended_bars_are_answered",
        """SELECT appeal.id FROM annotation_appeal AS appeal JOIN annotation_bar AS bar ON bar.id = appeal.bar_id
           WHERE appeal.answered_at IS NULL AND bar.ended_at IS NOT NULL""",
    ),
    Check(
        "votes_are_estimated_soon",
        f"SELECT unnest(questions) FROM annotation_duequestions WHERE due_at < now() - interval '{LATE_MINUTES} minutes'",  # noqa: S608
        warning=True,
    ),
    Check("no_question_is_set_aside", "SELECT question_id FROM annotation_setaside", warning=True),
)

ESTIMATES = f"""
SELECT question.id, estimate.snapshot_id, estimate.log_odds, estimate.probability
FROM annotation_question AS question JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
WHERE NOT {IS_DUE} AND NOT {IS_GOLD} AND question.id > %(after)s
ORDER BY question.id LIMIT %(limit)s
"""  # noqa: S608 (constants of this module)


def find_broken(check: Check) -> Finding:
    """The rows that break one promise."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) OVER (), broken.* FROM ({check.sql}) AS broken ORDER BY 2 LIMIT {SHOWN}")  # noqa: S608
        rows = cursor.fetchall()
    return Finding(check.name, rows[0][0] if rows else 0, [str(row[1]) for row in rows], check.warning)


def find_wrong_estimates() -> Finding:
    """Questions whose log-odds and probability are not what their votes give under the estimate's snapshot and its skills.

    Those of snapshots of an older engine are left out; a check of their own names them.
    """
    wrong = [question for rows in _read_estimates() for question in recompute(rows)]
    return Finding("estimate_follows_from_votes", len(wrong), [str(question) for question in sorted(wrong)[:SHOWN]])


def _read_estimates() -> Iterator[list[Any]]:
    """Rows of ESTIMATES, some at once."""
    after = -1
    with connection.cursor() as cursor:
        while True:
            cursor.execute(ESTIMATES, {"after": after, "limit": ROWS_AT_ONCE})
            rows = cursor.fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield rows


def recompute(rows: list[Any]) -> Iterator[int]:
    """Those of the questions whose estimate (its snapshot, log-odds and probability, as ESTIMATES selects them) is not what their votes give."""
    for snapshot in Snapshot.objects.filter(pk__in={row[1] for row in rows}).order_by("pk"):
        if not is_readable(snapshot):
            continue
        estimated = [row for row in rows if row[1] == snapshot.pk]
        expected = read_evidence(question_ids=[row[0] for row in estimated], snapshot=snapshot).estimates
        found = np.array([row[2:4] for row in estimated])
        close = np.abs(found - np.stack([expected.log_odds, expected.probability], axis=1)) <= TOLERANCE
        yield from (row[0] for row, right in zip(estimated, close.all(axis=1), strict=True) if not right)
