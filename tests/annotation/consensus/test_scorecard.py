import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.agreement import alpha_of_counts, sum_coincidences
from annotation.consensus.decide import Decision
from annotation.consensus.scorecard import describe_agreement, join_agreement, score_decisions, sum_agreement
from annotation.consensus.sequence import FirstDecisions
from tests.annotation.consensus.strategies import make_votes, patiently, verification_crowds

ACCEPT, REJECT, ASK, DISPUTE = Decision
#                     decision probability truth
EXAMPLE = [
    (ACCEPT, 0.98, 1),
    (ACCEPT, 0.97, 1),
    (ACCEPT, 0.96, 0),
    (REJECT, 0.03, 0),
    (REJECT, 0.04, 1),
    (DISPUTE, 0.60, 1),
    (ASK, 0.40, 0),
]


def score(rows):
    decision, probability, truth = (np.array(column) for column in zip(*rows, strict=True))
    first = FirstDecisions(
        decision=decision.astype(np.int8), probability=probability, votes=np.ones(len(rows), dtype=np.int64)
    )
    return score_decisions(first=first, truth=truth.astype(np.int8))


def test_decisions_are_scored_as_counted_by_hand():
    found = score(EXAMPLE)

    rates = {name: (found[name]["hits"], found[name]["trials"]) for name in ("precision", "recall", "error")}
    assert rates == {"precision": (2, 3), "recall": (2, 4), "error": (2, 5)}
    assert found["f1"] == pytest.approx(4 / 7)
    assert found["questions"] == 7


def test_the_intervals_are_clopper_and_pearsons():
    # Brown, Cai and DasGupta 2001: none of ten has the bound 1 - .025 ** (1 / 10).
    found = score([(ACCEPT, 0.9, 1)] * 10)["error"]

    assert (found["value"], found["low"]) == (0, 0)
    assert found["high"] == pytest.approx(1 - 0.025**0.1)


def test_nothing_decided_is_no_number():
    found = score([(ASK, 0.4, 0)])

    assert [found[name]["value"] for name in ("precision", "recall", "error")] == [None] * 3
    assert found["f1"] is None


@pytest.mark.parametrize("groups", [1, 3])
def test_agreement_of_groups_together_is_that_of_all_their_votes(groups):
    counts = np.random.default_rng(0).integers(0, 4, (30, 3))

    found = describe_agreement([sum_slowly(counts[group::groups]) for group in range(groups)])

    for level in ("nominal", "ordinal"):
        assert found[f"alpha_{level}"] == pytest.approx(alpha_of_counts(counts=counts, level=level), abs=1e-12)


def sum_slowly(counts):
    """No with unsure, no with yes, unsure with yes; then paired answers."""
    sums = [0.0] * 6
    for no, unsure, yes in counts.tolist():
        others = no + unsure + yes - 1
        if others >= 1:
            row = [no * unsure / others, no * yes / others, unsure * yes / others, no, unsure, yes]
            sums = [a + b for a, b in zip(sums, row, strict=True)]
    return sums


def test_no_votes_agree_on_nothing():
    assert describe_agreement([]) == {"alpha_nominal": None, "alpha_ordinal": None}


@patiently
@given(rows=verification_crowds)
def test_sums_of_places_are_those_of_all_their_coincidences(rows):
    votes, place = make_votes(rows), np.array([[7, item % 2] for item in range(len(rows))])

    sums = np.array(sum_agreement(votes=votes, place=place))

    places, group = np.unique(place, axis=0, return_inverse=True)
    pairs, paired = sum_coincidences(
        item=votes.item, answer=votes.answer, count=np.ones(len(votes)), group=group, shape=(len(places), 3)
    )
    different = np.stack([pairs[:, 0, 1], pairs[:, 0, 2], pairs[:, 1, 2]], axis=1)
    assert sums[:, :2].tolist() == places.tolist()
    assert sums[:, 2].sum() == len(votes)
    assert sums[:, 3:] == pytest.approx(np.concatenate([different, paired], axis=1))


@patiently
@given(rows=verification_crowds, data=st.data())
def test_sums_of_parts_joined_are_those_of_all_to_the_last_bit(rows, data):
    votes, place = make_votes(rows), np.array([[item % 3, item % 2] for item in range(len(rows))])
    part = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows))))

    sums = [sum_agreement(votes=votes.select_items(part == one), place=place[part == one]) for one in range(3)]

    assert join_agreement(row for rows in sums for row in rows) == sum_agreement(votes=votes, place=place)
