"""The model: hidden states of an item, what each means, and how workers answer in each.

An item is in one of S states. For classes of one kind (K answers, K classes) there is a state for each class. For
verification (yes, unsure, no) there are as many states as the votes can tell apart, from clearly no to clearly yes, and
`meanings` says how often an item in a state is truly a yes. So a middle state can stay open however many votes agree on
it, which is what raters who err together look like (Beyer et al. 2020; Branson, Van Horn and Perona 2017).

A vote depends on the state and on the worker: `responses` is the crowd's table, and a worker with little history answers
as the crowd does: (counts + strength * responses) / (votes + strength), for each state.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.kernel import LOG_GRID

Floats = NDArray[np.float64]

PARAMETERS_VERSION = 2
SUM_TOLERANCE = 1e-9
HIGHEST_STRENGTH = 1e6


class Answer(IntEnum):
    """What a worker may say in verification; the value is the column of the response table."""

    NO = 0
    UNSURE = 1
    YES = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """One version of the model, for S states, A answers and K classes.

    `shares[S]`: the share of items in each state, before any vote. `meanings[S, K]`: the probability of each class in
    each state; for K = 2 class 1 is yes. `responses[S, A]`: how the crowd answers in each state. `strengths[S]`: how many
    votes the crowd's row weighs against a worker's own. `discount`: the correlation of errors between workers, from 0 (as
    if independent) to 1 (only one vote's worth), CONSENSUS' rho: n votes count as n / (1 + (n - 1) * discount).

    `outlook[S, A]`: how whoever votes next is expected to answer (outlook.foresee); None: as the crowd does.

    Shares and responses are above 0, and every distribution sums to 1 within `SUM_TOLERANCE`. Anything else raises
    ValueError naming the field and the place.
    """

    shares: Floats
    meanings: Floats
    responses: Floats
    strengths: Floats
    discount: float
    outlook: Floats | None = None

    def __post_init__(self) -> None:
        check_distribution(field="shares", values=self.shares)
        states = len(self.shares)
        if self.outlook is not None and self.outlook.shape != self.responses.shape:
            raise ValueError(f"outlook: must have the shape of responses, has {self.outlook.shape}")
        for field, rows in (("meanings", self.meanings), ("responses", self.responses)):
            if rows.ndim != 2 or len(rows) != states:
                raise ValueError(f"{field}: must have {states} rows, one for each of the shares, has {len(rows)}")
        for state in range(states):
            check_distribution(field=f"meanings[{state}]", values=self.meanings[state], zeros=True)
            check_distribution(field=f"responses[{state}]", values=self.responses[state])
            check_distribution(field=f"outlook[{state}]", values=self.expected_responses[state])
        if self.strengths.shape != (states,):
            raise ValueError(f"strengths: must have {states} numbers, has shape {self.strengths.shape}")
        if not np.all((self.strengths > 0) & (self.strengths <= HIGHEST_STRENGTH)):
            raise ValueError(f"strengths: must be above 0 and at most {HIGHEST_STRENGTH:g}")
        if not 0 <= self.discount <= 1:
            raise ValueError(f"discount: must be from 0 to 1, is {self.discount}")

    @property
    def expected_responses(self) -> Floats:
        return self.responses if self.outlook is None else self.outlook

    @property
    def states(self) -> int:
        return len(self.shares)

    @property
    def answers(self) -> int:
        return int(self.responses.shape[1])

    @property
    def classes(self) -> int:
        return int(self.meanings.shape[1])

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers; `from_json` gives back equal parameters, also after a trip through JSON text."""
        return {
            "version": PARAMETERS_VERSION,
            "shares": self.shares.tolist(),
            "meanings": self.meanings.tolist(),
            "responses": self.responses.tolist(),
            "strengths": self.strengths.tolist(),
            "discount": self.discount,
            "outlook": None if self.outlook is None else self.outlook.tolist(),
        }

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Reads what `to_json` wrote. Raises ValueError naming the field that is missing, unknown or wrong."""
        if not isinstance(content, Mapping):
            raise ValueError("parameters: must be an object")  # noqa: TRY004 - bad content is one kind of error
        # First, because another version may have other fields.
        if content.get("version") != PARAMETERS_VERSION:
            raise ValueError(f"version: must be {PARAMETERS_VERSION}, is {content.get('version')!r}")
        fields = {"version", "shares", "meanings", "responses", "strengths", "discount", "outlook"}
        if differing := sorted(map(str, fields ^ set(content))):
            raise ValueError(f"{differing[0]}: missing or unknown field")
        return cls(
            shares=read_numbers(field="shares", value=content["shares"], dimensions=1),
            meanings=read_numbers(field="meanings", value=content["meanings"], dimensions=2),
            responses=read_numbers(field="responses", value=content["responses"], dimensions=2),
            strengths=read_numbers(field="strengths", value=content["strengths"], dimensions=1),
            discount=float(read_numbers(field="discount", value=content["discount"], dimensions=0)),
            outlook=None
            if content["outlook"] is None
            else read_numbers(field="outlook", value=content["outlook"], dimensions=2),
        )


def tabulate(*, counts: Floats, parameters: Parameters) -> Floats:
    """Response tables [W, S, A] of workers from their expected votes `counts[W, S, A]`, shrunk to the crowd's.

    A worker without votes answers as the crowd does; the more votes, the less the crowd says.
    """
    prior = parameters.strengths[:, np.newaxis] * parameters.responses
    tables = counts + prior
    return np.asarray(tables / tables.sum(axis=2, keepdims=True))


def find_log_tables(*, counts: Floats, parameters: Parameters) -> Floats:
    """[W, S, A]: what each worker's vote adds to the logarithm of each state's share."""
    return take_logarithms(tabulate(counts=counts, parameters=parameters))


def take_logarithms(tables: Floats) -> Floats:
    """Natural logarithms on the grid on which sums over votes are exact, whatever their order (kernel.LOG_GRID)."""
    return np.asarray(np.rint(np.log(tables) * LOG_GRID) / LOG_GRID)


def check_distribution(*, field: str, values: Floats, zeros: bool = False) -> None:
    """Raises ValueError unless `values` are numbers above 0 (or 0, where allowed) that sum to 1."""
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"{field}: must be one row of numbers")
    for position, value in enumerate(values.tolist()):
        # The comparisons are written so that NaN fails them.
        if not (0 < value <= 1 or (zeros and value == 0)):
            raise ValueError(f"{field}[{position}]: must be a number above 0 and at most 1, is {value!r}")
    if not abs(math.fsum(values.tolist()) - 1) <= SUM_TOLERANCE:
        raise ValueError(f"{field}: must sum to 1, sums to {math.fsum(values.tolist())!r}")


def read_numbers(*, field: str, value: object, dimensions: int) -> Floats:
    """Nested lists of numbers as an array of so many dimensions, else ValueError naming the field."""
    _check_numbers(field, value, dimensions)
    try:
        return np.array(value, dtype=np.float64)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{field}: must have rows of one length, of numbers below 1e308") from error


def _check_numbers(field: str, value: object, dimensions: int) -> None:
    if dimensions == 0:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{field}: must be a number, is {value!r}")
        return
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError(f"{field}: must be a list")
    for position, entry in enumerate(value):
        _check_numbers(f"{field}[{position}]", entry, dimensions - 1)
