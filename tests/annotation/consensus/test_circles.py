"""Who answers in step with others."""

import numpy as np
import pytest

from annotation.consensus.circles import find_circles

QUESTIONS = 200


def draw_answers(*, annotators=30, rate=0.12, hard=0.0, seed=1):
    """Honest annotators, who err by themselves; of `hard` questions half of the answers are wrong."""
    chance = np.random.default_rng(seed)
    of_question = np.where(chance.random(QUESTIONS) < hard, 0.5, rate)
    return [
        (annotator, question, bool(chance.random() >= of_question[question]))
        for annotator in range(annotators)
        for question in range(QUESTIONS)
        if chance.random() < 0.6
    ]


def copy_answers(answers, *, source, to):
    """Other accounts give what one gives."""
    return answers + [(name, question, right) for who, question, right in answers if who == source for name in to]


@pytest.mark.parametrize("hard", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(5))
def test_honest_annotators_are_in_no_circle_however_hard_some_questions_are(seed, hard):
    assert find_circles(draw_answers(seed=seed, hard=hard)) == {}


@pytest.mark.parametrize("seed", range(3))
def test_accounts_of_one_hand_are_in_one_circle_and_nobody_else(seed):
    answers = copy_answers(draw_answers(rate=0.2, seed=seed), source=4, to=[101, 102])

    assert find_circles(answers) == {4: 4, 101: 4, 102: 4}


def test_two_hands_have_two_circles():
    answers = copy_answers(draw_answers(rate=0.2), source=3, to=[101])

    assert find_circles(copy_answers(answers, source=9, to=[102])) == {3: 3, 101: 3, 9: 9, 102: 9}


def test_those_who_agree_only_on_what_is_right_are_in_none():
    answers = [(annotator, question, True) for annotator in range(5) for question in range(QUESTIONS)]

    assert find_circles(answers) == {}


def test_few_mistakes_in_common_say_nothing():
    answers = [(annotator, question, question >= 4) for annotator in (1, 2) for question in range(QUESTIONS)]
    others = [(annotator, question, True) for annotator in range(3, 20) for question in range(QUESTIONS)]

    assert find_circles(answers + others) == {}
    assert find_circles([]) == {}
