"""From votes to estimates, decisions and labels. The database is the queue: `due_at` says what waits."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from annotation.consensus.decide import Decision, Rule, votes_wanted
from annotation.consensus.estimate import Estimates, estimate_questions
from annotation.consensus.model import Parameters
from annotation.consensus.sequence import FirstDecisions, decide_in_order
from annotation.models import Dispute, Estimate, Gold, Policy, Question, Snapshot
from annotation.queries.campaigns import find_policies, find_rule
from annotation.queries.votes import QuestionVotes, read_votes
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


@dataclass(frozen=True)
class _Judged:
    """Questions of one campaign with what the model makes of them, index by index."""

    questions: Sequence[Question]
    estimates: Estimates
    first: FirstDecisions
    wanted: Sequence[int]
    policy: Policy


@transaction.atomic
def estimate_due(*, at: datetime, limit: int = CHUNK) -> int:
    """Claims up to `limit` questions that are due, estimates and decides them; returns how many were claimed.

    Questions that another worker holds are left to it. All or nothing: a worker killed in the middle leaves them due.
    Running it twice or late changes nothing: a question is decided, and labelled, at the vote that first decided it in
    the recorded order, under the policy and the snapshot in force. A question that is finished or disputed keeps its
    state; one whose label all its evidence speaks against goes to a curator. Active gold is never decided.
    """
    claimed = _claim(limit)
    if not claimed:
        return 0
    gold = set(Gold.objects.filter(question__in=claimed, active=True).values_list("question_id", flat=True))
    by_campaign = defaultdict(list)
    for question in claimed:
        question.due_at = None
        if question.pk not in gold:
            by_campaign[question.campaign_id].append(question)
    if by_campaign:
        _estimate(by_campaign, at)
    Question.objects.bulk_update(claimed, ["state", "votes_wanted", "decided_at", "due_at"])
    return len(claimed)


def _claim(limit: int) -> list[Question]:
    """Locked, in the order of their ids."""
    due = (
        Question.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .filter(due_at__isnull=False)
        .order_by("due_at")[:limit]
    )
    return sorted(due, key=lambda question: question.pk)


def _estimate(by_campaign: Mapping[int, Sequence[Question]], at: datetime) -> None:
    snapshot = Snapshot.objects.latest("pk")
    policies = find_policies(list(by_campaign))
    for campaign_id, questions in by_campaign.items():
        judged = _judge(questions, policies[campaign_id], Parameters.from_json(snapshot.parameters))
        _write_estimates(judged, snapshot, at)
        _bump_disputes(questions)
        verdicts = _decide(judged, at)
        _open_disputes(judged, at)
        if verdicts:
            reference = f"campaign:{judged.policy.campaign.name} snapshot:{snapshot.pk}"
            record_labels(verdicts=verdicts, source=Label.Source.CONSENSUS, source_ref=reference, by=None, at=at)


def _judge(questions: Sequence[Question], policy: Policy, parameters: Parameters) -> _Judged:
    rule = find_rule(policy)
    votes = read_votes([question.pk for question in questions])
    estimates = estimate_questions(
        votes_question=votes.question, votes_answer=votes.answer, questions=len(questions), parameters=parameters
    )
    first = decide_in_order(
        votes_question=votes.question,
        votes_answer=votes.answer,
        questions=len(questions),
        parameters=parameters,
        rule=rule,
    )
    return _Judged(questions, estimates, first, _ask_for(votes, estimates, parameters, rule), policy)


def _ask_for(votes: QuestionVotes, estimates: Estimates, parameters: Parameters, rule: Rule) -> list[int]:
    """Leases are counted against votes in time, so late votes are evidence without taking a place."""
    more = votes_wanted(estimates, parameters, rule) - estimates.votes
    return [int(number) for number in votes.in_time + more]


def _write_estimates(judged: _Judged, snapshot: Snapshot, at: datetime) -> None:
    found = judged.estimates
    Estimate.objects.bulk_create(
        [
            Estimate(
                question=question,
                log_odds=float(found.log_odds[index]),
                probability=float(found.probability[index]),
                votes=int(found.votes[index]),
                snapshot=snapshot,
                estimated_at=at,
            )
            for index, question in enumerate(judged.questions)
        ],
        update_conflicts=True,
        unique_fields=["question"],
        update_fields=["log_odds", "probability", "votes", "snapshot", "estimated_at"],
    )


def _bump_disputes(questions: Sequence[Question]) -> None:
    """New evidence on an open dispute makes what a curator has on the screen stale."""
    Dispute.objects.filter(question__in=questions, settled_at__isnull=True).update(version=F("version") + 1)


def _decide(judged: _Judged, at: datetime) -> list[Verdict]:
    """Sets the states of open questions, and returns the verdicts on those that are decided with it."""
    verdicts = []
    for index, question in enumerate(judged.questions):
        if question.state != State.OPEN or question.closed_at is not None:
            continue
        decision = Decision(judged.first.decision[index])
        question.state = STATE_AFTER[decision]
        question.votes_wanted = judged.wanted[index]
        if decision in (Decision.ACCEPT, Decision.REJECT):
            question.decided_at = at
            probability, votes = float(judged.first.probability[index]), int(judged.first.votes[index])
            verdicts.append(Verdict(question.candidate_id, question.state, probability, votes))
    return verdicts


def _open_disputes(judged: _Judged, at: datetime) -> None:
    """Where votes are spent, and where they have turned against the label; once a curator has decided, never again."""
    known = set(Dispute.objects.filter(question__in=judged.questions).values_list("question_id", flat=True))
    reasons = [
        (question, _find_reason(question, float(probability)))
        for question, probability in zip(judged.questions, judged.estimates.probability, strict=True)
        if question.pk not in known
    ]
    Dispute.objects.bulk_create(
        Dispute(question=question, reason=reason, opened_at=at) for question, reason in reasons if reason is not None
    )


def _find_reason(question: Question, probability: float) -> Dispute.Reason | None:
    if question.state == State.DISPUTED:
        return Dispute.Reason.VOTES_SPENT
    turned = probability < 0.5 if question.state == State.ACCEPTED else probability > 0.5
    return Dispute.Reason.FLIP if question.state != State.OPEN and turned else None
