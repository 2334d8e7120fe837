"""Votes as arrays: what every rule reads."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

# A class that is not known, in arrays of truth.
UNKNOWN = -1
INDEX_LIMIT = 2**31 - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Votes:
    """V votes on `items` items by `workers` workers who choose among `answers` answers.

    `item[V]` ascends, so an item's votes stand together, in recorded order; `worker[V]` and `answer[V]` say whose vote it
    is and what it says. Items and workers without votes are allowed. Nine bytes a vote. ValueError names the field and the
    first position that is wrong.
    """

    item: NDArray[np.int32]
    worker: NDArray[np.int32]
    answer: NDArray[np.int8]
    items: int
    workers: int
    answers: int

    def __post_init__(self) -> None:
        check_indices(field="item", values=self.item, limit=self.items)
        check_indices(field="worker", values=self.worker, limit=self.workers)
        check_indices(field="answer", values=self.answer, limit=self.answers)
        check_lengths(self.item, self.worker, self.answer)
        falling = np.flatnonzero(self.item[1:] < self.item[:-1])
        if len(falling):
            raise ValueError(f"item[{falling[0] + 1}]: must not be smaller than the one before it")

    def __len__(self) -> int:
        return len(self.item)

    @classmethod
    def from_arrays(
        cls,
        *,
        item: NDArray[np.integer],
        worker: NDArray[np.integer],
        answer: NDArray[np.integer],
        items: int,
        workers: int,
        answers: int,
    ) -> Self:
        """Votes in any order of items, each item's in the order given: narrowed, and sorted where they are not."""
        check_indices(field="item", values=item, limit=items)
        check_indices(field="worker", values=worker, limit=workers)
        check_indices(field="answer", values=answer, limit=answers)
        check_lengths(item, worker, answer)
        if np.any(item[1:] < item[:-1]):
            order = np.argsort(item, kind="stable")
            item, worker, answer = item[order], worker[order], answer[order]
        return cls(
            item=item.astype(np.int32, copy=False),
            worker=worker.astype(np.int32, copy=False),
            answer=answer.astype(np.int8, copy=False),
            items=items,
            workers=workers,
            answers=answers,
        )

    @property
    def starts(self) -> NDArray[np.int64]:
        """[items + 1]: votes `starts[i]` to below `starts[i + 1]` are item i's."""
        counts = np.bincount(self.item, minlength=self.items)
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])

    @property
    def cells(self) -> NDArray[np.int32]:
        """[V]: worker and answer as one number, `worker * answers + answer`."""
        return self.worker * np.int32(self.answers) + self.answer

    def select(self, chosen: NDArray[np.bool_]) -> Self:
        """The votes where `chosen[V]` is true, of the same items and workers."""
        return type(self)(
            item=self.item[chosen],
            worker=self.worker[chosen],
            answer=self.answer[chosen],
            items=self.items,
            workers=self.workers,
            answers=self.answers,
        )

    def select_items(self, chosen: NDArray[np.bool_]) -> Self:
        """The votes on the items where `chosen[items]` is true, which are numbered anew; of the same workers."""
        places = (np.cumsum(chosen) - 1).astype(np.int32)
        kept = self.select(chosen[self.item])
        return replace(kept, item=places[kept.item], items=int(chosen.sum()))


def check_lengths(*fields: NDArray[np.integer]) -> None:
    """Raises ValueError unless item, worker and answer are as long as each other."""
    lengths = [len(field) for field in fields]
    if len(set(lengths)) > 1:
        raise ValueError(f"item, worker, answer: must be of one length, are {', '.join(map(str, lengths))}")


def check_indices(*, field: str, values: NDArray[np.integer], limit: int) -> None:
    """Raises ValueError unless `values` is one row of whole numbers from 0 to below `limit`."""
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{field}: must be a one-dimensional array of whole numbers")
    if len(values) and (values.min() < 0 or values.max() >= limit):
        bad = np.flatnonzero((values < 0) | (values >= limit))[0]
        raise ValueError(f"{field}[{bad}]: must be from 0 to {limit - 1}, is {values[bad]}")
