"""From votes to estimates, decisions and labels. The database is the queue: `due` says what waits."""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import (
    DataError,
    IntegrityError,
    InternalError,
    NotSupportedError,
    ProgrammingError,
    connection,
    transaction,
)
from numpy.typing import NDArray

from annotation.actions.asides import set_question_aside
from annotation.actions.due import take_due
from annotation.actions.gold import record_made
from annotation.actions.renewal import find_truth, keep_as_gold
from annotation.actions.rescoring import take_step
from annotation.consensus.belief import Estimates, look_up
from annotation.consensus.decide import Decision, Rule
from annotation.consensus.information import expect_information, find_bands
from annotation.consensus.sequence import FirstDecisions, count_votes_wanted, decide_in_order
from annotation.models import Dispute, Estimate, Gold, Question, Snapshot
from annotation.queries.campaigns import find_policies
from annotation.queries.claims import Claimed, claim_outdated, claim_questions, find_ever_disputed
from annotation.queries.estimations import is_estimating
from annotation.queries.evidence import Evidence, read_evidence
from annotation.queries.snapshots import find_rule
from hierarchy.actions.labels import Verdict, record_labels
from hierarchy.models import Label
from hierarchy.queries.plain import write_array

State = Question.State
STATE_AFTER: dict[int, State] = {
    Decision.ACCEPT: State.ACCEPTED,
    Decision.REJECT: State.REJECTED,
    Decision.ASK: State.OPEN,
    Decision.DISPUTE: State.DISPUTED,
}
CHUNK = 2000
# What would be the same the next time. Not that the database is away or busy, nor that a task's time is over.
FAILURES = (
    *(DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError),
    *(ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError),
)
# So many others are tried before one is said to fail alone.
WITNESSES = 4
# Whoever votes on questions that are being estimated waits: of fresh ones so many, which takes less than a tenth of a second.
FRESH_CHUNK = 400

# Nobody else writes those of questions that are locked.
WRITE_ESTIMATES = """
WITH back AS (DELETE FROM annotation_setaside WHERE question_id = ANY(%(question)s::bigint[]))
MERGE INTO annotation_estimate AS estimate
USING unnest(%(question)s::bigint[], %(log_odds)s::float8[], %(probability)s::float8[], %(votes)s::int[])
    AS new (question_id, log_odds, probability, votes)
ON estimate.question_id = new.question_id
WHEN MATCHED THEN UPDATE SET log_odds = new.log_odds, probability = new.probability, votes = new.votes,
    snapshot_id = %(snapshot)s, estimated_at = %(at)s::timestamptz
WHEN NOT MATCHED THEN INSERT (question_id, log_odds, probability, votes, snapshot_id, estimated_at)
    VALUES (new.question_id, new.log_odds, new.probability, new.votes, %(snapshot)s, %(at)s::timestamptz)
"""

# Of open questions. Most of what a new snapshot looks at stays as it is.
WRITE_QUESTIONS = """
UPDATE annotation_question AS question
SET state = new.state, votes_wanted = new.votes_wanted, priority = new.priority,
    decided_at = CASE WHEN new.state IN ('ACCEPTED', 'REJECTED') THEN %(at)s::timestamptz END
FROM unnest(%(id)s::bigint[], %(state)s::text[], %(votes_wanted)s::int[], %(priority)s::int[])
    AS new (id, state, votes_wanted, priority)
WHERE question.id = new.id
"""

# Only what was finished or in dispute can have one.
BUMP_DISPUTES = """
UPDATE annotation_dispute SET version = version + 1 WHERE question_id = ANY(%(questions)s::bigint[]) AND settled_at IS NULL
"""


@dataclass(frozen=True, eq=False)
class _Judged:
    """Open questions of one campaign with what the model makes of them, index by index."""

    questions: Sequence[Claimed]
    first: FirstDecisions
    wanted: NDArray[np.int64]
    priority: NDArray[np.int16]


