"""Who waits, who is next, who is refused. Pure: the clock is given, and nothing here knows threads or requests."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

Item = TypeVar("Item")
TURNS = 20


class Kind(IntEnum):
    """What a request is for, from what is done first to what is done last."""

    HEALTH = 0
    VOTE = 1
    PART = 2  # pictures and styles, without which a leased page cannot be answered
    LEASE = 3
    BROWSING = 4
    EXPORT = 5


LAST = (Kind.BROWSING, Kind.EXPORT)


@dataclass(frozen=True)
class Bound:
    """At most `waiting` of a kind wait, each for at most `seconds`; at most `places` of it and of all kinds after it run. The first `kept` of
    those that wait are not pushed out by others."""

    waiting: int
    seconds: float
    places: int
    kept: int = 0


@dataclass(frozen=True, eq=False)
class Ticket(Generic[Item]):
    kind: Kind
    since: float
    until: float
    item: Item


class Line(Generic[Item]):
    """At most `total` wait. Of every `TURNS` one is for whoever has waited longest of the `LAST`, so that these do not wholly stand
    still as long as there is enough of what comes before them; what is `kept` adds up to no more than `total`, so that nobody below
    that finds all room taken. `clock` gives seconds that never go back. Not thread-safe: its user holds a lock."""

    def __init__(self, *, bounds: Mapping[Kind, Bound], total: int, clock: Callable[[], float]) -> None:
        self._bounds, self._total, self._clock = bounds, total, clock
        self._waiting: dict[Kind, deque[Ticket[Item]]] = {kind: deque() for kind in Kind}
        self._running = dict.fromkeys(Kind, 0)  # of the kind and all after it
        self._turn = 0

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def enter(self, kind: Kind, item: Item) -> tuple[Ticket[Item], Ticket[Item] | None]:
        """The ticket of the newcomer, and the one that is refused for it: none, its own, or where all room is taken the newest of
        the last kind of which more wait than are kept."""
        bound = self._bounds[kind]
        now = self._clock()
        ticket = Ticket(kind, now, now + bound.seconds, item)
        if len(self._waiting[kind]) >= bound.waiting:
            return ticket, ticket
        refused = None
        if len(self) >= self._total:
            is_kept = len(self._waiting[kind]) < bound.kept
            over = [other for other in Kind if len(self._waiting[other]) > self._bounds[other].kept]
            able = [other for other in over if other > kind or is_kept]
            if not able:
                return ticket, ticket
            refused = self._waiting[max(able)].pop()
        self._waiting[kind].append(ticket)
        return ticket, refused

    def take(self) -> tuple[Ticket[Item] | None, list[Ticket[Item]]]:
        """The next to run, which must `leave` afterwards, or None; and those that turn out to have waited too long."""
        late = self._drop_late()
        able = [kind for kind, waiting in self._waiting.items() if waiting and self._has_place(kind)]
        if not able:
            return None, late
        self._turn = (self._turn + 1) % TURNS
        last = [] if self._turn else [kind for kind in able if kind in LAST]
        kind = min(last, key=lambda each: self._waiting[each][0].since, default=able[0])
        self._count(kind, 1)
        return self._waiting[kind].popleft(), late

    def leave(self, ticket: Ticket[Item]) -> None:
        """Its running is over."""
        self._count(ticket.kind, -1)

    def withdraw(self, ticket: Ticket[Item]) -> bool:
        """Whether it was still waiting; it does so no longer."""
        try:
            self._waiting[ticket.kind].remove(ticket)
        except ValueError:
            return False
        return True

    def _drop_late(self) -> list[Ticket[Item]]:
        late, now = [], self._clock()
        for waiting in self._waiting.values():
            while waiting and waiting[0].until <= now:
                late.append(waiting.popleft())
        return late

    def _has_place(self, kind: Kind) -> bool:
        """Also in the eyes of each kind before it, which has its places among those that are left."""
        return all(self._running[other] < self._bounds[other].places for other in Kind if other <= kind)

    def _count(self, kind: Kind, number: int) -> None:
        for other in Kind:
            if other <= kind:
                self._running[other] += number
