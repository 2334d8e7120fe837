"""What curators see of annotators: how each answers, and what each has done. Always by number, never by account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q
from django.db.models.expressions import OrderBy

from annotation.models import Annotator, Bar, Batch, Conduct, Skill, Snapshot, Vote
from hierarchy.errors import NotFound

# Columns by which annotators can be listed: all but the number are of their skill.
ORDERS: Mapping[str, str] = {
    "number": "pk",
    "votes": "skill__votes",
    "sensitivity": "skill__sensitivity",
    "specificity": "skill__specificity",
    "unsure": "skill__unsure_rate",
    "bits": "skill__bits",
}


@dataclass(frozen=True)
class Answered:
    """Standing votes of an annotator; how many of them are on gold whose truth was there before it was asked, and how many
    of these are right."""

    votes: int = 0
    gold: int = 0
    right: int = 0
    newest_at: datetime | None = None


@dataclass(frozen=True)
class ListedAnnotator:
    """`skill` is None where the snapshot in force has learned nothing of the annotator, `bar` where none is open."""

    annotator: Annotator
    skill: Skill | None
    answered: Answered
    bar: Bar | None


def list_annotators(
    *, snapshot: Snapshot, order: str, descending: bool, start: int, count: int
) -> list[ListedAnnotator]:
    """`count` of those who have voted or are barred, from place `start` on, by a name in `ORDERS`; those of whom nothing is
    known come last. Four queries."""
    page = list(
        Annotator.objects.annotate(skill=FilteredRelation("skills", condition=Q(skills__snapshot=snapshot)))
        .filter(Exists(Vote.objects.filter(annotator=OuterRef("pk"))) | Q(barred_at__isnull=False))
        .order_by(OrderBy(F(ORDERS[order]), descending=descending, nulls_last=True), "pk")[start : start + count]
    )
    ids = [annotator.pk for annotator in page]
    skills = {skill.annotator_id: skill for skill in Skill.objects.filter(snapshot=snapshot, annotator__in=ids)}
    answered = count_answered(ids)
    bars = {bar.annotator_id: bar for bar in Bar.objects.filter(annotator__in=ids, ended_at=None)}
    return [
        ListedAnnotator(
            annotator, skills.get(annotator.pk), answered.get(annotator.pk, Answered()), bars.get(annotator.pk)
        )
        for annotator in page
    ]


# Gold that votes themselves settled was not asked whatever they said.
ANSWERED = """
SELECT vote.annotator_id, count(*), count(gold.id), count(gold.id) FILTER (WHERE gold.truth = vote.answer),
       max(vote.voted_at)
FROM annotation_vote AS vote
LEFT JOIN annotation_gold AS gold ON gold.question_id = vote.question_id AND gold.active AND gold.source <> 'SETTLED'
WHERE vote.annotator_id = ANY(%s) AND vote.withdrawn_at IS NULL GROUP BY vote.annotator_id
"""


def count_answered(annotator_ids: list[int]) -> dict[int, Answered]:
    """By annotator; nothing for those without standing votes. One query."""
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, [annotator_ids])
        return {annotator_id: Answered(*numbers) for annotator_id, *numbers in cursor.fetchall()}


def find_annotator_by_number(number: int) -> Annotator:
    """With their account."""
    annotator = Annotator.objects.select_related("user", "conduct").filter(pk=number).first()
    if annotator is None:
        raise NotFound(f"There is no annotator {number}.")
    return annotator


def list_circle(annotator: Annotator) -> list[int]:
    """The others who make the same mistakes, by number; one query where there is a circle."""
    conduct = getattr(annotator, "conduct", None)
    if conduct is None or conduct.circle is None:
        return []
    others = Conduct.objects.filter(circle=conduct.circle).exclude(annotator=annotator)
    return list(others.order_by("annotator").values_list("annotator", flat=True))


def find_newest_skill(annotator: Annotator) -> Skill | None:
    """The last that was learned of an annotator, with its snapshot: nothing new is learned of who is barred."""
    return Skill.objects.filter(annotator=annotator).select_related("snapshot").order_by("-snapshot").first()


def list_newest_pages(annotator: Annotator, *, count: int) -> list[Batch]:
    """Pages of pictures the annotator got, with campaign and synset, the newest first."""
    pages = Batch.objects.filter(annotator=annotator).select_related("campaign", "synset")
    return list(pages.order_by("-leased_at")[:count])
