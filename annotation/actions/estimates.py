"""From votes to estimates, decisions and labels. The database is the queue: `due_at` says what waits."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from numpy.typing import NDArray

from annotation.consensus.belief import Estimates, look_up
from annotation.consensus.decide import Decision
from annotation.consensus.information import expect_information, find_bands
from annotation.consensus.sequence import FirstDecisions, count_votes_wanted, decide_in_order
from annotation.models import Dispute, Gold, Policy, Question, Snapshot
from annotation.models.question import QuestionQuerySet
from annotation.queries.campaigns import find_policies
from annotation.queries.evidence import read_evidence
from annotation.queries.snapshots import find_rule
from hierarchy.actions.labels import Verdict, record_labels
from hierarchy.models import Label

State = Question.State
STATE_AFTER = {
    Decision.ACCEPT: State.ACCEPTED,
    Decision.REJECT: State.REJECTED,
    Decision.ASK: State.OPEN,
    Decision.DISPUTE: State.DISPUTED,
}
CHUNK = 500

WRITE_ESTIMATES = """
INSERT INTO annotation_estimate (question_id, log_odds, probability, votes, snapshot_id, estimated_at)
SELECT question_id, log_odds, probability, votes, %(snapshot)s, %(at)s
FROM unnest(%(question)s::bigint[], %(log_odds)s::float8[], %(probability)s::float8[], %(votes)s::int[])
    AS new (question_id, log_odds, probability, votes)
ON CONFLICT (question_id) DO UPDATE SET log_odds = excluded.log_odds, probability = excluded.probability,
    votes = excluded.votes, snapshot_id = excluded.snapshot_id, estimated_at = excluded.estimated_at
"""

# Most of what a new snapshot looks at stays as it is.
WRITE_QUESTIONS = """
UPDATE annotation_question AS question
SET state = new.state, votes_wanted = new.votes_wanted, priority = new.priority, decided_at = new.decided_at, due_at = NULL
FROM unnest(%(id)s::bigint[], %(state)s::text[], %(votes_wanted)s::int[], %(priority)s::int[], %(decided_at)s::timestamptz[])
    AS new (id, state, votes_wanted, priority, decided_at)
