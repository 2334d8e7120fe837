"""Which questions an annotator may be asked, and in which order.

A question is free for an annotator when it is open and no gold, asks for more votes than it has (votes in time of annotators
who are not barred, plus live leases), and this annotator has neither voted on it nor holds it on a live page. Time is the
database's.

The open questions of a synset lie, band by band of their priority, on a ring of lots. An annotator walks each ring from a secret
place on, ZONE questions at a time; within these the order is secret, too (docs/adr/0018). What lies behind is not looked at
again before the ring has been walked, so a page costs the same for whoever has seen much and in however large a synset.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection
from django.utils.crypto import salted_hmac

from annotation.consensus.information import BANDS
from annotation.models import Annotator, Campaign, Conduct
from annotation.models.question import RING
from annotation.queries.hiding import Place, digest
from annotation.queries.holds import HELD_BY_THEM, LIVE, TAKEN_BY_CIRCLE, VOTED
from hierarchy.queries.plain import execute_planned

# Questions of one band that are looked at for a page; more only where none of these is free.
ZONE = 100
LARGEST_ZONE = 5_000
# So many times as many questions are found as are wanted.
SPARE = 2

# What an index holds of questions that want votes.
WANTS_VOTES = (
    """question.state = 'OPEN' AND question.closed_at IS NULL AND NOT question.is_gold AND question.has_room"""
)

# In [0, 1), secret.
DRAWN = "('x' || left(md5(%(secret)s::text || ':beside:' || looked.id), 8))::bit(32)::bigint / 4294967296.0"

# The gold that was on pages of the annotator's beside a question: whether any was answered, or is on a page they hold, and the newest.
BESIDE = f"""SELECT coalesce(bool_or(EXISTS (
               SELECT 1 FROM annotation_vote AS vote
               WHERE vote.question_id = item.question_id AND vote.annotator_id = %(annotator)s AND vote.withdrawn_at IS NULL)),
               false) AS had,
           coalesce(bool_or({LIVE}), false) AS held,
           (array_agg(item.question_id ORDER BY batch.leased_at DESC))[1] AS before
    FROM annotation_batchitem AS item JOIN annotation_batch AS batch ON batch.id = item.batch_id
    WHERE item.beside_id = looked.id AND batch.annotator_id = %(annotator)s"""

# Of a question's holds those whose leases have not expired.
LIVE_HOLDS = "ARRAY(SELECT held.until FROM unnest(question.held_until) AS held (until) WHERE held.until > now())"

HAS_ROOM = """
    question.state = 'OPEN' AND question.closed_at IS NULL AND NOT question.is_gold
    AND question.votes_in_time + CASE WHEN question.held_until = '{}' THEN 0 ELSE
            (SELECT count(*) FROM unnest(question.held_until) AS held (until) WHERE held.until > now()) END
        < least(question.votes_wanted, %(cap)s::int)
