"""Flags: an annotator's own, and what waits for curators."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from annotation.models import Annotator, Batch, Flag, Gold, Question, Vote
from hierarchy.models import Label, Synset

# So many of the newest that wait are looked at; what lies behind them comes to the front as these are closed.
LOOKED_AT = 10_000
TEXTS = 5

OWN = """
SELECT item.position, flag.kind FROM annotation_batchitem AS item
JOIN annotation_flag AS flag ON flag.question_id = item.question_id AND flag.annotator_id = %(annotator)s
WHERE item.batch_id = %(batch)s AND flag.withdrawn_at IS NULL AND flag.kind <> 'CONTESTED'
UNION ALL
SELECT NULL, flag.kind FROM annotation_flag AS flag
WHERE flag.annotator_id = %(annotator)s AND flag.synset_id = %(synset)s AND flag.question_id IS NULL
  AND flag.withdrawn_at IS NULL
"""

# By thing: a question, or the definition of a synset. The row behind which the list goes on is left out.
GROUPS = """
SELECT * FROM (
    SELECT recent.question_id, recent.synset_id, count(*) AS flags, max(recent.id) AS newest, array_agg(recent.kind) AS kinds
    FROM (SELECT flag.* FROM annotation_flag AS flag WHERE flag.closed_at IS NULL AND flag.withdrawn_at IS NULL
          ORDER BY flag.id DESC LIMIT %(looked_at)s) AS recent
    GROUP BY recent.question_id, recent.synset_id
) AS grouped
WHERE (%(kind)s = '' OR %(kind)s = ANY(kinds)) AND (%(newest)s::bigint IS NULL OR {behind})
ORDER BY {order} LIMIT %(limit)s
"""
ORDERS = {
    "most": GROUPS.format(
        behind="(flags, newest) < (%(flags)s::bigint, %(newest)s::bigint)", order="flags DESC, newest DESC"
    ),
    "newest": GROUPS.format(behind="newest < %(newest)s::bigint", order="newest DESC"),
}


def list_own_flags(annotator_id: int, batch: Batch) -> set[tuple[int | None, str]]:
    """What this annotator has flagged of a page: position (None for the definition) and kind. One query."""
    with connection.cursor() as cursor:
        cursor.execute(OWN, {"annotator": annotator_id, "batch": batch.pk, "synset": batch.synset_id})
        return {(position, kind) for position, kind in cursor.fetchall()}


def list_own_answers(annotator: Annotator) -> QuerySet[Vote]:
    """Standing votes of an annotator with image, synset and the flag by which they contested them, if any; read in the order of ids."""
    return (
        Vote.objects.standing()
        .filter(annotator=annotator)
        .select_related("question__candidate__image", "question__synset")
    )


def find_contests(annotator: Annotator, question_ids: Sequence[int]) -> dict[int, Flag]:
    """By question, what this annotator contested."""
    contested = Flag.objects.standing().filter(
        annotator=annotator, kind=Flag.Kind.CONTESTED, question_id__in=question_ids
    )
    return {flag.question_id: flag for flag in contested if flag.question_id is not None}


@dataclass(frozen=True)
class Contest:
    """What an annotator wrote, and what they had answered."""

    annotator_id: int
    answer: str
    text: str


@dataclass(frozen=True)
class Flagged:
    """A question (else a definition) about which flags wait: how many of each kind, the commonest first; `newest` is the latest of them."""

    synset: Synset
    question: Question | None
    flags: int
    newest: int
    kinds: list[tuple[Flag.Kind, int]]
    contests: list[Contest] = field(default_factory=list)
    truth: str = ""
    verdict: str = ""


def list_flagged(*, order: str, kind: str, behind: tuple[int, int] | None, limit: int) -> list[Flagged]:
    """What waits for curators, `order` "most" or "newest" first, only with flags of a kind where one is given; `behind` are flags and
    newest of the row after which it begins. Seven queries at most."""
    flags, newest = behind or (None, None)
    values: dict[str, Any] = {"looked_at": LOOKED_AT, "kind": kind, "flags": flags, "newest": newest, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(ORDERS[order], values)
        rows = cursor.fetchall()
    asked = [row[0] for row in rows if row[0] is not None]
    questions = Question.objects.select_related("campaign", "synset", "candidate__image").in_bulk(asked)
    synsets = Synset.objects.in_bulk([row[1] for row in rows if row[0] is None])
    known = _read_known(questions)
    return [
        Flagged(
            synset=questions[asked_id].synset if asked_id is not None else synsets[synset_id],
            question=questions.get(asked_id),
            flags=count,
            newest=last,
            kinds=[(Flag.Kind(name), number) for name, number in Counter(kinds).most_common()],
            **known.get(asked_id, {}),
        )
        for asked_id, synset_id, count, last, kinds in rows
    ]


def _read_known(questions: dict[int, Question]) -> dict[int | None, dict[str, Any]]:
    """Of each question: what was written about it, the truth where it is gold, the current verdict."""
    if not questions:
        return {}
    truths = dict(Gold.objects.filter(question__in=questions, active=True).values_list("question_id", "truth"))
    candidates = {question.candidate_id: pk for pk, question in questions.items()}
    labels = Label.objects.current().filter(candidate__in=candidates).values_list("candidate_id", "verdict")
    verdicts = {candidates[candidate]: verdict for candidate, verdict in labels}
    contests = _read_contests(list(questions))
    return {
        pk: {"contests": contests[pk], "truth": truths.get(pk, ""), "verdict": verdicts.get(pk, "")} for pk in questions
    }


def _read_contests(question_ids: list[int]) -> dict[int, list[Contest]]:
    """The newest TEXTS of each question."""
    found: dict[int, list[Contest]] = defaultdict(list)
    contested = Flag.objects.waiting().filter(kind=Flag.Kind.CONTESTED, question_id__in=question_ids)
    rows: list[Any] = list(contested.order_by("-pk")[:LOOKED_AT].values_list("question_id", "annotator_id", "text"))
    given = Vote.objects.standing().filter(
        question__in=question_ids, annotator__in={annotator for _, annotator, _ in rows}
    )
    answers = {
        (question, annotator): answer
        for question, annotator, answer in given.values_list("question_id", "annotator_id", "answer")
    }
    for question, annotator, text in rows:
        if len(found[question]) < TEXTS:
            found[question].append(Contest(annotator, answers.get((question, annotator), ""), text))
    return found
