from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.votes import Votes
from tests.annotation.consensus.strategies import crowds, make_votes, patiently, split_rows


def read_votes(votes: Votes) -> list[tuple[int, int, int]]:
    return list(zip(votes.item.tolist(), votes.worker.tolist(), votes.answer.tolist(), strict=True))


@patiently
@given(votes=crowds(), data=st.data())
def test_votes_in_any_order_are_sorted_by_item_and_an_items_votes_keep_their_order(
    votes: Votes, data: st.DataObject
) -> None:
    rows = data.draw(st.permutations(read_votes(votes)))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)

    sorted_votes = Votes.from_arrays(
        item=columns[:, 0],
        worker=columns[:, 1],
        answer=columns[:, 2],
        items=votes.items,
        workers=votes.workers,
        answers=votes.answers,
    )

    assert read_votes(sorted_votes) == sorted(rows, key=lambda row: row[0])


def test_arrays_are_narrowed_to_nine_bytes_a_vote() -> None:
    votes = make_votes([[(0, 1)], [(1, 2), (2, 0)]])

    assert [array.dtype for array in (votes.item, votes.worker, votes.answer)] == [np.int32, np.int32, np.int8]


@patiently
@given(votes=crowds())
def test_starts_frame_each_items_votes(votes: Votes) -> None:
    starts = votes.starts.tolist()

    framed = [read_votes(votes)[low:high] for low, high in pairwise(starts)]
    assert framed == [[vote for vote in read_votes(votes) if vote[0] == item] for item in range(votes.items)]


@patiently
@given(votes=crowds())
def test_a_cell_is_one_workers_one_answer(votes: Votes) -> None:
    pairs = [divmod(cell, votes.answers) for cell in votes.cells.tolist()]

    assert pairs == list(zip(votes.worker.tolist(), votes.answer.tolist(), strict=True))


def test_selected_votes_are_of_the_same_items_and_workers() -> None:
    votes = make_votes([[(0, 1), (1, 2)], [(2, 0)]])

    chosen = votes.select(votes.answer > 0)

    assert split_rows(chosen) == [[(0, 1), (1, 2)], []]
    assert (chosen.items, chosen.workers, chosen.answers) == (votes.items, votes.workers, votes.answers)


def test_votes_are_counted_by_len() -> None:
    assert len(make_votes([[(0, 1), (1, 2)], []])) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"item": np.array([0, 2])}, r"^item\[1\]: must be from 0 to 1, is 2$"),
        ({"item": np.array([-1, 0])}, r"^item\[0\]: must be from 0 to 1, is -1$"),
        ({"worker": np.array([0, 3])}, r"^worker\[1\]: must be from 0 to 2, is 3$"),
        ({"answer": np.array([0, 3])}, r"^answer\[1\]: must be from 0 to 2, is 3$"),
        ({"answer": np.array([0.0, 1.0])}, r"^answer: must be a one-dimensional array of whole numbers$"),
        ({"item": np.array([[0, 1]])}, r"^item: must be a one-dimensional array of whole numbers$"),
        ({"answer": np.array([0])}, r"^item, worker, answer: must be of one length, are 2, 2, 1$"),
        ({"item": np.array([1, 0])}, r"^item\[1\]: must not be smaller than the one before it$"),
    ],
)
def test_bad_votes_are_refused_by_name_and_position(change: dict[str, Any], message: str) -> None:
    good = make_votes([[(0, 1)], [(1, 2)]], workers=3)

    with pytest.raises(ValueError, match=message):
        replace(good, **change)


def test_votes_from_arrays_are_checked_before_they_are_narrowed() -> None:
    with pytest.raises(ValueError, match=r"^worker\[0\]: must be from 0 to 0, is 4294967296$"):
        Votes.from_arrays(
            item=np.array([0]), worker=np.array([2**32]), answer=np.array([0]), items=1, workers=1, answers=1
        )


def test_arrays_of_different_lengths_are_refused_before_they_are_sorted() -> None:
    with pytest.raises(ValueError, match=r"^item, worker, answer: must be of one length, are 2, 1, 2$"):
        Votes.from_arrays(
            item=np.array([1, 0]), worker=np.array([0]), answer=np.array([0, 0]), items=2, workers=1, answers=1
        )


@patiently
@given(votes=crowds(), data=st.data())
def test_votes_on_chosen_items_keep_their_order_under_new_numbers(votes: Votes, data: st.DataObject) -> None:
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=votes.items, max_size=votes.items)), dtype=bool)

    selected = votes.select_items(chosen)

    numbers = {item: place for place, item in enumerate(np.flatnonzero(chosen).tolist())}
    expected = [(numbers[item], *rest) for item, *rest in read_votes(votes) if item in numbers]
    assert read_votes(selected) == expected
    assert (selected.items, selected.workers) == (len(numbers), votes.workers)