"""

# Stretch after stretch, and no further than rows are wanted. Each question is there as itself and, where a secret number of it and the
# annotator is small, as the place of gold beside it (queries/hiding.py), anywhere among the others of its zone. A zone in which nothing is
# free gives one row without an id. The place of the next walk lies before the first question without a vote of the annotator's, or with gold
# to come: what they only hold may be given back.
FIND = f"""
SELECT stretch.step, found.id, found.gold, found.before, found.place, CASE WHEN found.rows = %(zone)s::bigint THEN found.last END
FROM unnest(%(bands)s::int[], %(lows)s::bigint[], %(highs)s::bigint[]) WITH ORDINALITY AS stretch (band, low, high, step)
CROSS JOIN LATERAL (
    SELECT CASE WHEN zone.free THEN zone.id END AS id, zone.gold, zone.before, zone.place, zone.last, zone.rows
    FROM (
        SELECT near.*, bool_or(near.free) OVER () AS some, min(near.lot) FILTER (WHERE NOT near.done) OVER () AS place,
               row_number() OVER () AS number
        FROM (
            SELECT looked.id, looked.lot, looked.rows, looked.last, kind.gold, stood.before,
                   CASE WHEN kind.gold THEN stood.had ELSE looked.voted END AS done,
                   looked.room AND NOT CASE WHEN kind.gold THEN stood.over ELSE looked.over END AS free
            FROM (
                SELECT zoned.*, zoned.voted OR zoned.held AS over, count(*) OVER () AS rows, max(zoned.lot) OVER () AS last
                FROM (
                    SELECT question.id, question.lot, {VOTED} AS voted,
                           question.id = ANY(%(taken)s::bigint[]) OR {HELD_BY_THEM} AS held,
                           question.votes_in_time + cardinality(question.held_until) < %(cap)s::int AND NOT {TAKEN_BY_CIRCLE} AS room
                    FROM annotation_question AS question
                    WHERE question.campaign_id = %(campaign)s AND question.synset_id = %(synset)s AND {WANTS_VOTES}
                      AND question.priority = stretch.band AND question.lot >= stretch.low AND question.lot < stretch.high
                    ORDER BY question.lot LIMIT %(zone)s::bigint
                ) AS zoned
            ) AS looked
            CROSS JOIN (VALUES (false), (true)) AS kind (gold)
            LEFT JOIN LATERAL (
                SELECT beside.had, beside.had OR beside.held OR looked.id = ANY(%(taken_gold)s::bigint[]) AS over, beside.before
                FROM ({BESIDE}) AS beside WHERE kind.gold
            ) AS stood ON true
            WHERE NOT kind.gold OR {DRAWN} < %(share)s::float8
        ) AS near
    ) AS zone
    WHERE zone.free OR (NOT zone.some AND zone.number = 1)
    ORDER BY md5(%(secret)s::text || zone.gold || zone.id)
) AS found
LIMIT %(limit)s
"""

# By the newest page that an annotator had in a synset.
PLACES = """
SELECT batch.places FROM annotation_batch AS batch
WHERE batch.annotator_id = %(annotator)s AND batch.campaign_id = %(campaign)s AND batch.synset_id = %(synset)s
ORDER BY batch.leased_at DESC LIMIT 1
"""

# The first synset with questions that want votes behind a place in the campaign's order; where there is none, the first of all.
_FIRST_SYNSET = f"""(
    SELECT member.synset_id, {{part}} AS part FROM annotation_campaignsynset AS member
    WHERE member.campaign_id = %(campaign)s AND member.position {{side}} %(position)s
      AND member.synset_id <> ALL(%(passed)s::bigint[])
      AND EXISTS (SELECT 1 FROM annotation_question AS question
                  WHERE question.campaign_id = %(campaign)s AND question.synset_id = member.synset_id
                    AND {WANTS_VOTES})
    ORDER BY member.position LIMIT 1
)"""
NEXT_SYNSET = f"""
SELECT synset_id FROM (
    {_FIRST_SYNSET.format(part=0, side=">")} UNION ALL {_FIRST_SYNSET.format(part=1, side="<=")}
) AS found ORDER BY part LIMIT 1
"""

# Of the newest page the places are read.
HISTORY = f"""
SELECT statement_timestamp(),
       (SELECT count(*) FROM annotation_batch AS batch WHERE batch.annotator_id = %(annotator)s AND {LIVE}),
       EXISTS (SELECT 1 FROM annotation_batch WHERE closed_at IS NULL AND NOT lapsed AND expires_at <= now()),
       newest.synset_id, newest.position, newest.places,
       (SELECT count(*) FROM annotation_batch AS batch
        WHERE batch.annotator_id = %(annotator)s AND batch.leased_at > now() - interval '1 hour'
          AND (batch.outcome = 'RETURNED' OR batch.undone_at IS NOT NULL
               OR (batch.closed_at IS NULL AND batch.expires_at <= now()))),
       conduct.checked,
       ARRAY(SELECT other.annotator_id FROM annotation_conduct AS other
             WHERE other.circle = conduct.circle AND other.annotator_id <> conduct.annotator_id)
FROM (VALUES (1)) AS one (row)
LEFT JOIN annotation_conduct AS conduct ON conduct.annotator_id = %(annotator)s
LEFT JOIN LATERAL (
    SELECT batch.synset_id, member.position, batch.places FROM annotation_batch AS batch
    JOIN annotation_campaignsynset AS member
      ON member.campaign_id = batch.campaign_id AND member.synset_id = batch.synset_id
    WHERE batch.annotator_id = %(annotator)s AND batch.campaign_id = %(campaign)s
    ORDER BY batch.leased_at DESC LIMIT 1
) AS newest ON true
"""


class Stretch(NamedTuple):
    """Part of a band's ring: lots from `low` to below `high`."""

    band: int
    low: int
    high: int


@dataclass(frozen=True)
class History:
    """What an annotator did last: the campaign's synset of their newest page with its position and the places of the walk (None,
    0 and [] where there is none), how many pages they hold, and how many of the last hour's brought no votes that stand. `moment` is
    that of the query; `has_expired`: leases, whoever's, have expired whose questions are still held. `checked`: how often they are asked
    gold, more often where nothing is known of them. `circle`: the others of theirs."""

    moment: datetime
    live_leases: int
    has_expired: bool
    synset_id: int | None
    position: int
    places: list[int]
    unanswered: int
    checked: str
    circle: list[int]


def read_history(annotator: Annotator, campaign: Campaign) -> History:
    """One query. People stay with the synset that they have just read about."""
    with connection.cursor() as cursor:
        execute_planned(cursor, HISTORY, {"annotator": annotator.pk, "campaign": campaign.pk})
        moment, live_leases, has_expired, synset_id, position, places, unanswered, checked, circle = cursor.fetchone()
    return History(
        moment,
        live_leases,
        has_expired,
        synset_id,
        position or 0,
        places or [],
        unanswered,
        checked or Conduct.Checked.MORE,
        circle,
    )


