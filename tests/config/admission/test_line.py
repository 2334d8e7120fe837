from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.admission.line import TURNS, Bound, Kind, Line

VOTE, LEASE, BROWSING, EXPORT = Kind.VOTE, Kind.LEASE, Kind.BROWSING, Kind.EXPORT
SECONDS = 5.0
TOTAL = 6


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def describe_bounds(**changed):
    """Room for three of each kind, four places, half of them for exports."""
    bounds = {kind: Bound(waiting=3, seconds=SECONDS, places=4) for kind in Kind}
    bounds[EXPORT] = Bound(waiting=3, seconds=SECONDS, places=2)
    return bounds | {Kind[name]: bound for name, bound in changed.items()}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def line(clock):
    return Line(bounds=describe_bounds(), total=TOTAL, clock=clock)


def enter(line, *kinds):
    return [line.enter(kind, f"{kind.name} {number}") for number, kind in enumerate(kinds)]


def take(line):
    """The item of the next one, or None."""
    ticket, _ = line.take()
    return ticket and ticket.item


def test_votes_come_before_leases_before_browsing_before_exports(line):
    enter(line, EXPORT, BROWSING, LEASE, VOTE)

    assert [take(line) for _ in range(4)] == ["VOTE 3", "LEASE 2", "BROWSING 1", "EXPORT 0"]


def test_within_a_kind_who_came_first_is_first(line):
    enter(line, VOTE, VOTE, VOTE)

    assert [take(line) for _ in range(3)] == ["VOTE 0", "VOTE 1", "VOTE 2"]


def test_now_and_then_who_has_waited_longest_of_the_last_kinds_is_next(line, clock):
    enter(line, LEASE, EXPORT)
    clock.now += 0.1
    enter(line, BROWSING)
    taken = []
    for _ in range(TURNS):
        clock.now += SECONDS / 2 / TURNS
        line.enter(VOTE, "vote")
        ticket, _ = line.take()
        line.leave(ticket)
        taken.append(ticket.item)

    assert taken == ["vote"] * (TURNS - 1) + ["EXPORT 1"]


def test_nobody_waits_nobody_is_next(line):
    assert line.take() == (None, [])


def test_over_its_bound_a_newcomer_is_refused_whatever_room_there_is(line):
    *_, (ticket, refused) = enter(line, LEASE, LEASE, LEASE, LEASE)

    assert refused is ticket
    assert len(line) == 3


def test_where_all_room_is_taken_a_vote_pushes_out_the_newest_of_the_last_kind(line):
    enter(line, BROWSING, EXPORT, EXPORT, EXPORT, LEASE, LEASE)

    _, refused = line.enter(VOTE, "vote")

    assert refused.item == "EXPORT 3"
    assert take(line) == "vote"


def test_where_all_room_is_taken_nobody_is_pushed_out_by_their_like(line):
    enter(line, LEASE, LEASE, LEASE, BROWSING, BROWSING, VOTE)

    ticket, refused = line.enter(BROWSING, "newcomer")

    assert refused is ticket


def test_some_of_the_last_kinds_keep_their_places_whatever_comes_before_them(clock):
    line: Line[str] = Line(bounds=describe_bounds(BROWSING=Bound(3, SECONDS, 4, kept=1)), total=TOTAL, clock=clock)
    enter(line, LEASE, LEASE, LEASE, VOTE, VOTE, VOTE)

    _, pushed_out = line.enter(BROWSING, "first")
    second, refused = line.enter(BROWSING, "second")

    assert pushed_out.item == "LEASE 2"
    assert refused is second
    assert line.enter(Kind.PART, "part")[1].item == "LEASE 1"


def test_who_has_waited_too_long_is_not_served(line, clock):
    enter(line, VOTE, LEASE)
    clock.now += SECONDS
    line.enter(LEASE, "fresh")

    ticket, late = line.take()

    assert (ticket.item, [other.item for other in late]) == ("fresh", ["VOTE 0", "LEASE 1"])


def test_who_withdraws_is_not_served(line):
    [(first, _), _] = enter(line, VOTE, VOTE)

    assert line.withdraw(first)
    assert take(line) == "VOTE 1"


def test_who_runs_cannot_withdraw(line):
    [(ticket, _)] = enter(line, VOTE)
    line.take()

    assert not line.withdraw(ticket)


def test_exports_leave_the_places_to_others_that_are_not_theirs(line):
    enter(line, EXPORT, EXPORT, EXPORT)
    first, _ = line.take()
    line.take()

    assert take(line) is None
    line.enter(BROWSING, "page")
    assert take(line) == "page"
    line.leave(first)
    assert take(line) == "EXPORT 2"


