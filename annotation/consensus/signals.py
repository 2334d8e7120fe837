"""Soft signs that somebody answers without looking. They bring more gold, which shows what is true of them; by themselves they discard
and weigh nothing (docs/adr/0039)."""

from dataclasses import dataclass

# So many answers are needed before their pattern says anything.
LEAST_ANSWERS = 50
# Faster than people can look at a picture and press a key, and than a third of what others take.
HASTE_MILLISECONDS = 400.0
HASTE_SHARE = 1 / 3
# Nearly always the same answer, where what is believed of the same questions makes it no more than so common.
SAMENESS = 0.95
BELIEVED = 0.8
# Answers on gold after which somebody counts as known, and those who are known and right so often as proven.
KNOWN_GOLD, PROVEN_GOLD, PROVEN_RIGHT = 20, 40, 0.9


@dataclass(frozen=True, kw_only=True)
class Habits:
    """Of an annotator's newest answers: how many, the median of the milliseconds before them (None where they were not measured), shares of
    yes and of no, and the share of true questions among them as the model believes it."""

    answers: int
    median_milliseconds: float | None
    yes: float
    no: float
    believed_yes: float


def is_hurried(habits: Habits, *, crowd_milliseconds: float | None) -> bool:
    """`crowd_milliseconds`: the median of all annotators' medians, None where there is none."""
    if habits.answers < LEAST_ANSWERS or habits.median_milliseconds is None or crowd_milliseconds is None:
        return False
    return habits.median_milliseconds < min(HASTE_MILLISECONDS, HASTE_SHARE * crowd_milliseconds)


def is_monotonous(habits: Habits) -> bool:
    if habits.answers < LEAST_ANSWERS:
        return False
    believed = {habits.yes: habits.believed_yes, habits.no: 1 - habits.believed_yes}
    return any(share >= SAMENESS and common <= BELIEVED for share, common in believed.items())


def is_known(*, gold: int) -> bool:
    return gold >= KNOWN_GOLD


def is_proven(*, gold: int, right: int) -> bool:
    """By answers yes or no to questions whose truth was known before, and how many of them were right."""
    return gold >= PROVEN_GOLD and right >= PROVEN_RIGHT * gold