def read_places(*, annotator: Annotator, campaign: Campaign, synset_id: int) -> list[int]:
    """Where the annotator's walk through that synset goes on; [] where it has not begun. One query."""
    with connection.cursor() as cursor:
        execute_planned(cursor, PLACES, {"annotator": annotator.pk, "campaign": campaign.pk, "synset": synset_id})
        row = cursor.fetchone()
    return row[0] if row else []


def write_secret(annotator: Annotator) -> str:
    """The key of an annotator's secret order."""
    return salted_hmac("annotation.assignment", str(annotator.pk), algorithm="sha256").hexdigest()


class Walk:
    """A search for free questions of one synset: the rings of its bands, what tells most first, each from its place to the end
    and then from the beginning to the place. Where no places are known, from secret ones."""

    def __init__(self, *, secret: str, synset_id: int, places: Sequence[int]) -> None:
        secret_places = [digest(f"{secret}:{synset_id}:{band}") % RING for band in range(BANDS)]
        # Pages of earlier versions have one more.
        self._starts = [*places, *secret_places[len(places) :]][:BANDS]
        self._places: dict[int, int] = {}
        self._stretches = [
            stretch
            for band in range(BANDS - 1, -1, -1)
            for stretch in (Stretch(band, self._starts[band], RING), Stretch(band, 0, self._starts[band]))
            if stretch.low < stretch.high
        ]
        self._zone = ZONE

    @property
    def has_ended(self) -> bool:
        """Whether every open question of the synset has been looked at."""
        return not self._stretches

    @property
    def places(self) -> list[int]:
        """By band, where the next walk begins: at the first question without a vote, or where this one has come to."""
        places = dict(enumerate(self._starts))
        places |= {stretch.band: stretch.low for stretch in reversed(self._stretches)}
        return [(places | self._places)[band] for band in range(BANDS)]

    def find_free(
        self, *, wanted: int, parameters: Mapping[str, Any], share: float = 0.0, found: Sequence[Place] = ()
    ) -> list[Place]:
        """Free questions, and places of gold beside a `share` of all, in the order in which to ask them, some more than `wanted` or less,
        none of what was `found`; the next call looks behind them. One query, no lock."""
        # Others may be quicker with some of them.
        limit = SPARE * wanted + len(self._stretches)
        bands, lows, highs = (list(column) for column in zip(*self._stretches, strict=True))
        here: dict[str, Any] = {
            "bands": bands,
            "lows": lows,
            "highs": highs,
            "zone": self._zone,
            "limit": limit,
            "share": share,
            "taken": [place.question for place in found if not place.gold],
            "taken_gold": [place.question for place in found if place.gold],
        }
        with connection.cursor() as cursor:
            execute_planned(cursor, FIND, {**parameters, **here})
            rows = cursor.fetchall()
        cut_off = rows[-1][0] if len(rows) == limit else len(self._stretches) + 1
        free = self._go_on(rows, cut_off)
        if not free:
            self._zone = min(2 * self._zone, LARGEST_ZONE)
        return free

    def _go_on(self, rows: Sequence[tuple[Any, ...]], cut_off: int) -> list[Place]:
        """Takes the places out of what FIND gave, and steps forward; stretches from number `cut_off` on were not looked at to their
        ends.

        Where a zone was full and nothing free, what lies behind it comes before the rest of its ring, but other bands do not
        wait for it: so a page never costs more than a zone of each.
        """
        found, left = [], []
        unfinished: set[int] = set()
        for step, stretch in enumerate(self._stretches, start=1):
            here = [row for row in rows if row[0] == step]
            place, last = here[0][4:] if here else (None, None)
            if stretch.band in unfinished:
                left.append(stretch)
                continue
            free = [Place(*row[1:4]) for row in here if row[1] is not None]
            found += free
            if place is not None:
                self._places.setdefault(stretch.band, place)
            if last is not None and not free:
                unfinished.add(stretch.band)
            if step >= cut_off:
                left.append(stretch)
            elif last is not None:
                left.append(stretch._replace(low=last))
        self._stretches = left
        return found


def find_next_synset(*, campaign: Campaign, position: int, passed: Sequence[int]) -> int | None:
    """The next synset of the campaign with questions that want votes, behind `position` in its order, then from the beginning."""
    values: dict[str, Any] = {"campaign": campaign.pk, "position": position, "passed": list(passed)}
    with connection.cursor() as cursor:
        execute_planned(cursor, NEXT_SYNSET, values)
        row = cursor.fetchone()
    return int(row[0]) if row else None
