from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierarchy.dag import CycleError, compute_closure, order_topologically

Links = Mapping[int, Sequence[tuple[int, bool]]]
KIND, INSTANCE = False, True


@st.composite
def draw_links(draw: st.DrawFn) -> Links:
    """Random acyclic links: a node's parents are among the nodes drawn before it, in shuffled numbering."""
    names = draw(st.lists(st.integers(0, 99_999_999), unique=True, max_size=8))
    return {
        name: draw(st.lists(st.tuples(st.sampled_from(names[:index]), st.booleans()), max_size=4)) if index else []
        for index, name in enumerate(names)
    }


def enumerate_paths(links: Links, node: int) -> Iterator[tuple[int, int, bool]]:
    """Yield (ancestor, links, uses an instance link) of every path upwards from the node."""
    yield node, 0, False
    for parent, instance in links[node]:
        for ancestor, length, uses_instance in enumerate_paths(links, parent):
            yield ancestor, length + 1, uses_instance or instance


def close_slowly(links: Links) -> list[tuple[int, int, int, bool]]:
    found = []
    for node in links:
        paths = list(enumerate_paths(links, node))
        for ancestor in {path[0] for path in paths}:
            ordinary = [length for end, length, uses_instance in paths if end == ancestor and not uses_instance]
            every = [length for end, length, _ in paths if end == ancestor]
            found.append((ancestor, node, min(ordinary or every), not ordinary))
    return sorted(found)


def test_closure_of_a_diamond_takes_the_shorter_side():
    #     1
    #    / \
    #   2   3
    #   |   |
    #   4   |
    #    \ /
    #     5
    links = {1: [], 2: [(1, KIND)], 3: [(1, KIND)], 4: [(2, KIND)], 5: [(4, KIND), (3, KIND)]}

    rows = list(compute_closure(links).iterate_rows())

    below_root = [(1, 1, 0, False), (1, 2, 1, False), (1, 3, 1, False), (1, 4, 2, False), (1, 5, 2, False)]
    below_two = [(2, 2, 0, False), (2, 4, 1, False), (2, 5, 2, False)]
    assert rows == [
        *below_root,
        *below_two,
        (3, 3, 0, False),
        (3, 5, 1, False),
        (4, 4, 0, False),
        (4, 5, 1, False),
        (5, 5, 0, False),
    ]


def test_ordinary_path_wins_over_a_shorter_path_with_an_instance_link():
    #   1
    #   | \
    #   2  .        . = instance link
    #   |  .
    #   3  .
    #    \ .
    #     4
    links = {1: [], 2: [(1, KIND)], 3: [(2, KIND)], 4: [(3, KIND), (1, INSTANCE)]}

    rows = list(compute_closure(links).iterate_rows())

    assert (1, 4, 3, False) in rows


def test_pair_is_an_instance_when_every_path_has_an_instance_link():
    #   1
    #   |  \
    #   2   3
    #    .  |       . = instance link
    #     . 4
    #     . .
    #      5
    links = {1: [], 2: [(1, KIND)], 3: [(1, KIND)], 4: [(3, KIND)], 5: [(2, INSTANCE), (4, INSTANCE)]}

    above_five = [row for row in compute_closure(links).iterate_rows() if row[1] == 5]

    assert above_five == [(1, 5, 2, True), (2, 5, 1, True), (3, 5, 2, True), (4, 5, 1, True), (5, 5, 0, False)]


def test_pair_without_an_ordinary_path_takes_the_shortest_path_of_all():
    #   1
    #   | \
    #   2  .        . = instance link
    #   |  .
    #   3  .        4 is 3 ordinary links below 1, yet 1 instance link;
    #    \ .
    #     4         5 has no ordinary path to 1, and its shortest one has 2 links
    #     .
    #     5
    links = {1: [], 2: [(1, KIND)], 3: [(2, KIND)], 4: [(3, KIND), (1, INSTANCE)], 5: [(4, INSTANCE)]}

    rows = list(compute_closure(links).iterate_rows())

    assert (1, 5, 2, True) in rows


def test_closure_of_nothing_is_empty():
    assert list(compute_closure({}).iterate_rows()) == []


def test_parent_without_an_entry_of_its_own_is_a_root():
    assert list(compute_closure({7: [(3, KIND)]}).iterate_rows()) == [
        (3, 3, 0, False),
        (3, 7, 1, False),
        (7, 7, 0, False),
    ]


@given(links=draw_links())
def test_closure_agrees_with_the_enumeration_of_all_paths(links: Links):
    assert list(compute_closure(links).iterate_rows()) == close_slowly(links)


@given(links=draw_links(), data=st.data())
def test_closure_does_not_depend_on_the_order_of_the_links(links: Links, data: st.DataObject):
    shuffled = {node: data.draw(st.permutations(links[node])) for node in data.draw(st.permutations(list(links)))}

    assert list(compute_closure(shuffled).iterate_rows()) == list(compute_closure(links).iterate_rows())


def test_closure_bears_more_paths_than_could_be_walked():
    # 60 diamonds on top of each other: 2 ** 60 paths from the lowest node to the highest.
    links: dict[int, list[tuple[int, bool]]] = {0: []}
    for top in range(0, 180, 3):
        links |= {top + 1: [(top, KIND)], top + 2: [(top, KIND)], top + 3: [(top + 1, KIND), (top + 2, KIND)]}

    assert (0, 180, 120, False) in set(compute_closure(links).iterate_rows())


@given(links=draw_links())
def test_parents_come_before_their_children(links: Links):
    parents = {node: [parent for parent, _ in pairs] for node, pairs in links.items()}

    order = order_topologically(parents)

    assert sorted(order) == sorted(links)
    assert all(order.index(parent) < order.index(node) for node in parents for parent in parents[node])


@pytest.mark.parametrize(
    ("parents", "cycle"),
    [
        ({1: [1]}, (1,)),
        ({1: [], 5: [4, 1], 4: [9], 9: [5]}, (4, 9, 5)),
    ],
)
def test_cycle_is_refused_and_listed_from_child_to_parent(parents, cycle):
    with pytest.raises(CycleError) as refusal:
        order_topologically(parents)

    assert refusal.value.cycle == cycle
    assert str(refusal.value).endswith(" > ".join(map(str, (*cycle, cycle[0]))))


def test_closure_of_a_cycle_is_refused():
    with pytest.raises(CycleError, match="1 > 2 > 1"):
        compute_closure({1: [(2, KIND)], 2: [(1, INSTANCE)]})
