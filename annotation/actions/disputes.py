"""Curators settle what votes could not."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import UNFINISHED, Campaign, Dispute, DueQuestions, Question, Vote
from hierarchy.actions.audit import append_entry
from hierarchy.actions.labels import Verdict, record_labels
from hierarchy.errors import Conflict, InvalidInput, NotFound, NotPermitted
from hierarchy.models import AuditAction, Candidate, Label

REASON_LENGTH = 2000


@transaction.atomic
def settle_dispute(*, dispute_id: int, verdict: str, reason: str, version: int, by: User, at: datetime) -> Dispute:
    """A curator's decision: closes the dispute, decides the question and labels the candidate (source CURATOR), unless
    a later campaign has decided on the candidate meanwhile.

    Conflict when the dispute was settled, or when votes have come since `version` was read; NotPermitted for somebody
    who voted on the question; InvalidInput for an unknown verdict or an empty reason.
    """
    _check_decision(verdict, reason)
    found = Dispute.objects.filter(pk=dispute_id).values_list("question_id", flat=True).first()
    if found is None:
        raise NotFound("There is no such dispute.")
    question = Question.objects.select_for_update(no_key=True).get(pk=found)
    dispute = Dispute.objects.select_for_update().get(pk=dispute_id)
    if dispute.settled_at is not None:
        raise Conflict(_("This dispute was settled already."))
    if DueQuestions.objects.filter(questions__contains=[question.pk]).exists():
        raise Conflict(_("Votes have come that are being estimated. Look again in a moment."))
    if dispute.version != version:
        raise Conflict(
            _("Votes have come since you read it: version %(now)s now, not %(read)s. Look again.")
            % {"now": dispute.version, "read": version}
        )
    if Vote.objects.ever_on(question.pk).filter(annotator__user=by).exists():
        raise NotPermitted(_("You voted on this question, so another curator has to settle it."))
    dispute.settled_at, dispute.settled_by = at, by
    dispute.verdict, dispute.explanation = verdict, reason.strip()
    dispute.save(update_fields=["settled_at", "settled_by", "verdict", "explanation"])
    question.state, question.decided_at = verdict, at
    question.save(update_fields=["state", "decided_at"])
    _label(dispute, question, by, at)
    # Not the reason: people type it.
    detail = {"question": question.pk, "verdict": verdict}
    append_entry(action=AuditAction.SETTLE_DISPUTE, subject=f"dispute:{dispute.pk}", detail=detail, by=by)
    return dispute


def open_flagged_dispute(*, question_id: int, at: datetime) -> None:
    """Sends a question that annotators flagged to the curators' desk, in the caller's transaction; one that waits there already stays.
    An open question is asked no more; a finished one keeps its label until the decision.

    Conflict for gold, which is never decided, and for a question that its closed campaign left unfinished.
    """
    question = Question.objects.select_for_update(no_key=True).get(pk=question_id)
    if question.is_gold:
        raise Conflict(_("This question is gold, which is never decided: retire it first."))
    unfinished = question.state in UNFINISHED
    if unfinished and (question.closed_at is not None or question.campaign.state == Campaign.State.CLOSED):
        raise Conflict(_("Its campaign was closed before it was finished: nobody decides it any more."))
    if Dispute.objects.filter(question=question, settled_at__isnull=True).exists():
        return
    Dispute.objects.create(question=question, reason=Dispute.Reason.FLAGGED, opened_at=at)
    if unfinished:
        question.state = Question.State.DISPUTED
        question.save(update_fields=["state"])


def _check_decision(verdict: str, reason: str) -> None:
    problems: dict[str, str] = {}
    if verdict not in Label.Verdict.values:
        problems["verdict"] = _("must be one of %(values)s") % {"values": ", ".join(Label.Verdict.values)}
    if not 1 <= len(reason.strip()) <= REASON_LENGTH:
        problems["reason"] = _("must have 1 to %(most)s characters") % {"most": REASON_LENGTH}
    if problems:
        raise InvalidInput(problems)


def _label(dispute: Dispute, question: Question, by: User, at: datetime) -> None:
    if _is_asked_anew(question):
        return
    decided = Verdict(
        candidate_id=question.candidate_id,
        verdict=dispute.verdict,
        probability=1.0 if dispute.verdict == Label.Verdict.ACCEPTED else 0.0,
        votes=Vote.objects.standing().filter(question=question).count(),
    )
    reference = f"campaign:{question.campaign.name} dispute:{dispute.pk}"
    record_labels(verdicts=[decided], source=Label.Source.CURATOR, source_ref=reference, by=by, at=at)


def _is_asked_anew(question: Question) -> bool:
    """Whether a later campaign has decided on the candidate: its label stands above those of earlier campaigns."""
    # Labels of a candidate are written under its lock: whoever decides meanwhile comes before this or after the label.
    Candidate.objects.select_for_update(no_key=True).get(pk=question.candidate_id)
    later = Question.objects.filter(candidate_id=question.candidate_id, asked_at__gt=question.asked_at)
    return later.filter(decided_at__isnull=False).exists()
