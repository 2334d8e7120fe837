"""Bars and appeals: a person's own, and those that wait for a curator."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Prefetch, QuerySet

from annotation.models import Annotator, Appeal, Bar
from annotation.queries.annotators import Answered, count_answered
from hierarchy.errors import NotFound


def find_open_bar(annotator: Annotator) -> Bar | None:
    """The bar under which an annotator stands, if any."""
    return Bar.objects.filter(annotator=annotator, ended_at__isnull=True).first()


def find_bar_of_user(user: User) -> Bar | None:
    """The open bar of an account, None where nobody barred it. One query."""
    return Bar.objects.filter(annotator__user_id=user.pk, ended_at__isnull=True).first()


def list_bars(annotator: Annotator) -> list[Bar]:
    """Every bar of an annotator, ended ones too, the newest first, with who decided and with its appeals in order. Two queries."""
    appeals = Prefetch("appeals", Appeal.objects.select_related("answered_by").order_by("pk"))
    bars = Bar.objects.filter(annotator=annotator).select_related("by", "ended_by").order_by("-pk")
    return list(bars.prefetch_related(appeals))


def list_open_appeals() -> QuerySet[Appeal]:
    """Appeals that wait for a curator, with their bars and annotators; the oldest first."""
    waiting = Appeal.objects.filter(answered_at__isnull=True)
    return waiting.select_related("bar__annotator", "bar__by", "answered_by").order_by("pk")


def find_appeal(appeal_id: int) -> Appeal:
    """An appeal, waiting or answered, with the same relations."""
    appeals = Appeal.objects.select_related("bar__annotator", "bar__by", "answered_by")
    appeal = appeals.filter(pk=appeal_id).first()
    if appeal is None:
        raise NotFound("There is no such appeal.")
    return appeal


@dataclass(frozen=True)
class Evidence:
    """An appeal with what its annotator answered."""

    appeal: Appeal
    answered: Answered


def add_evidence(appeals: Sequence[Appeal]) -> list[Evidence]:
    """Each appeal with the votes and the score on gold of its annotator. One query."""
    answered = count_answered([appeal.bar.annotator_id for appeal in appeals])
    return [Evidence(appeal, answered.get(appeal.bar.annotator_id, Answered())) for appeal in appeals]
