"""Which gold an annotator is asked, and where, so that nothing tells it from other questions (docs/adr/0038).

Beside a share of an annotator's questions there is a place for gold (queries/assignment.py); which ones, and where in the order, hangs on the
annotator and the question alone. Such a place is free as long as its question asks for votes, and over once gold was answered there. So
gold comes, comes again and goes as ordinary questions do, whatever a client tries.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection

from annotation.models.question import RING
from annotation.queries.holds import HELD_BY_THEM, TAKEN_BY_CIRCLE, VOTED
from hierarchy.queries.plain import execute_planned

# Of so much gold one is chosen for a place.
POOL = 200
_PRIME = 2**61 - 1

# From a secret lot on and round the ring; what the annotator or one of their circle has answered or has on a page is over: as with other
# questions, or whatever two of a circle are both asked would be gold.
_PART = f"""(SELECT question.id, question.lot, {{part}} AS part FROM annotation_question AS question
     WHERE question.campaign_id = %(campaign)s AND question.synset_id = %(synset)s AND question.is_gold
       AND question.lot {{side}} %(lot)s::int AND NOT {VOTED} AND NOT {HELD_BY_THEM} AND NOT {TAKEN_BY_CIRCLE}
     ORDER BY question.lot)"""  # noqa: S608 (constants of this project)
READ_POOL = f"""
SELECT gold.question_id, gold.truth = 'YES'
FROM ({_PART.format(part=0, side=">=")} UNION ALL {_PART.format(part=1, side="<")} ORDER BY part, lot) AS question
JOIN annotation_gold AS gold ON gold.question_id = question.id AND gold.active AND gold.exposures < %(exposures)s
LIMIT {POOL}
"""  # noqa: S608 (constants of this project)


class Place(NamedTuple):
    """A free question, or a place for gold beside one. `before`: the gold that was asked there last and is still to be answered."""

    question: int
    gold: bool = False
    before: int | None = None


class Asked(NamedTuple):
    """A question to ask; as long as it is there, `gold` instead, beside it."""

    question: int
    gold: int | None


def read_pool(*, secret: str, parameters: Mapping[str, Any]) -> dict[int, bool]:
    """Gold of a synset that neither an annotator nor one of their circle has answered or has before them: whether it is true, by question. One query, which is asked
    for every page, so that its time tells nothing."""
    lot = digest(f"{secret}:gold:{parameters['synset']}") % RING
    with connection.cursor() as cursor:
        execute_planned(cursor, READ_POOL, {**parameters, "lot": lot})
        return dict(cursor.fetchall())


def find_share(rate: float, pool: Mapping[int, bool]) -> float:
    """Beside which share of questions there is a place for gold, so that a share `rate` (below 1) of all that is asked is gold."""
    return rate / (1 - rate) if pool else 0.0


def choose_gold(places: Sequence[Place], *, pool: Mapping[int, bool], secret: str) -> list[Asked]:
    """What to ask, in the order of `places`; places for which no gold is left go. Half of it is true, as long as the pool has both."""
    keys = {gold: digest(f"{secret}:{gold}") for gold in pool}
    chosen = []
    for place in places:
        gold = None
        if place.gold:
            gold = (
                place.before if place.before in keys else _choose(keys, pool, digest(f"{secret}:at:{place.question}"))
            )
            if gold is None:
                continue
            keys.pop(gold)
        chosen.append(Asked(place.question, gold))
    return chosen


def _choose(keys: Mapping[int, int], pool: Mapping[int, bool], drawn: int) -> int | None:
    """The same for the same place, whatever else is in the pool, as long as it is there itself."""
    wanted = bool(drawn % 2)
    return min(keys, key=lambda gold: (pool[gold] != wanted, keys[gold] * drawn % _PRIME), default=None)


def digest(text: str) -> int:
    """A number in [0, 2**48) that nobody can foretell who does not know the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
