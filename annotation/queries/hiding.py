"""Where gold stands among the questions of a page, so that nothing tells it from the others (docs/adr/0038).

Each free question that an annotator walks by is a place. Whether gold comes first at a place, and which, hangs on the annotator and
the question alone: gold comes, is kept, comes again and goes exactly as the ordinary question whose place it has. Once it is answered,
the place is the question's own.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection

from annotation.models.question import RING
from annotation.queries.holds import HELD_BY_THEM, VOTED
from hierarchy.queries.plain import execute_planned

# Of so much gold one is chosen for a place.
POOL = 200
_PRIME = 2**61 - 1

# From a secret lot on and round the ring; what the annotator has answered or has on a page is over.
_PART = f"""(SELECT question.id, question.lot, {{part}} AS part FROM annotation_question AS question
     WHERE question.campaign_id = %(campaign)s AND question.synset_id = %(synset)s AND question.is_gold
       AND question.lot {{side}} %(lot)s::int AND NOT {VOTED} AND NOT {HELD_BY_THEM}
     ORDER BY question.lot)"""  # noqa: S608 (constants of this project)
READ_POOL = f"""
SELECT gold.question_id, gold.truth = 'YES'
FROM ({_PART.format(part=0, side=">=")} UNION ALL {_PART.format(part=1, side="<")} ORDER BY part, lot) AS question
JOIN annotation_gold AS gold ON gold.question_id = question.id AND gold.active AND gold.exposures < %(exposures)s
LIMIT {POOL}
"""  # noqa: S608 (constants of this project)


class Place(NamedTuple):
    """A question that is free for an annotator. `had`: they have answered the gold that stood here; `before`: the gold that stood
    here last and is still to be answered."""

    question: int
    had: bool = False
    before: int | None = None


class Filled(NamedTuple):
    """A place with the gold that comes first there; None: none."""

    question: int
    gold: int | None


def read_pool(*, secret: str, parameters: Mapping[str, Any]) -> dict[int, bool]:
    """Gold of a synset that an annotator has neither answered nor before them: whether it is true, by question. One query, which is asked
    for every page, so that its time tells nothing."""
    lot = digest(f"{secret}:gold:{parameters['synset']}") % RING
    with connection.cursor() as cursor:
        execute_planned(cursor, READ_POOL, {**parameters, "lot": lot})
        return dict(cursor.fetchall())


def fill_places(places: Sequence[Place], *, pool: Mapping[int, bool], secret: str, rate: float) -> list[Filled]:
    """Index by index. In the long run a share `rate` (below 1) of what an annotator is asked is gold, half of it true, as long as the pool has
    both; a place for which none is left has its question."""
    keys = {gold: digest(f"{secret}:{gold}") for gold in pool}
    # Each question is asked as well, sooner or later: gold comes on top of these.
    share = rate / (1 - rate)
    filled = []
    for place in places:
        drawn = digest(f"{secret}:place:{place.question}")
        gold = None
        if not place.had and drawn / 2**48 < share:
            gold = (
                place.before if place.before in keys else _choose(keys, pool, digest(f"{secret}:at:{place.question}"))
            )
            keys.pop(gold, None)  # type: ignore[arg-type]
        filled.append(Filled(place.question, gold))
    return filled


def _choose(keys: Mapping[int, int], pool: Mapping[int, bool], drawn: int) -> int | None:
    """The same for the same place, whatever else is in the pool, as long as it is there itself."""
    wanted = bool(drawn % 2)
    return min(keys, key=lambda gold: (pool[gold] != wanted, keys[gold] * drawn % _PRIME), default=None)


def digest(text: str) -> int:
    """A number in [0, 2**48) that nobody can foretell who does not know the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
