"""A new snapshot looks at open questions again, in ranges of their ids that as many workers share as are there: those that have
an estimate are scored, the others ask for as many votes as it wants."""

from dataclasses import dataclass

from django.db import connection

from annotation.actions.unseen import IDS_AT_ONCE, ask_unseen_between, list_asking_policies
from annotation.models import RescoredRange, Snapshot
from annotation.queries.claims import Claimed, claim_open_outdated

QUESTIONS_OF_A_RANGE = 100_000

DIVIDE = """
INSERT INTO annotation_rescoredrange (snapshot_id, reached, last)
SELECT %(snapshot)s, part - 1, part + %(size)s - 1
FROM (SELECT min(id) AS first, max(id) AS last FROM annotation_question) AS question,
     generate_series(question.first, question.last, %(size)s) AS part
"""


def divide_questions(*, snapshot_id: int) -> None:
    """Makes all ranges of questions wait for this snapshot; what is left of earlier ones' is dropped."""
    RescoredRange.objects.exclude(snapshot=snapshot_id).delete()
    with connection.cursor() as cursor:
        cursor.execute(DIVIDE, {"snapshot": snapshot_id, "size": QUESTIONS_OF_A_RANGE})


@dataclass(frozen=True)
class Step:
    """Open questions to be scored again, locked; and how many of which nothing is known ask otherwise now."""

    claimed: list[Claimed]
    asked: int

    @property
    def size(self) -> int:
        return len(self.claimed) + self.asked


def take_step(*, snapshot: Snapshot, limit: int) -> Step:
    """The next open questions of a range that nobody else is at, locked with it, as many as `limit` if it has them; none where no
    range is left.

    The caller scores them in the same transaction. Those that somebody holds are passed over: they are found later by the
    age of their estimates.
    """
    waiting = RescoredRange.objects.select_for_update(skip_locked=True, of=("self",)).filter(snapshot=snapshot)
    step = Step([], 0)
    while not step.size and (part := waiting.order_by("pk").first()) is not None:
        step = _look_through(part, snapshot, limit)
        if part.reached == part.last:
            part.delete()
        else:
            part.save(update_fields=["reached"])
    return step


def _look_through(part: RescoredRange, snapshot: Snapshot, limit: int) -> Step:
    """What there is to do in the range, until it is so much; the caller saves how far it was reached."""
    policies, step = list_asking_policies(), Step([], 0)
    while step.size < limit and part.reached < part.last:
        after, last, room = part.reached, min(part.last, part.reached + IDS_AT_ONCE), limit - step.size
        found = claim_open_outdated(snapshot_id=snapshot.pk, after=after, last=last, limit=room)
        part.reached = found[-1].id if len(found) == room else last
        asked = ask_unseen_between(snapshot=snapshot, policies=policies, after=after, last=part.reached)
        step = Step([*step.claimed, *found], step.asked + asked)
    return step
