"""A snapshot becomes the model in force, whole and at once; what hangs on it follows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Max, Min
from numpy.typing import NDArray

from annotation.actions.accounts import bar_annotator
from annotation.actions.rescoring import divide_questions
from annotation.consensus.belief import estimate_evidence
from annotation.consensus.calibrate import Calibration
from annotation.consensus.decide import Rule
from annotation.consensus.information import expect_information, find_bands
from annotation.consensus.model import Answer, Parameters
from annotation.consensus.sequence import count_votes_wanted
from annotation.consensus.start import GRADED
from annotation.consensus.synsets import SynsetTable
from annotation.consensus.workers import Skills
from annotation.models import Annotator, Campaign, Policy, Question, Skill, Snapshot, SynsetPrior
from annotation.queries.campaigns import find_policies
from annotation.queries.snapshots import find_rule, read_parameters, write_rule

# Votes that come in this time are estimated before what is only scored again.
PATIENCE = timedelta(days=1)
ROWS_AT_ONCE = 5_000
IDS_AT_ONCE = 20_000
SPAM_REASON = "Answers to questions whose answer is known were no better than guesses."

# Questions without an estimate: nobody has voted, and no importer said anything of them.
ASK_UNSEEN = """
UPDATE annotation_question SET votes_wanted = %(wanted)s, priority = %(priority)s WHERE id IN (
    SELECT question.id FROM annotation_question AS question
    WHERE question.campaign_id = %(campaign)s AND question.id > %(after)s AND question.id <= %(last)s AND question.state = 'OPEN' AND question.closed_at IS NULL
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
    synset_factors: SynsetTable | None = None,
) -> Snapshot:
    """Puts a new version of the model in force, with the skill of each of `annotator_ids` (index by index as in `skills`).

    Estimates are made again when nothing is due, those of open questions first, finished questions' among them, so that one whose label the new model speaks
    against goes to a curator; `follow_snapshot`, after this transaction, does what must not hold up those who vote. `votes`, `questions` and `gold` count
    what was learned from; `report` is plain JSON; `synset_factors` are the log factors of states of synsets, where kept.
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
    Skill.objects.bulk_create(_build_skills(snapshot, ids, skills), batch_size=ROWS_AT_ONCE)
    SynsetPrior.objects.bulk_create(_build_synset_priors(snapshot, synset_factors), batch_size=ROWS_AT_ONCE)
    divide_questions(snapshot_id=snapshot.pk)
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


def _build_synset_priors(snapshot: Snapshot, factors: SynsetTable | None) -> list[SynsetPrior]:
    if factors is None:
        return []
    return [
        SynsetPrior(snapshot=snapshot, synset_id=synset_id, log_factors=values)
        for synset_id, values in factors.iterate_rows()
    ]


def follow_snapshot(*, snapshot: Snapshot, at: datetime) -> None:
    """Annotators found to be spam are barred; questions nobody has seen ask for as many votes as the new model wants.

    Some at a time, each time in a transaction of its own, so that whoever sends votes waits for few. Where it is cut off,
    those unseen and spam wait for the next snapshot.
    """
    spam = Annotator.objects.filter(skills__snapshot=snapshot, skills__spam=True, barred_at=None).order_by("pk")
    for annotator_id in list(spam.values_list("pk", flat=True)):
        bar_annotator(annotator_id=annotator_id, reason=SPAM_REASON, by=None, at=at)
    campaigns = Campaign.objects.filter(state__in=[Campaign.State.OPEN, Campaign.State.PAUSED]).order_by("pk")
    for policy in find_policies(list(campaigns.values_list("pk", flat=True))).values():
        ask_unseen(snapshot=snapshot, policy=policy)


def _run_in_parts(sql: str, campaign_id: int, values: Mapping[str, Any]) -> None:
    """Over ranges of the campaign's questions, of the same width whatever other campaigns have there."""
    ids = Question.objects.filter(campaign=campaign_id).aggregate(first=Min("pk"), last=Max("pk"))
    if ids["first"] is None:
        return
    for after in range(ids["first"] - 1, ids["last"], IDS_AT_ONCE):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, {**values, "campaign": campaign_id, "after": after, "last": after + IDS_AT_ONCE})


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """How a question of which nothing is known is asked: its votes wanted, and its priority."""

    wanted: int
    priority: int


def ask_unseen(*, snapshot: Snapshot, policy: Policy) -> None:
    """Asks the open questions of the policy's campaign that have no estimate as this snapshot wants it."""
    _run_in_parts(ASK_UNSEEN, policy.campaign_id, asdict(find_unseen(snapshot, policy)))


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
