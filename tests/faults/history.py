"""What clients were told, compared with what is there."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Place = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Votes. `unsure`: sent and never acknowledged, of which `kept_unsure` are there all the same, as they may be.

    `lost`: acknowledged, and not there as given; `surplus`: of an acknowledged page, and not named in the answer; `doubled`: there more than once; `foreign`: there, and never sent so.
    """

    sent: int
    acknowledged: int
    found: int
    lost: int
    surplus: int
    doubled: int
    foreign: int
    unsure: int
    kept_unsure: int

    @property
    def holds(self) -> bool:
        return self.lost == self.surplus == self.doubled == self.foreign == 0


def compare(
    *, sent: Mapping[Place, str], confirmed: Mapping[str, int], rows: Iterable[tuple[str, int, str]]
) -> Outcome:
    """`sent`: answer by (batch, position); `confirmed`: of each acknowledged batch how many votes the answer named; `rows`: batch,
    position and answer of what is there."""
    there = list(rows)
    counts = Counter((batch, position) for batch, position, _ in there)
    right = {(batch, position) for batch, position, answer in there if sent.get((batch, position)) == answer}
    kept = Counter(batch for batch, _ in right)
    unsure = {place for place in sent if place[0] not in confirmed}
    return Outcome(
        sent=len(sent),
        acknowledged=sum(confirmed.values()),
        found=len(there),
        lost=sum(max(named - kept[batch], 0) for batch, named in confirmed.items()),
        surplus=sum(max(kept[batch] - named, 0) for batch, named in confirmed.items()),
        doubled=sum(count - 1 for count in counts.values()),
        foreign=len(counts.keys() - right),
        unsure=len(unsure),
        kept_unsure=len(unsure & right),
    )
