"""What is told of the database whenever somebody asks for metrics: each answer looks at few rows, whatever the size of the tables.

What is counted is counted up to MOST, and what takes longer than SECONDS, as behind millions that are due, is given up. Whether
promises hold is asked of the questions with the newest votes: `verify_integrity` asks it of all, which takes minutes at millions
(docs/adr/0024).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection, transaction

from annotation.queries.integrity import CHECKS, recompute

MOST = 100_000
SECONDS = 2
NEWEST_VOTES = 300
NEWEST = f"SELECT question_id FROM annotation_vote ORDER BY id DESC LIMIT {NEWEST_VOTES}"  # noqa: S608
COUNT = "SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {most}) AS counted"
UNLAPSED = "annotation_batch WHERE closed_at IS NULL AND NOT lapsed AND expires_at"


@dataclass(frozen=True)
class Gauge:
    """`sql` selects one row with one number, or rows of a label's value and a number where `label` names the label."""

    name: str
    text: str
    sql: str
    label: str = ""


def _count(rows: str) -> str:
    return COUNT.format(rows=rows, most=MOST)


WITHIN_CAP = next(check.sql for check in CHECKS if check.name == "votes_within_cap")
# All of constants of this project.
GAUGES = (
    Gauge("veriset_due_sets", "Sets of questions that wait for their estimates.", _count("annotation_duequestions")),
    Gauge(
        "veriset_due_oldest_seconds",
        "How long the oldest of them has waited.",
        "SELECT greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)) FROM annotation_duequestions",
    ),
    Gauge("veriset_live_leases", "Pages that somebody has in hand.", _count(f"{UNLAPSED} > now()")),
    Gauge(
        "veriset_expired_leases",
        "Leases that have expired and still hold their questions, until the next lease clears them away.",
        _count(f"{UNLAPSED} <= now()"),
    ),
    Gauge(
        "veriset_waiting_questions",
        "Open questions that ask for votes nobody has been asked for yet.",
        _count("annotation_question WHERE state = 'OPEN' AND closed_at IS NULL AND NOT is_gold AND has_room"),
    ),
    Gauge(
        "veriset_open_disputes",
        "Disputes that wait for a curator.",
        _count("annotation_dispute WHERE settled_at IS NULL"),
    ),
    Gauge(
        "veriset_set_aside_questions",
        "Questions whose estimates failed: must be 0.",
        _count("annotation_setaside"),
    ),
    Gauge(
        "veriset_gold_questions",
        "Active gold by the share of its campaign's allowed exposures that is used.",
        f"""SELECT CASE WHEN exposures = 0 THEN 'none' WHEN 2 * exposures < allowed THEN 'below half'
                        WHEN exposures < allowed THEN 'half' ELSE 'all' END AS used, count(*)
            FROM (SELECT gold.exposures, (SELECT policy.gold_exposures FROM annotation_policy AS policy
                                          WHERE policy.campaign_id = question.campaign_id ORDER BY version DESC LIMIT 1) AS allowed
                  FROM annotation_gold AS gold JOIN annotation_question AS question ON question.id = gold.question_id
                  WHERE gold.active LIMIT {MOST}) AS shown
            GROUP BY used""",  # noqa: S608
        label="exposures",
    ),
    Gauge(
        "veriset_over_redundancy",
        f"Questions of the {NEWEST_VOTES} newest votes with more votes and leases than allowed: must be 0.",
        f"SELECT count(*) FROM ({WITHIN_CAP} AND question.id IN ({NEWEST})) AS broken",  # noqa: S608
    ),
)
DRIFT = Gauge(
    "veriset_recompute_drift",
    f"Questions of the {NEWEST_VOTES} newest votes whose estimate is not what their votes give: must be 0.",
    f"""SELECT question.id, estimate.snapshot_id, estimate.log_odds, estimate.probability
        FROM annotation_question AS question JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
        WHERE question.id IN ({NEWEST}) AND NOT question.is_gold
        AND question.id NOT IN (SELECT unnest(questions) FROM annotation_duequestions)
        AND question.id NOT IN (SELECT question_id FROM annotation_setaside)
        ORDER BY question.id""",  # noqa: S608
)


def read_gauge(gauge: Gauge) -> Mapping[str, float]:
    """Its numbers by the label's value; by "" where it has no label. DatabaseError where it takes longer than SECONDS, or PostgreSQL is
    away."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The questions and their votes as they are at one moment.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{SECONDS}s'")
        cursor.execute(gauge.sql)
        rows = cursor.fetchall()
        if gauge is DRIFT:
            return {"": float(len(list(recompute(rows))))}
    return {row[0] if gauge.label else "": float(row[-1]) for row in rows}
