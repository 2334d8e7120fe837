"""Soft signs that somebody answers without looking."""

import pytest

from annotation.consensus.signals import Habits, is_hurried, is_known, is_monotonous, is_proven


def make_habits(**given):
    usual = {"answers": 200, "median_milliseconds": 1500.0, "yes": 0.4, "no": 0.6, "believed_yes": 0.4}
    return Habits(**(usual | given))


@pytest.mark.parametrize(("milliseconds", "expected"), [(100.0, True), (399.0, True), (450.0, False), (None, False)])
def test_haste_is_less_than_a_glance_and_than_a_third_of_what_others_take(milliseconds, expected):
    assert is_hurried(make_habits(median_milliseconds=milliseconds), crowd_milliseconds=1500) is expected


def test_where_all_are_quick_nobody_hurries():
    assert not is_hurried(make_habits(median_milliseconds=300.0), crowd_milliseconds=600)
    assert not is_hurried(make_habits(median_milliseconds=1.0), crowd_milliseconds=None)


@pytest.mark.parametrize(
    ("yes", "no", "believed_yes", "expected"),
    [
        (0.97, 0.03, 0.4, True),
        (0.0, 1.0, 0.4, True),
        # Nearly all are false, and said to be.
        (0.01, 0.99, 0.02, False),
        (0.9, 0.1, 0.4, False),
    ],
)
def test_sameness_is_one_answer_where_others_would_fit(yes, no, believed_yes, expected):
    assert is_monotonous(make_habits(yes=yes, no=no, believed_yes=believed_yes)) is expected


def test_few_answers_say_nothing():
    few = make_habits(answers=49, yes=1.0, no=0.0, median_milliseconds=1.0)

    assert not is_monotonous(few)
    assert not is_hurried(few, crowd_milliseconds=1500)


def test_who_is_known_and_who_is_proven():
    assert [is_known(gold=gold) for gold in (0, 19, 20)] == [False, False, True]
    assert [is_proven(gold=gold, right=right) for gold, right in ((39, 39), (40, 35), (40, 36))] == [False, False, True]
