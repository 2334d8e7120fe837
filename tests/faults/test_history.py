"""The checker finds each way in which what is there can differ from what clients were told."""

import pytest

from tests.faults.history import compare

SENT = {("a", 1): "YES", ("a", 2): "NO", ("b", 1): "YES"}
KEPT = [("a", 1, "YES"), ("a", 2, "NO")]


def check(rows, confirmed=None):
    return compare(sent=SENT, confirmed={"a": 2} if confirmed is None else confirmed, rows=rows)


@pytest.mark.parametrize("kept", [[], [("b", 1, "YES")]])
def test_what_was_never_acknowledged_may_be_there_or_not(kept):
    outcome = check(KEPT + kept)

    assert outcome.holds
    assert (outcome.sent, outcome.acknowledged, outcome.unsure, outcome.kept_unsure) == (3, 2, 1, len(kept))


def test_an_acknowledged_vote_that_is_not_there_is_lost():
    assert check(KEPT[:1]).lost == 1
    assert not check(KEPT[:1]).holds


def test_an_acknowledged_vote_with_another_answer_is_lost_and_foreign():
    outcome = check([*KEPT[:1], ("a", 2, "YES")])

    assert (outcome.lost, outcome.foreign) == (1, 1)


def test_a_vote_that_is_there_twice_is_doubled():
    outcome = check([*KEPT, KEPT[0]])

    assert (outcome.doubled, outcome.lost) == (1, 0)
    assert not outcome.holds


def test_more_votes_than_a_receipt_names_are_surplus():
    assert check(KEPT, confirmed={"a": 1}).surplus == 1
    assert not check(KEPT, confirmed={"a": 1}).holds


def test_a_vote_that_nobody_sent_is_foreign():
    assert check([*KEPT, ("c", 1, "YES")]).foreign == 1


def test_a_receipt_that_names_fewer_than_were_sent_is_kept():
    assert check(KEPT[:1], confirmed={"a": 1}).holds
