"""The closure of a directed acyclic graph whose links point from a child to its parents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError as GraphCycleError
from graphlib import TopologicalSorter

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


class CycleError(ValueError):
    """The links run in a circle; `cycle` lists its nodes from child to parent, the smallest first."""

    def __init__(self, cycle: tuple[int, ...]) -> None:
        super().__init__("The links run in a circle: " + " > ".join(map(str, (*cycle, cycle[0]))))
        self.cycle = cycle


@dataclass(frozen=True, eq=False)
class Closure:
    """Every pair of a node and an ancestor of it, each node being its own ancestor at distance 0.

    Four arrays of equal length, ascending by ancestor, then descendant.
    `instance` is true when every path between the two uses an instance link.
    `distance` counts the links of the shortest path without an instance link; where there is none, of the shortest path.
    """

    ancestor: Integers
    descendant: Integers
    distance: Integers
    instance: npt.NDArray[np.bool_]

    def iterate_rows(self) -> Iterator[tuple[int, int, int, bool]]:
        """Yield (ancestor, descendant, distance, instance) as plain Python values."""
        columns = (self.ancestor, self.descendant, self.distance, self.instance)
        return zip(*(column.tolist() for column in columns), strict=True)


def order_topologically(parents: Mapping[int, Sequence[int]]) -> list[int]:
    """Return every node once, parents before their children; the same mapping gives the same order.

    A parent that is no key of the mapping is a node without parents. Raises CycleError.
    """
    try:
        return list(TopologicalSorter(parents).static_order())
    except GraphCycleError as error:
        # graphlib lists the cycle from parent to child and repeats the first node at the end.
        cycle = error.args[1][:0:-1]
        smallest = cycle.index(min(cycle))
        raise CycleError((*cycle[smallest:], *cycle[:smallest])) from None


def compute_closure(links: Mapping[int, Sequence[tuple[int, bool]]]) -> Closure:
    """Return the closure of `links`, which gives each node its (parent, is it an instance link) pairs.

    A parent that is no key of the mapping is a node without parents. Raises CycleError.
    """
    order = order_topologically({child: [parent for parent, _ in pairs] for child, pairs in links.items()})
    nodes = np.array(sorted(order), dtype=np.int64)
    rows = [(child, parent, instance) for child, pairs in links.items() for parent, instance in pairs]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    children, parents = np.searchsorted(nodes, table[:, 0]), np.searchsorted(nodes, table[:, 1])
    ordinary = table[:, 2] == 0

    pairs, distance = _measure_paths(len(nodes), children, parents)
    ordinary_pairs, ordinary_distance = _measure_paths(len(nodes), children[ordinary], parents[ordinary])
    instance = np.ones(len(pairs), dtype=np.bool_)
    positions = np.searchsorted(pairs, ordinary_pairs)
    instance[positions] = False
    distance[positions] = ordinary_distance
    return Closure(nodes[pairs // len(nodes)], nodes[pairs % len(nodes)], distance, instance)


def _measure_paths(size: int, children: Integers, parents: Integers) -> tuple[Integers, Integers]:
    """Return the connected pairs, as ascending numbers ancestor * size + descendant, and their shortest distances.

    Walks from all nodes at once, one link upwards per round. A pair may turn up in several rounds, because paths
    differ in length; its first round is its distance. Within a round pairs are kept once, so that the work is
    bounded by pairs times depth however many paths there are.
    """
    by_child = np.argsort(children, kind="stable")
    parents = parents[by_child]
    first_link = np.searchsorted(children[by_child], np.arange(size + 1))
    rounds = [np.arange(size, dtype=np.int64) * (size + 1)]
    while len(rounds[-1]):
        ancestors, descendants = np.divmod(rounds[-1], size)
        link_counts = first_link[ancestors + 1] - first_link[ancestors]
        # Numbers the links of each ancestor: its first link, its second, ...
        within = np.arange(link_counts.sum()) - np.repeat(np.cumsum(link_counts) - link_counts, link_counts)
        links = np.repeat(first_link[ancestors], link_counts) + within
        rounds.append(np.unique(parents[links] * size + np.repeat(descendants, link_counts)))
    pairs, first_seen = np.unique(np.concatenate(rounds), return_index=True)
    distances = np.repeat(np.arange(len(rounds)), [len(reached) for reached in rounds])
    return pairs, distances[first_seen]
