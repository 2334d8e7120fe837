"""The pooled crowd: four hidden states of an item and one table of how the crowd answers in each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

PARAMETERS_VERSION = 1
SUM_TOLERANCE = 1e-9


class Answer(IntEnum):
    """What a worker may say; the value is the column of the response table."""

    NO = 0
    UNSURE = 1
    YES = 2


class State(IntEnum):
    """What an item may be; the value is the row of the response table."""

    EASY_NO = 0
    HARD_NO = 1
    EASY_YES = 2
    HARD_YES = 3


NO_STATES = (State.EASY_NO, State.HARD_NO)
YES_STATES = (State.EASY_YES, State.HARD_YES)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What is believed of items before any vote, and of votes given the item.

    `state_shares[state]` is the share of items in each `State`; `responses[state][answer]` is the probability of each
    `Answer` in that state. Every number is above 0 and every distribution sums to 1 within `SUM_TOLERANCE`. The states
    must deserve their names: YES is likelier in every yes-state than in any no-state, and no hard state answers more
    clearly than its easy one. Anything else raises ValueError naming the field.
    """

    state_shares: tuple[float, ...]
    responses: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        check_distribution(field="state_shares", values=self.state_shares, length=len(State))
        if len(self.responses) != len(State):
            raise ValueError(f"responses: must have {len(State)} rows, has {len(self.responses)}")
        for state, row in zip(State, self.responses, strict=True):
            check_distribution(field=f"responses[{state}]", values=row, length=len(Answer))
        check_state_order(responses=self.responses)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers; `from_json` gives back equal parameters, also after a trip through JSON text."""
        return {
            "version": PARAMETERS_VERSION,
            "state_shares": list(self.state_shares),
            "responses": [list(row) for row in self.responses],
        }

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Reads what `to_json` wrote. Raises ValueError naming the field that is missing, unknown or wrong."""
        if not isinstance(content, Mapping):
            raise ValueError("parameters: must be an object")  # noqa: TRY004 - bad content is one kind of error
        # First, because another version may have other fields.
        if content.get("version") != PARAMETERS_VERSION:
            raise ValueError(f"version: must be {PARAMETERS_VERSION}, is {content.get('version')!r}")
        if differing := sorted(map(str, {"version", "state_shares", "responses"} ^ set(content))):
            raise ValueError(f"{differing[0]}: missing or unknown field")
        rows = read_list(field="responses", value=content["responses"], kind=list)
        return cls(
            state_shares=tuple(read_list(field="state_shares", value=content["state_shares"], kind=float)),
            responses=tuple(
                tuple(read_list(field=f"responses[{state}]", value=row, kind=float)) for state, row in enumerate(rows)
            ),
        )


def check_distribution(*, field: str, values: Sequence[float], length: int) -> None:
    """Raises ValueError unless `values` are `length` numbers above 0 that sum to 1 within `SUM_TOLERANCE`."""
    if len(values) != length:
        raise ValueError(f"{field}: must have {length} numbers, has {len(values)}")
    for position, value in enumerate(values):
        # The comparison is written so that NaN fails it.
        if not 0 < value <= 1:
            raise ValueError(f"{field}[{position}]: must be a number above 0 and at most 1, is {value!r}")
    if not abs(math.fsum(values) - 1) <= SUM_TOLERANCE:
        raise ValueError(f"{field}: must sum to 1, sums to {math.fsum(values)!r}")


def check_state_order(*, responses: Sequence[Sequence[float]]) -> None:
    """Raises ValueError unless the probability of YES rises in the order easy-no, hard-no, hard-yes, easy-yes.

    A table whose states have changed places would decide every question the wrong way round.
    """
    yes = [row[Answer.YES] for row in responses]
    if not max(yes[state] for state in NO_STATES) < min(yes[state] for state in YES_STATES):
        raise ValueError("responses: YES must be likelier in every yes-state than in any no-state")
    if yes[State.EASY_NO] > yes[State.HARD_NO] or yes[State.EASY_YES] < yes[State.HARD_YES]:
        raise ValueError("responses: a hard state must not answer more clearly than its easy one")


def read_list(*, field: str, value: object, kind: type) -> list[Any]:
    """The value itself if it is a list of values of that kind, else ValueError."""
    if not isinstance(value, list) or not all(isinstance(entry, kind) for entry in value):
        raise ValueError(f"{field}: must be a list of {kind.__name__}s")
    return value


# Fitted on the raters' votes of "Are we done with ImageNet?" (Beyer et al., 2020): where a new installation starts,
# before it has votes of its own.
START = Parameters(
    state_shares=(0.704, 0.112, 0.071, 0.113),
    responses=(
        (0.958, 0.029, 0.013),
        (0.588, 0.309, 0.103),
        (0.072, 0.083, 0.845),
        (0.381, 0.217, 0.402),
    ),
)