WHERE question.id = new.id AND (
    question.due_at IS NOT NULL OR question.state <> new.state
    OR (question.votes_wanted, question.priority) <> (new.votes_wanted, new.priority)
)
"""


@dataclass(frozen=True)
class _Judged:
    """Questions of one campaign with what the model makes of them, index by index."""

    questions: Sequence[Question]
    estimates: Estimates
    first: FirstDecisions
    wanted: NDArray[np.int64]
    priority: NDArray[np.int16]
    policy: Policy
    snapshot: Snapshot


@transaction.atomic
def estimate_due(*, at: datetime, limit: int = CHUNK, campaign_id: int | None = None) -> int:
    """Claims up to `limit` questions that are due, estimates and decides them; returns how many were claimed.

    Where none is due, those whose estimate was made under the oldest of earlier snapshots. `campaign_id` restricts it to a
    campaign. Questions that another worker holds are left to it. All or nothing: a worker killed in the middle leaves
    them as they were. Running it twice or late changes nothing: a question is decided, and labelled, at the vote that
    first decided it in the recorded order, under the policy and the snapshot in force. A question that is finished or
    disputed keeps its state; one whose label all its evidence speaks against goes to a curator. Active gold is never
    decided.
    """
    snapshot = Snapshot.objects.order_by("-pk").first()
    if snapshot is None:
        return 0
    asked = Question.objects.all() if campaign_id is None else Question.objects.filter(campaign_id=campaign_id)
    claimed = _claim(asked, snapshot, limit)
    if claimed:
        gold = set(Gold.objects.filter(question__in=claimed, active=True).values_list("question_id", flat=True))
        by_campaign = defaultdict(list)
        for question in claimed:
            if question.pk not in gold:
                by_campaign[question.campaign_id].append(question)
        if by_campaign:
            _estimate(by_campaign, snapshot, at)
        _write_questions(claimed)
    return len(claimed)


def _claim(asked: QuestionQuerySet, snapshot: Snapshot, limit: int) -> list[Question]:
    """Locked, in the order of their ids."""
    free = asked.select_for_update(no_key=True, skip_locked=True, of=("self",))
    claimed = list(free.filter(due_at__isnull=False).order_by("due_at")[:limit])
    if not claimed:
        outdated = free.filter(due_at__isnull=True, estimate__snapshot__lt=snapshot.pk)
        outdated = outdated.exclude(Exists(Gold.objects.filter(question=OuterRef("pk"), active=True)))
        claimed = list(outdated.order_by("estimate__snapshot_id", "estimate__question_id")[:limit])
    return sorted(claimed, key=lambda question: question.pk)


def _estimate(by_campaign: Mapping[int, Sequence[Question]], snapshot: Snapshot, at: datetime) -> None:
    policies = find_policies(list(by_campaign))
    for campaign_id, questions in by_campaign.items():
        judged = _judge(questions, policies[campaign_id], snapshot)
        _write_estimates(judged, at)
        _bump_disputes([question for question in questions if question.due_at is not None])
        verdicts = _decide(judged, at)
        _open_disputes(judged, at)
        if verdicts:
            reference = f"campaign:{judged.policy.campaign.name} snapshot:{snapshot.pk}"
            record_labels(verdicts=verdicts, source=Label.Source.CONSENSUS, source_ref=reference, by=None, at=at)


def _judge(questions: Sequence[Question], policy: Policy, snapshot: Snapshot) -> _Judged:
    evidence = read_evidence(question_ids=[question.pk for question in questions], snapshot=snapshot)
    parameters, estimates, rule = evidence.parameters, evidence.estimates, find_rule(policy, snapshot)
    first = decide_in_order(
        votes=evidence.votes,
        added=look_up(votes=evidence.votes, log_tables=evidence.log_tables),
        parameters=parameters,
        rule=rule,
        log_prior=evidence.log_prior,
    )
    more = count_votes_wanted(estimates=estimates, parameters=parameters, rule=rule) - estimates.votes
    return _Judged(
        questions=questions,
        estimates=estimates,
        first=first,
        # Leases are counted against votes in time, so late votes are evidence without taking a place.
        wanted=evidence.in_time + more,
        priority=find_bands(expect_information(estimates=estimates, parameters=parameters)),
        policy=policy,
        snapshot=snapshot,
    )


def _write_estimates(judged: _Judged, at: datetime) -> None:
    found = judged.estimates
    columns = {
        "question": [question.pk for question in judged.questions],
        "log_odds": found.log_odds.tolist(),
        "probability": found.probability.tolist(),
        "votes": found.votes.tolist(),
    }
    _execute(WRITE_ESTIMATES, {**columns, "snapshot": judged.snapshot.pk, "at": at})


def _write_questions(questions: Sequence[Question]) -> None:
    columns = {
        "id": [question.pk for question in questions],
        "state": [str(question.state) for question in questions],
        "votes_wanted": [question.votes_wanted for question in questions],
        "priority": [question.priority for question in questions],
        "decided_at": [question.decided_at for question in questions],
    }
    _execute(WRITE_QUESTIONS, columns)


def _execute(sql: str, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def _bump_disputes(questions: Sequence[Question]) -> None:
    """New evidence on an open dispute makes what a curator has on the screen stale; the same votes under another snapshot
    do not."""
    Dispute.objects.filter(question__in=questions, settled_at__isnull=True).update(version=F("version") + 1)


def _decide(judged: _Judged, at: datetime) -> list[Verdict]:
    """Sets the states of open questions, and returns the verdicts on those that are decided with it."""
    verdicts = []
    for index, question in enumerate(judged.questions):
        if question.state != State.OPEN or question.closed_at is not None:
            continue
        decision = Decision(judged.first.decision[index])
        question.state = STATE_AFTER[decision]
        question.votes_wanted, question.priority = int(judged.wanted[index]), int(judged.priority[index])
        if decision in (Decision.ACCEPT, Decision.REJECT):
            question.decided_at = at
            probability, votes = float(judged.first.probability[index]), int(judged.first.votes[index])
            verdicts.append(Verdict(question.candidate_id, question.state, probability, votes))
    return verdicts


def _open_disputes(judged: _Judged, at: datetime) -> None:
    """Where votes are spent, and where what is known has turned against the label; once a curator has decided, never again."""
    known = set(Dispute.objects.filter(question__in=judged.questions).values_list("question_id", flat=True))
    reasons = [
        (question, _find_reason(question, float(probability)))
        for question, probability in zip(judged.questions, judged.estimates.probability, strict=True)
        if question.pk not in known
    ]
    Dispute.objects.bulk_create(
        Dispute(question=question, reason=reason, snapshot=judged.snapshot, opened_at=at)
        for question, reason in reasons
        if reason is not None
    )


def _find_reason(question: Question, probability: float) -> Dispute.Reason | None:
    if question.state == State.DISPUTED:
        return Dispute.Reason.VOTES_SPENT
    turned = probability < 0.5 if question.state == State.ACCEPTED else probability > 0.5
    return Dispute.Reason.FLIP if question.state != State.OPEN and turned else None
