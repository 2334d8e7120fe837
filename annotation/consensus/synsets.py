"""How common each state is among the items of a synset, pooled up the hierarchy, and what that says before any vote."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.fit import Course, ask, select_teaching
from annotation.consensus.kernel import Kernel
from annotation.consensus.model import Floats, Parameters
from annotation.consensus.priors import pool_shares, weigh_states
from annotation.consensus.shards import Shard, pack_arrays, unpack_arrays
from annotation.consensus.votes import UNKNOWN


@dataclass(frozen=True, kw_only=True, eq=False)
class SynsetTable:
    """Numbers [T, S] by state of the T synsets `synset_id`, which ascend."""

    synset_id: NDArray[np.int64]
    values: Floats

    def find(self, synset_id: NDArray[np.int64]) -> Floats:
        """[Q, S]: the rows of these synsets, 0 for those that are not there."""
        if not len(self.synset_id):
            return np.zeros((len(synset_id), self.values.shape[1]))
        place = np.minimum(np.searchsorted(self.synset_id, synset_id), len(self.synset_id) - 1)
        return np.where((self.synset_id[place] == synset_id)[:, np.newaxis], self.values[place], 0.0)

    def iterate_rows(self) -> Iterator[tuple[int, list[float]]]:
        """Each synset and its numbers, as plain Python values."""
        return zip(self.synset_id.tolist(), self.values.tolist(), strict=True)

    def to_bytes(self) -> bytes:
        return pack_arrays(synset_id=self.synset_id, values=self.values)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """What `to_bytes` wrote."""
        return cls(**unpack_arrays(content))


def count_states(*, shard: Shard, course: Course) -> SynsetTable:
    """Expected items by state of every synset in the shard, after a fit that knew no truth.

    Items with a known truth are chosen, not drawn from their synset, so they do not count; nor do those from which the fit
    learned nothing. Sums are exact (kernel.SHARE_GRID).
    """
    teaching, items = select_teaching(votes=shard.votes, truth=None)
    kernel = Kernel(teaching, states=course.parameters.states)
    ask(kernel, course, None)
    counted = shard.truth[items] == UNKNOWN
    synset_id, place = np.unique(shard.synset_id[items[counted]], return_inverse=True)
    number = np.bincount(place, minlength=len(synset_id))
    others = [np.bincount(place, weights=row[counted], minlength=len(synset_id)) for row in kernel.shares]
    first = number - np.sum(others, axis=0)
    return SynsetTable(synset_id=synset_id, values=np.stack([first, *others], axis=1))


def join_tables(tables: Sequence[SynsetTable]) -> SynsetTable:
    """At least one table of exact sums over some of the items, as that over all of them: the same, bit for bit, however they were
    split."""
    synset_id, place = np.unique(np.concatenate([table.synset_id for table in tables]), return_inverse=True)
    values = np.zeros((len(synset_id), tables[0].values.shape[1]))
    np.add.at(values, place, np.concatenate([table.values for table in tables]))
    return SynsetTable(synset_id=synset_id, values=values)


def find_factors(*, counts: SynsetTable, parents: Mapping[int, Sequence[int]], shares: Floats) -> SynsetTable:
    """Log factors of states of the synsets of which anything is known: how much commoner each state is there than among all
    items, whose shares are `shares[S]`.

    `counts` are expected items by state; `parents` names the parents of every synset of interest and of all above it,
    parents before their children. A synset of which only those above it tell something has what they tell.
    """
    synset_id = np.array(list(parents), dtype=np.int64)
    place = {synset: number for number, synset in enumerate(parents)}
    above = [[place[parent] for parent in own] for own in parents.values()]
    own = counts.find(synset_id)
    pooled = pool_shares(counts=own, parents=above, shares=shares)
    told = own.sum(axis=1) > 0
    for synset, higher in enumerate(above):
        told[synset] |= told[higher].any()
    chosen = np.flatnonzero(told)
    chosen = chosen[np.argsort(synset_id[chosen])]
    return SynsetTable(synset_id=synset_id[chosen], values=np.log(pooled[chosen] / shares))


def know_beforehand(*, shard: Shard, parameters: Parameters, factors: SynsetTable | None) -> Floats:
    """[items, S]: the log prior of the shard's items, of yes and no: what importers said of them, and the factors of their
    synsets, where there are such."""
    said = weigh_states(probability=shard.prior, parameters=parameters)
    return said if factors is None else said + factors.find(shard.synset_id)
