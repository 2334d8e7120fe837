"""A snapshot becomes the model in force, whole and at once; what hangs on it follows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import connection, transaction
from numpy.typing import NDArray

from annotation.actions.accounts import bar_annotator
from annotation.consensus.belief import estimate_evidence
from annotation.consensus.calibrate import Calibration
from annotation.consensus.decide import Rule
from annotation.consensus.information import expect_information, find_bands
from annotation.consensus.model import Answer, Parameters
from annotation.consensus.sequence import count_votes_wanted
from annotation.consensus.start import GRADED
from annotation.consensus.workers import Skills
from annotation.models import Annotator, Campaign, Policy, Skill, Snapshot
from annotation.queries.campaigns import find_policies
from annotation.queries.snapshots import find_rule, read_parameters, write_rule

# Votes that come in this time are estimated before open questions are scored again.
PATIENCE = timedelta(minutes=1)
SKILLS_AT_ONCE = 5_000
SPAM_REASON = "Answers to questions whose answer is known were no better than guesses."

# Rows that somebody holds are left out, so that nobody waits in a circle. They become due by what is being done to them, or
# are found by the age of their estimate (estimates.estimate_due).
SCORE_AGAIN = """
UPDATE annotation_question SET due_at = %(at)s WHERE id IN (
    SELECT question.id
    FROM annotation_question AS question JOIN annotation_estimate AS estimate ON estimate.question_id = question.id
    WHERE question.state = 'OPEN' AND question.closed_at IS NULL AND question.due_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM annotation_gold AS gold WHERE gold.question_id = question.id AND gold.active)
    FOR NO KEY UPDATE OF question SKIP LOCKED
)
"""

# Questions without an estimate: nobody has voted, and no importer said anything of them.
ASK_UNSEEN = """
UPDATE annotation_question SET votes_wanted = %(wanted)s, priority = %(priority)s WHERE id IN (
    SELECT question.id FROM annotation_question AS question
    WHERE question.campaign_id = %(campaign)s AND question.state = 'OPEN' AND question.closed_at IS NULL
      AND (question.votes_wanted, question.priority) <> (%(wanted)s, %(priority)s)
      AND NOT EXISTS (SELECT 1 FROM annotation_estimate AS estimate WHERE estimate.question_id = question.id)
    FOR NO KEY UPDATE OF question SKIP LOCKED
)
"""


@transaction.atomic
def publish_snapshot(
    *,
    parameters: Parameters,
    rules: Mapping[Rule, Calibration],
    annotator_ids: Sequence[int] | NDArray[np.int64],
    skills: Skills,
    votes: int,
    questions: int,
    gold: int,
    rounds: int,
    log_likelihood: float | None,
    report: Mapping[str, Any],
    by: User | None,
    at: datetime,
) -> Snapshot:
    """Puts a new version of the model in force, with the skill of each of `annotator_ids` (index by index as in `skills`).

    Open questions that have an estimate become due; those nobody has seen ask for as many votes as the new model wants.
    All other estimates are made again when nothing is due, finished questions' among them, so that one whose label the new
    model speaks against goes to a curator. Annotators found to be spam are barred. `votes`, `questions` and `gold` count
    what was learned from; `report` is plain JSON.
    """
    snapshot = Snapshot.objects.create(
        parameters=parameters.to_json(),
        rules=[write_rule(rule, calibration) for rule, calibration in rules.items()],
        votes=votes,
        questions=questions,
        gold=gold,
        rounds=rounds,
        log_likelihood=log_likelihood,
        report=dict(report),
        published_at=at,
        published_by=by,
    )
    ids = [int(annotator_id) for annotator_id in annotator_ids]
    Skill.objects.bulk_create(_build_skills(snapshot, ids, skills), batch_size=SKILLS_AT_ONCE)
    _score_again(snapshot, at)
    spam = [annotator_id for annotator_id, is_spam in zip(ids, skills.spam, strict=True) if is_spam]
    for annotator_id in (
        Annotator.objects.filter(pk__in=spam, barred_at=None).order_by("pk").values_list("pk", flat=True)
    ):
        bar_annotator(annotator_id=annotator_id, reason=SPAM_REASON, by=None, at=at)
    return snapshot


def ensure_snapshot(*, by: User | None, at: datetime) -> Snapshot:
    """The newest snapshot; the first one is where every installation starts."""
    newest = Snapshot.objects.order_by("-pk").first()
    return newest or Snapshot.objects.create(parameters=GRADED.to_json(), published_at=at, published_by=by)


def _build_skills(snapshot: Snapshot, annotator_ids: Sequence[int], skills: Skills) -> list[Skill]:
    rates = {"sensitivity": skills.sensitivity, "specificity": skills.specificity, "unsure_rate": skills.unsure}
    return [
        Skill(
            snapshot=snapshot,
            annotator_id=annotator_id,
            counts=skills.counts[row].ravel().tolist(),
            votes=int(skills.votes[row]),
            bits=float(skills.bits[row]),
            spam=bool(skills.spam[row]),
            **{name: float(rate.mean[row]) for name, rate in rates.items()},
            **{f"{name}_low": float(rate.low[row]) for name, rate in rates.items()},
            **{f"{name}_high": float(rate.high[row]) for name, rate in rates.items()},
        )
        for row, annotator_id in enumerate(annotator_ids)
    ]


def _score_again(snapshot: Snapshot, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SCORE_AGAIN, {"at": at + PATIENCE})
    campaigns = Campaign.objects.filter(state__in=[Campaign.State.OPEN, Campaign.State.PAUSED]).order_by("pk")
    for policy in find_policies(list(campaigns.values_list("pk", flat=True))).values():
        ask_unseen(snapshot=snapshot, policy=policy)


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """How a question of which nothing is known is asked: its votes wanted, and its priority."""

    wanted: int
    priority: int


def ask_unseen(*, snapshot: Snapshot, policy: Policy) -> None:
    """Asks the open questions of the policy's campaign that have no estimate as this snapshot wants it."""
    unseen = find_unseen(snapshot, policy)
    with connection.cursor() as cursor:
        cursor.execute(ASK_UNSEEN, {"campaign": policy.campaign_id, **asdict(unseen)})


def find_unseen(snapshot: Snapshot, policy: Policy) -> Unseen:
    parameters = read_parameters(snapshot)
    nothing = estimate_evidence(
        evidence=np.zeros((1, parameters.states)),
        counts=np.zeros((1, len(Answer)), dtype=np.int64),
        parameters=parameters,
    )
    wanted = count_votes_wanted(estimates=nothing, parameters=parameters, rule=find_rule(policy, snapshot))
    bands = find_bands(expect_information(estimates=nothing, parameters=parameters))
    return Unseen(wanted=int(wanted[0]), priority=int(bands[0]))