def estimate_due(*, at: datetime, limit: int = CHUNK, campaign_id: int | None = None) -> int:
    """Claims up to `limit` questions that are due, estimates and decides them; returns how many were looked at.

    Where none is due, open ones that wait for the newest snapshot (rescoring), and where there are none of these, any whose
    estimate was made under the oldest of earlier snapshots; but not while an estimation runs, after which they would be made
    once more. `campaign_id` restricts it to a campaign. Questions that another worker holds are left to it. All or nothing: a
    worker killed in the middle leaves them as they were. Running it twice or late changes nothing: a question is decided,
    and labelled, at the vote that first decided it in the recorded order, under the policy and the snapshot in force. A question that is finished or disputed keeps its state; one whose
    label all its evidence speaks against goes to a curator. Active gold is never decided.

    Where that fails though the database is there, fewer are tried, down to the one that fails: it is set aside, and keeps nobody else
    waiting. Where others fail as well, something else is wrong, and all stay as they were.
    """
    met: dict[int, None] = {}
    while True:
        tried: list[int] = []
        try:
            return _estimate_some(at, limit, campaign_id, tried)
        except FAILURES:
            if not tried:
                raise
            met |= dict.fromkeys(tried)
            if len(tried) == 1:
                return _look_closer(tried[0], [pk for pk in reversed(met) if pk != tried[0]][:WITNESSES], at)
            limit = len(tried) // 2


def decide_questions(*, question_ids: Sequence[int], at: datetime) -> None:
    """Estimates and decides these open questions, which were gold, now, in the caller's transaction, which holds their rows and closes
    their campaign."""
    snapshot = Snapshot.objects.order_by("-pk").first()
    claimed = claim_questions(question_ids)
    for question in claimed:
        question.closed = False
    if snapshot is not None:
        _estimate(claimed, snapshot, at)


@transaction.atomic
def _look_closer(question_id: int, others: Sequence[int], at: datetime) -> int:
    """Tries the question by itself, while nobody can vote on it; 1 where it fails alone and is set aside."""
    try:
        return _estimate_alone(question_id, at)
    except FAILURES as error:
        others = others or list(
            Estimate.objects.exclude(pk=question_id).order_by("-pk").values_list("pk", flat=True)[:1]
        )
        if not any(_would_succeed(other, at) for other in others):
            raise
        set_question_aside(question_id=question_id, error=error, at=at)
        return 1


@transaction.atomic
def _estimate_alone(question_id: int, at: datetime) -> int:
    claimed = claim_questions([question_id])
    _estimate([question for question in claimed if not question.gold], Snapshot.objects.latest("pk"), at)
    return len(claimed)


def _would_succeed(question_id: int, at: datetime) -> bool:
    """Nothing of it stays."""
    try:
        with transaction.atomic():
            found = _estimate_alone(question_id, at)
            transaction.set_rollback(True)
    except FAILURES:
        return False
    return found > 0


@transaction.atomic
def _estimate_some(at: datetime, limit: int, campaign_id: int | None, tried: list[int]) -> int:
    """One attempt, which notes the questions it is about."""
    snapshot = Snapshot.objects.order_by("-pk").first()
    if snapshot is None:
        return 0
    claimed, asked = take_due(limit=min(limit, FRESH_CHUNK), campaign_id=campaign_id), 0
    if not claimed and campaign_id is None:
        step = take_step(snapshot=snapshot, limit=limit)
        claimed, asked = step.claimed, step.asked
    if not claimed and not asked and (campaign_id is not None or not is_estimating()):
        claimed = claim_outdated(snapshot_id=snapshot.pk, limit=limit, campaign_id=campaign_id)
    if claimed:
        claimed.sort(key=lambda question: question.id)
        tried += [question.id for question in claimed]
        _estimate([question for question in claimed if not question.gold], snapshot, at)
    return len(claimed) + asked


def _estimate(questions: Sequence[Claimed], snapshot: Snapshot, at: datetime) -> None:
    if not questions:
        return
    evidence = read_evidence(question_ids=[question.id for question in questions], snapshot=snapshot)
    _write_estimates(questions, evidence.estimates, snapshot, at)
    _bump_disputes(questions)
    campaign_ids = np.array([question.campaign_id for question in questions])
    is_open = np.array([question.open for question in questions])
    made: dict[int, str] = {}
    for campaign_id, policy in find_policies(np.unique(campaign_ids[is_open]).tolist()).items():
        chosen = is_open & (campaign_ids == campaign_id)
        some = list(itertools.compress(questions, chosen))
        judged = _judge(some, evidence.select(chosen), find_rule(policy, snapshot))
        kept = keep_as_gold(truths=_find_sure(judged), policy=policy, at=at)
        _leave_out(judged, kept)
        made |= kept
        reference = f"campaign:{policy.campaign.name} snapshot:{snapshot.pk}"
        record_labels(
            verdicts=_list_verdicts(judged), source=Label.Source.CONSENSUS, source_ref=reference, by=None, at=at
        )
        _write_questions(_follow(judged), at)
    _open_disputes(questions, evidence.estimates, snapshot, at)
    record_made(made, source=Gold.Source.SETTLED, by=None)


