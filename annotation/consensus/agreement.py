"""How far workers agree beyond chance: Krippendorff's alpha with missing votes."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from annotation.consensus.votes import Votes, check_indices

Level = Literal["nominal", "ordinal"]


def krippendorff_alpha(*, votes: Votes, level: Level) -> float | None:
    """Krippendorff's alpha of all votes: 1 is agreement, 0 is chance, below 0 is disagreement beyond chance.

    `level` says how far two answers differ: "nominal" takes any two for equally different; "ordinal" takes the answers'
    numbers for ranks, so that no and yes differ more than no and unsure. Items with fewer than two votes drop out. None
    where alpha is undefined: no two votes on one item, or one answer is all that is left. It does not matter who voted.
    Source: Krippendorff, Computing Krippendorff's alpha-reliability, 2011.
    """
    alphas = alpha_by_group(votes=votes, group=np.zeros(votes.items, dtype=np.int64), groups=1, level=level)
    return number_or_none(alphas[0])


def alpha_of_counts(*, counts: NDArray[np.integer], level: Level) -> float | None:
    """`krippendorff_alpha` of `counts[items, answers]`, the number of votes for each answer."""
    if counts.ndim != 2 or not np.issubdtype(counts.dtype, np.integer):
        raise ValueError("counts: must be a two-dimensional array of whole numbers")
    if counts.size and counts.min() < 0:
        raise ValueError(f"counts: must not be negative, has {counts.min()}")
    check_level(level)
    item, answer = np.nonzero(counts)
    observed, used = sum_coincidences(
        item=item,
        answer=answer,
        count=counts[item, answer].astype(np.float64),
        group=np.zeros(len(counts), dtype=np.int64),
        shape=(1, counts.shape[1]),
    )
    return number_or_none(alphas_of_coincidences(observed=observed, used=used, level=level)[0])


def alpha_by_group(*, votes: Votes, group: NDArray[np.integer], groups: int, level: Level) -> NDArray[np.float64]:
    """`krippendorff_alpha` of each of the groups of items, as float64[groups]; NaN where it is undefined.

    `group[items]` is the index of each item's group, such as its synset. A group's value is that of its votes alone.
    Time is O(V x answers) and memory O(V + groups x answers^2), whatever the number of items.
    """
    check_indices(field="group", values=group, limit=groups)
    if len(group) != votes.items:
        raise ValueError(f"group: must have one entry for each of the {votes.items} items, has {len(group)}")
    check_level(level)
    observed, used = sum_coincidences(
        item=votes.item,
        answer=votes.answer,
        count=np.ones(len(votes)),
        group=group,
        shape=(groups, votes.answers),
    )
    return alphas_of_coincidences(observed=observed, used=used, level=level)


def sum_coincidences(
    *,
    item: NDArray[np.integer],
    answer: NDArray[np.integer],
    count: NDArray[np.float64],
    group: NDArray[np.integer],
    shape: tuple[int, int],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pairs of answers given to one item, and answers that are in any pair, summed by group; `shape` is (groups, answers).

    `count[n]` votes say that `answer[n]` is right of `item[n]`; several entries for one item and answer add up. The first
    array, [groups, answers, answers], holds for each pair of different answers its entry in the coincidence matrix: each
    item's pairs, divided by its votes but one. Its diagonal is left wrong, because equal answers are never apart. The
    second, [groups, answers], counts the votes on items that have at least two.
    """
    groups, answers = shape
    votes_on_item = np.bincount(item, weights=count, minlength=len(group))
    pairable = votes_on_item[item] >= 2
    item, answer, count = item[pairable], answer[pairable], count[pairable]
    # Wide integers first: the caller's types may be too narrow for the product.
    cell = group[item].astype(np.int64) * answers + answer.astype(np.int64)
    share = count / (votes_on_item[item] - 1)
    by_cell = csr_array((share, (cell, item)), shape=(groups * answers, len(group)))
    by_item = csr_array((count, (item, answer)), shape=(len(group), answers))
    observed = (by_cell @ by_item).toarray().reshape(groups, answers, answers)
    used = np.bincount(cell, weights=count, minlength=groups * answers).astype(np.float64, copy=False)
    return observed, used.reshape(groups, answers)


def alphas_of_coincidences(
    *, observed: NDArray[np.float64], used: NDArray[np.float64], level: Level
) -> NDArray[np.float64]:
    """Alpha of each group: one minus observed over expected disagreement; NaN where none is to be expected."""
    if level == "nominal":
        distance = 1 - np.eye(used.shape[1])
    else:
        # The middle rank of everybody who gave the answer; ranks are the group's own.
        rank = np.cumsum(used, axis=1) - used / 2
        distance = (rank[:, :, np.newaxis] - rank[:, np.newaxis, :]) ** 2
    disagreement = (observed * distance).sum(axis=(1, 2))
    by_chance = (used[:, :, np.newaxis] * used[:, np.newaxis, :] * distance).sum(axis=(1, 2))
    alphas = np.full(len(used), np.nan)
    defined = by_chance > 0
    alphas[defined] = 1 - (used.sum(axis=1)[defined] - 1) * disagreement[defined] / by_chance[defined]
    return alphas


def check_level(level: str) -> None:
    """Raises ValueError unless the level is known."""
    if level not in ("nominal", "ordinal"):
        raise ValueError(f"level: must be nominal or ordinal, is {level!r}")


def number_or_none(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
