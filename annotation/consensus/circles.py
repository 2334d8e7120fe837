"""Who answers in step: annotators who make the same mistakes more often than their own mistakes and the questions explain (docs/adr/0041).

Agreement on what is right says nothing; agreement on errors is the sign of one hand behind several accounts (Checco et al., Adversarial
attacks on crowdsourcing quality control, 2020; Dong et al., Integrating conflicting data, 2009, for the argument).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from scipy.stats import poisson

# So many mistakes in common, and so unlikely by chance that among all pairs one such is not expected.
LEAST_SHARED = 5
# Where more were wrong, the question is hard or its truth is not, and its pairs would be too many to count.
MOST_WRONG = 200
EXPECTED_FALSE_PAIRS = 0.01
# What any mistake is worth beforehand: nobody is without, and no question.
SMOOTHING = 1.0

Answers = Sequence[tuple[int, int, bool]]


def find_circles(answers: Answers) -> dict[int, int]:
    """From (annotator, question, whether right), each pair once, of questions whose truth is known: by annotator who answers in step with
    others, the lowest number of their circle. Whoever does not is left out."""
    table = _Table(answers)
    shared = {pair: number for pair, number in _count_shared(answers).items() if number >= LEAST_SHARED}
    pairs = len(table.of_annotator) * (len(table.of_annotator) - 1) / 2
    return _join(
        pair
        for pair, number in shared.items()
        if poisson.sf(number - 1, table.expect_shared(*pair)) < EXPECTED_FALSE_PAIRS / pairs
    )


class _Table:
    """Mistakes by annotator and question, with how likely each was."""

    def __init__(self, answers: Answers) -> None:
        self.of_annotator: dict[int, dict[int, bool]] = defaultdict(dict)
        self._asked, self._wrong = Counter[int](), Counter[int]()
        for annotator, question, right in answers:
            self.of_annotator[annotator][question] = not right
            self._asked[question] += 1
            self._wrong[question] += not right
        self._overall = (self._wrong.total() + SMOOTHING) / (self._asked.total() + SMOOTHING)

    def expect_shared(self, first: int, second: int) -> float:
        """How many mistakes the two would share by chance. A question is as hard as others found it."""
        ours, theirs = self.of_annotator[first], self.of_annotator[second]
        rates = self._find_rate(ours) * self._find_rate(theirs) / self._overall**2
        return sum(
            min(rates * self._find_hardness(question, ours[question] + theirs[question]) ** 2, 1.0)
            for question in ours.keys() & theirs.keys()
        )

    def _find_rate(self, wrong: Mapping[int, bool]) -> float:
        return (sum(wrong.values()) + SMOOTHING * self._overall) / (len(wrong) + SMOOTHING)

    def _find_hardness(self, question: int, mistakes: int) -> float:
        """The rate of mistakes without two answers, so many of them wrong."""
        others, wrong = self._asked[question] - 2, self._wrong[question] - mistakes
        return (wrong + SMOOTHING * self._overall) / (others + SMOOTHING)


def _count_shared(answers: Answers) -> Mapping[tuple[int, int], int]:
    """By pair of annotators, the lower first: on how many questions both were wrong."""
    together: dict[int, list[int]] = defaultdict(list)
    for annotator, question, right in answers:
        if not right:
            together[question].append(annotator)
    return Counter(
        pair for each in together.values() if len(each) <= MOST_WRONG for pair in combinations(sorted(each), 2)
    )


def _join(linked: Iterable[tuple[int, int]]) -> dict[int, int]:
    """By whoever is linked, directly or over others, the lowest of them."""
    lowest: dict[int, int] = {}

    def find(each: int) -> int:
        while lowest.setdefault(each, each) != each:
            each = lowest[each]
        return each

    for first, second in linked:
        low, high = sorted((find(first), find(second)))
        lowest[high] = low
    return {each: find(each) for each in list(lowest)}