def _judge(questions: Sequence[Claimed], evidence: Evidence, rule: Rule) -> _Judged:
    parameters, estimates = evidence.parameters, evidence.estimates
    first = decide_in_order(
        votes=evidence.votes,
        added=look_up(votes=evidence.votes, log_tables=evidence.log_tables),
        parameters=parameters,
        rule=rule,
        log_prior=evidence.log_prior,
    )
    wanted = count_votes_wanted(estimates=estimates, parameters=parameters, rule=rule, first=first)
    return _Judged(
        questions=questions,
        first=first,
        # Leases are counted against votes in time, so late votes are evidence without taking a place.
        wanted=evidence.in_time + wanted - estimates.votes,
        priority=find_bands(expect_information(estimates=estimates, parameters=parameters)),
    )


def _find_sure(judged: _Judged) -> dict[int, str]:
    """By question: the truths of those that are decided and as sure as gold must be."""
    first = judged.first
    decided = np.flatnonzero((first.decision == Decision.ACCEPT) | (first.decision == Decision.REJECT)).tolist()
    found = {
        judged.questions[at].id: find_truth(probability=float(first.probability[at]), votes=int(first.votes[at]))
        for at in decided
    }
    return {pk: truth for pk, truth in found.items() if truth is not None}


def _leave_out(judged: _Judged, kept: Collection[int]) -> None:
    """Those that became gold are asked on, and nothing is decided of them."""
    for index, question in enumerate(judged.questions):
        if question.id in kept:
            judged.first.decision[index], judged.wanted[index] = Decision.ASK, question.votes_wanted


def _write_estimates(questions: Sequence[Claimed], found: Estimates, snapshot: Snapshot, at: datetime) -> None:
    columns = {
        "question": write_array([question.id for question in questions]),
        "log_odds": write_array(found.log_odds.tolist()),
        "probability": write_array(found.probability.tolist()),
        "votes": write_array(found.votes.tolist()),
    }
    _execute(WRITE_ESTIMATES, {**columns, "snapshot": snapshot.pk, "at": at})


def _follow(judged: _Judged) -> list[Claimed]:
    """Takes over what was found of the questions, which are open; returns those that changed with it."""
    changed = []
    found = zip(
        judged.questions, judged.first.decision.tolist(), judged.wanted.tolist(), judged.priority.tolist(), strict=True
    )
    for question, decision, wanted, priority in found:
        if decision != Decision.ASK or wanted != question.votes_wanted or priority != question.priority:
            question.state, question.votes_wanted, question.priority = STATE_AFTER[decision].value, wanted, priority
            changed.append(question)
    return changed


def _write_questions(questions: Sequence[Claimed], at: datetime) -> None:
    if questions:
        names = ("id", "state", "votes_wanted", "priority")
        columns = {name: write_array([getattr(question, name) for question in questions]) for name in names}
        _execute(WRITE_QUESTIONS, {**columns, "at": at})


def _execute(sql: str, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def _bump_disputes(questions: Sequence[Claimed]) -> None:
    """New evidence on an open dispute makes what a curator has on the screen stale; the same votes under another snapshot
    do not."""
    ids = [question.id for question in questions if question.due and question.state != State.OPEN]
    if ids:
        _execute(BUMP_DISPUTES, {"questions": write_array(ids)})


def _list_verdicts(judged: _Judged) -> list[Verdict]:
    """Of those that are decided."""
    first = judged.first
    return [
        Verdict(
            judged.questions[index].candidate_id,
            STATE_AFTER[int(first.decision[index])].value,
            float(first.probability[index]),
            int(first.votes[index]),
        )
        for index in np.flatnonzero((first.decision == Decision.ACCEPT) | (first.decision == Decision.REJECT)).tolist()
    ]


def _open_disputes(questions: Sequence[Claimed], found: Estimates, snapshot: Snapshot, at: datetime) -> None:
    """Where votes are spent, and where what is known has turned against the label; once a curator has decided, never again."""
    reasons = [
        (question, _find_reason(question.state, probability))
        for question, probability in zip(questions, found.probability.tolist(), strict=True)
        if question.state != State.OPEN
    ]
    known = find_ever_disputed([question.id for question, reason in reasons if reason is not None])
    Dispute.objects.bulk_create(
        Dispute(question_id=question.id, reason=reason, snapshot=snapshot, opened_at=at)
        for question, reason in reasons
        if reason is not None and question.id not in known
    )


def _find_reason(state: str, probability: float) -> Dispute.Reason | None:
    if state == State.DISPUTED:
        return Dispute.Reason.VOTES_SPENT
    turned = probability < 0.5 if state == State.ACCEPTED else probability > 0.5
    return Dispute.Reason.FLIP if turned else None