def test_a_kind_counts_what_comes_after_it_among_its_own(clock):
    line: Line[str] = Line(bounds=describe_bounds(BROWSING=Bound(3, SECONDS, 3)), total=TOTAL, clock=clock)
    enter(line, EXPORT, EXPORT, BROWSING, BROWSING)

    assert [take(line) for _ in range(4)] == ["BROWSING 2", "BROWSING 3", "EXPORT 0", None]


KINDS = st.sampled_from(Kind)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), KINDS),
        st.tuples(st.just("take"), st.none()),
        st.tuples(st.just("leave"), st.integers(0, 3)),
        st.tuples(st.just("withdraw"), st.integers(0, TOTAL)),
        st.tuples(st.just("pass"), st.floats(0.1, SECONDS)),
    ),
    max_size=80,
)


class Twin:
    """The same, slowly: one list of (number, kind, until, since) in the order of coming, looked through again for each question."""

    def __init__(self, bounds):
        self.bounds, self.waiting, self.running, self.taken = bounds, [], [], 0

    def enter(self, number, kind, now):
        own = [each for each in self.waiting if each[1] == kind]
        if len(own) >= self.bounds[kind].waiting:
            return number
        refused = None
        if len(self.waiting) >= TOTAL:
            able = [each for each in self.waiting if each[1] > kind or len(own) < self.bounds[kind].kept]
            able = [each for each in able if self.count(each[1]) > self.bounds[each[1]].kept]
            if not able:
                return number
            refused = max(able, key=lambda each: (each[1], each[0]))
            self.waiting.remove(refused)
        self.waiting.append((number, kind, now + self.bounds[kind].seconds, now))
        return refused and refused[0]

    def take(self, now):
        able = [each for each in self.waiting if each[2] > now and self.has_place(each[1])]
        if not able:
            return None
        self.taken += 1
        last = [each for each in able if each[1] in {BROWSING, EXPORT}]
        if self.taken % TURNS == 0 and last:
            found = min(last, key=lambda each: (each[3], each[1]))
        else:
            found = min(able, key=lambda each: (each[1], each[0]))
        self.waiting.remove(found)
        self.running.append(found)
        return found[0]

    def count(self, kind):
        return sum(each[1] == kind for each in self.waiting)

    def has_place(self, kind):
        return all(
            sum(each[1] >= before for each in self.running) < self.bounds[before].places
            for before in Kind
            if before <= kind
        )


class Pair:
    """The line and its twin, which are asked the same."""

    def __init__(self):
        self.clock = Clock()
        bounds = describe_bounds(BROWSING=Bound(2, SECONDS / 2, 3, kept=1), VOTE=Bound(5, SECONDS, 4, kept=4))
        self.line: Line[int] = Line(bounds=bounds, total=TOTAL, clock=self.clock)
        self.twin = Twin(bounds)
        self.tickets, self.running = {}, []
        self.ends: Counter[int] = Counter()

    def enter(self, kind):
        number = len(self.tickets)
        self.tickets[number], refused = self.line.enter(kind, number)
        assert self.twin.enter(number, kind, self.clock.now) == (refused and refused.item)
        if refused:
            self.ends[refused.item] += 1

    def take(self, _):
        ticket, late = self.line.take()
        assert self.twin.take(self.clock.now) == (ticket and ticket.item)
        gone = {each.item for each in late}
        assert gone == {each[0] for each in self.twin.waiting if each[2] <= self.clock.now}
        self.twin.waiting = [each for each in self.twin.waiting if each[0] not in gone]
        self.ends.update(gone)
        if ticket:
            self.running.append(ticket)
            self.ends[ticket.item] += 1

    def leave(self, place):
        if place < len(self.running):
            self.line.leave(self.running.pop(place))
            self.twin.running.pop(place)

    def withdraw(self, place):
        if place < len(self.twin.waiting):
            number = self.twin.waiting.pop(place)[0]
            assert self.line.withdraw(self.tickets[number])
            self.ends[number] += 1

    def go_on(self, seconds):
        self.clock.now += seconds


@given(STEPS)
def test_it_does_as_its_slow_twin_and_everybody_comes_to_one_end(steps):
    pair = Pair()

    for name, value in steps:
        getattr(pair, {"pass": "go_on"}.get(name, name))(value)

        assert len(pair.line) == len(pair.twin.waiting) <= TOTAL
        assert len(pair.running) <= 4
    waiting = Counter(each[0] for each in pair.twin.waiting)
    assert pair.ends + waiting == Counter(pair.tickets.keys())
