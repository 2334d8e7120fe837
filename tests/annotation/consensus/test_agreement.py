from collections.abc import Sequence
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotation.consensus.agreement import Level, alpha_by_group, alpha_of_counts, krippendorff_alpha
from annotation.consensus.votes import Votes

levels: st.SearchStrategy[Level] = st.sampled_from(["nominal", "ordinal"])
Rows = Sequence[Sequence[int]]


@st.composite
def vote_rows(draw: st.DrawFn) -> tuple[Rows, int]:
    """Each item's answers, the first worker's first, and how many answers there are to choose from."""
    answers = draw(st.integers(1, 5))
    return draw(st.lists(st.lists(st.integers(0, answers - 1), max_size=6), max_size=8)), answers


def make_votes(rows: Rows, answers: int) -> Votes:
    return Votes.from_arrays(
        item=np.array([item for item, row in enumerate(rows) for _ in row], dtype=np.int32),
        worker=np.array([worker for row in rows for worker in range(len(row))], dtype=np.int32),
        answer=np.array([answer for row in rows for answer in row], dtype=np.int8),
        items=len(rows),
        workers=max(map(len, rows), default=0),
        answers=answers,
    )


def count_answers(rows: Rows, answers: int) -> NDArray[np.int64]:
    return np.array([[list(row).count(a) for a in range(answers)] for row in rows], dtype=np.int64).reshape(-1, answers)


def package_alpha(counts: NDArray[np.int64], level: Level) -> float | None:
    """The package's value; None where it raises or divides 0 by 0."""
    try:
        with np.errstate(invalid="ignore"):
            alpha = float(krippendorff.alpha(value_counts=counts, level_of_measurement=level))
    except ValueError:
        return None
    return None if np.isnan(alpha) else alpha


def close(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=1e-12)


def test_two_observers_and_two_values_give_the_textbook_value() -> None:
    # Krippendorff 2011, section A: ten units; .095.
    pairs = zip([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0], strict=True)

    alpha = krippendorff_alpha(votes=make_votes(list(pairs), 2), level="nominal")

    assert alpha == close(1 - 19 * 4 / (14 * 6))


@pytest.mark.parametrize(("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_four_observers_with_missing_votes_give_the_textbook_value(level: Level, expected: float) -> None:
    # Krippendorff 2011, section C: twelve units, five values; the values are counted from 0 here.
    units = ["000", "1112", "2222", "2222", "1111", "0123", "3333", "0010", "1111", "444", "00", "2"]
    rows = [[int(value) for value in unit] for unit in units]

    assert krippendorff_alpha(votes=make_votes(rows, 5), level=level) == pytest.approx(expected, abs=5e-4)


def test_agreement_on_different_answers_is_exactly_one() -> None:
    votes = make_votes([[0, 0, 0], [2, 2], [1, 1]], 3)

    assert krippendorff_alpha(votes=votes, level="nominal") == 1
    assert krippendorff_alpha(votes=votes, level="ordinal") == 1


def test_unsure_is_nearer_to_yes_than_no_is_only_in_order() -> None:
    near, far = make_votes([[0, 0], [2, 2], [1, 2]], 3), make_votes([[1, 1], [2, 2], [0, 2]], 3)

    assert krippendorff_alpha(votes=near, level="nominal") == krippendorff_alpha(votes=far, level="nominal")
    near_ordinal, far_ordinal = (krippendorff_alpha(votes=votes, level="ordinal") for votes in (near, far))
    assert near_ordinal is not None
    assert far_ordinal is not None
    assert near_ordinal > far_ordinal


@pytest.mark.parametrize("rows", [[], [[]], [[0], [1], [2]], [[1, 1], [1, 1, 1]], [[2, 2], [0]]])
@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_nothing_to_pair_or_one_answer_only_has_no_alpha(rows: Rows, level: Level) -> None:
    assert krippendorff_alpha(votes=make_votes(rows, 3), level=level) is None
    assert alpha_of_counts(counts=count_answers(rows, 3), level=level) is None


@given(generated=vote_rows(), level=levels)
def test_alpha_equals_that_of_the_package(generated: tuple[Rows, int], level: Level) -> None:
    rows, answers = generated
    expected = package_alpha(count_answers(rows, answers), level)

    assert krippendorff_alpha(votes=make_votes(rows, answers), level=level) == close(expected)
    assert alpha_of_counts(counts=count_answers(rows, answers), level=level) == close(expected)


@given(generated=vote_rows(), level=levels, data=st.data())
def test_a_groups_alpha_is_that_of_its_items_alone(
    generated: tuple[Rows, int], level: Level, data: st.DataObject
) -> None:
    rows, answers = generated
    group = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))

    alphas = alpha_by_group(
        votes=make_votes(rows, answers), group=np.array(group, dtype=np.int8), groups=3, level=level
    )

    for number, alpha in enumerate(alphas.tolist()):
        own = [row for row, of in zip(rows, group, strict=True) if of == number]
        expected = package_alpha(count_answers(own, answers), level)
        assert alpha == (pytest.approx(np.nan, nan_ok=True) if expected is None else close(expected))


@given(generated=vote_rows(), level=levels, data=st.data())
def test_the_order_of_votes_changes_nothing_bit_for_bit(
    generated: tuple[Rows, int], level: Level, data: st.DataObject
) -> None:
    rows, answers = generated
    shuffled = [data.draw(st.permutations(row)) for row in rows]

    alpha = krippendorff_alpha(votes=make_votes(shuffled, answers), level=level)

    assert alpha == krippendorff_alpha(votes=make_votes(rows, answers), level=level)


def test_narrow_index_types_do_not_overflow() -> None:
    rows = [[0, 0], [2, 2], [0, 2]] * 40

    alphas = alpha_by_group(
        votes=make_votes(rows, 3), group=np.arange(120, dtype=np.int8) // 3 * 3, groups=120, level="nominal"
    )

    assert alphas[::3].tolist() == [close(1 - 5 * 2 / 18)] * 40
    assert np.isnan(alphas).sum() == 80


def test_no_groups_have_no_alphas() -> None:
    alphas = alpha_by_group(votes=make_votes([], 3), group=np.array([], dtype=np.int64), groups=0, level="ordinal")

    assert alphas.shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": np.array([0])}, r"^group: must have one entry for each of the 2 items, has 1$"),
        ({"group": np.array([0, 2])}, r"^group\[1\]: must be from 0 to 1, is 2$"),
        ({"level": "interval"}, r"^level: must be nominal or ordinal, is 'interval'$"),
    ],
)
def test_bad_groups_and_levels_are_refused_by_name(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"group": np.array([0, 1]), "groups": 2, "level": "nominal"}

    with pytest.raises(ValueError, match=message):
        alpha_by_group(votes=make_votes([[0, 1], [1]], 2), **{**good, **change})


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (np.array([1, 2]), r"^counts: must be a two-dimensional array of whole numbers$"),
        (np.array([[1.0, 2.0]]), r"^counts: must be a two-dimensional array of whole numbers$"),
        (np.array([[1, -2]]), r"^counts: must not be negative, has -2$"),
    ],
)
def test_bad_counts_are_refused_by_name(counts: NDArray[np.int64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alpha_of_counts(counts=counts, level="nominal")
