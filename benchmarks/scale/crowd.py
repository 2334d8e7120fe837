"""A crowd's questions and votes as the product itself would have left them, made chunk by chunk.

What the engine makes of a question under the first snapshot, before anything is known of annotators, hangs on the numbers of
its answers alone. So it is asked about every combination once, and questions are asked until it decides.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.belief import estimate_evidence
from annotation.consensus.decide import Decision, Rule, decide
from annotation.consensus.information import expect_information, find_bands
from annotation.consensus.model import Answer, Floats, find_log_tables
from annotation.consensus.sequence import count_votes_wanted
from annotation.consensus.start import GRADED

Integers = NDArray[np.int64]
SEED = 14_197_122
PAGE = 24
VOTE_CAP = 10
# Lets the first snapshot decide after three votes or so.
TARGET_ERROR = 0.2
BLOCKS_AT_ONCE = 1 << 14
IN_WORK = 0.19
# So hard that annotators guess.
HARD = 0.01
GOLD_STEP = 500
QUESTIONS_OF_A_SYNSET = 650
SYNSETS = 21_841
ANNOTATORS = 49_000
# Of NO, UNSURE and YES in the number of a combination.
PLACES = np.array([(VOTE_CAP + 1) ** 2, VOTE_CAP + 1, 1])


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What the engine makes of each combination of answers, by its number."""

    decision: NDArray[np.int8]
    log_odds: Floats
    probability: Floats
    wanted: NDArray[np.int16]
    priority: NDArray[np.int16]


def find_outcomes() -> Outcomes:
    counts = np.array(list(itertools.product(range(VOTE_CAP + 1), repeat=len(Answer))))
    tables = find_log_tables(counts=np.zeros((1, GRADED.states, len(Answer))), parameters=GRADED)[0]
    estimates = estimate_evidence(evidence=counts @ tables.T, counts=counts, parameters=GRADED)
    rule = Rule(target_error=TARGET_ERROR, vote_cap=VOTE_CAP)
    return Outcomes(
        decision=decide(estimates, GRADED, rule),
        log_odds=estimates.log_odds,
        probability=estimates.probability,
        wanted=count_votes_wanted(estimates=estimates, parameters=GRADED, rule=rule).astype(np.int16),
        priority=find_bands(expect_information(estimates=estimates, parameters=GRADED)),
    )


@dataclass(frozen=True, eq=False)
class Annotators:
    """How often each is right, and how often unsure."""

    right: Floats
    unsure: Floats

    @classmethod
    def draw(cls, questions: int) -> "Annotators":
        count, random = min(ANNOTATORS, max(200, questions // 300)), np.random.default_rng(SEED)
        return cls(right=random.beta(18, 2, count).clip(0.55, 0.99), unsure=random.beta(2, 58, count))

    def __len__(self) -> int:
        return len(self.right)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Questions in runs of up to a page, each of one synset: `first[B]` question, counted from 0, `length[B]`,
    `synset[B]`."""

    first: Integers
    length: Integers
    synset: Integers

    @classmethod
    def lay_out(cls, questions: int) -> "Blocks":
        """One synset has a fourteenth of the questions, the others share the rest evenly."""
        synsets = count_synsets(questions)
        sizes = np.full(synsets, questions)
        if synsets > 1:
            sizes[0] = questions // 14
            rest = questions - sizes[0]
            sizes[1:] = rest // (synsets - 1) + (np.arange(synsets - 1) < rest % (synsets - 1))
        blocks = -(-sizes // PAGE)
        synset = np.repeat(np.arange(synsets), blocks)
        place = np.arange(len(synset)) - np.repeat(np.cumsum(blocks) - blocks, blocks)
        starts = np.cumsum(sizes) - sizes
        return cls(
            first=starts[synset] + PAGE * place, length=np.minimum(PAGE, sizes[synset] - PAGE * place), synset=synset
        )


def count_synsets(questions: int) -> int:
    return min(SYNSETS, max(1, questions // QUESTIONS_OF_A_SYNSET))


@dataclass(frozen=True, eq=False)
class Pages:
    """Votes in the order in which they were given. Of each page the block, its number among the block's, the annotator and
    the votes; of each vote the page, the position, the question (counted from 0 in the chunk) and the answer."""

    block: Integers
    number: Integers
    annotator: Integers
    votes: Integers
    page: Integers
    position: Integers
    question: Integers
    answer: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some blocks with their Q questions: `combination[Q]` numbers the answers there are, `gold[Q]` are never decided,
    `truth[Q]` is yes."""

    number: int
    first: int
    block: Integers
    synset: Integers
    combination: Integers
    votes: Integers
    truth: NDArray[np.bool_]
    gold: NDArray[np.bool_]
    annotator: Integers
    answer: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.block)

    @cached_property
    def pages(self) -> Pages:
        """Everybody's first votes come before anybody's second, so a question's votes lie far apart, as they do where many
        annotators work at many synsets."""
        found = [np.flatnonzero(self.votes > number) for number in range(VOTE_CAP)]
        question, number = np.concatenate(found), np.repeat(np.arange(VOTE_CAP), [len(each) for each in found])
        run = number * len(self.annotator) + self.block[question]
        started = np.flatnonzero(np.diff(run, prepend=-1))
        votes = np.diff(np.append(started, len(run)))
        page = np.repeat(np.arange(len(started)), votes)
        block, of_block = self.block[question[started]], number[started]
        return Pages(
            block=block,
            number=of_block,
            annotator=self.annotator[block, of_block],
            votes=votes,
            page=page,
            position=np.arange(len(run)) - started[page] + 1,
            question=question,
            answer=self.answer[question, number],
        )


def iterate_chunks(*, questions: int, annotators: Annotators, outcomes: Outcomes) -> Iterator[Chunk]:
    """All questions, always the same for the same number of them."""
    blocks = Blocks.lay_out(questions)
    for number, low in enumerate(range(0, len(blocks.first), BLOCKS_AT_ONCE)):
        some = slice(low, low + BLOCKS_AT_ONCE)
        chosen = Blocks(blocks.first[some], blocks.length[some], blocks.synset[some])
        yield _make_chunk(number, chosen, annotators, outcomes)


def _make_chunk(number: int, blocks: Blocks, annotators: Annotators, outcomes: Outcomes) -> Chunk:
    random = np.random.default_rng([SEED, number])
    block = np.repeat(np.arange(len(blocks.first)), blocks.length)
    annotator = _assign(random, len(blocks.first), len(annotators))
    truth = random.random(len(block)) < 0.5
    answer = _answer(random, truth, annotator[block], annotators)
    combination = np.zeros((len(block), VOTE_CAP + 1), dtype=np.int64)
    combination[:, 1:] = np.cumsum(PLACES[answer], axis=1)
    decided = outcomes.decision[combination] != Decision.ASK
    votes = np.where(decided.any(axis=1), decided.argmax(axis=1), VOTE_CAP)
    open_questions = np.flatnonzero(random.random(len(block)) < IN_WORK)
    votes[open_questions] = np.minimum(votes[open_questions] - 1, random.integers(0, 4, len(open_questions)))
    gold = np.zeros(len(block), dtype=bool)
    gold[open_questions[::GOLD_STEP]] = True
    votes[gold] = random.integers(0, VOTE_CAP + 1, gold.sum())
    return Chunk(
        number=number,
        first=int(blocks.first[0]),
        block=block,
        synset=blocks.synset[block],
        combination=combination[np.arange(len(block)), votes],
        votes=votes,
        truth=truth,
        gold=gold,
        annotator=annotator,
        answer=answer,
    )


def _assign(random: np.random.Generator, blocks: int, annotators: int) -> Integers:
    """[blocks, pages]: annotators, no one twice in a block."""
    start = random.integers(0, annotators, blocks)
    step = random.integers(1, (annotators - 1) // (VOTE_CAP - 1) + 1, blocks)
    return (start[:, np.newaxis] + step[:, np.newaxis] * np.arange(VOTE_CAP)) % annotators


def _answer(
    random: np.random.Generator, truth: NDArray[np.bool_], annotator: Integers, annotators: Annotators
) -> NDArray[np.int8]:
    """[Q, pages]: what each annotator would say."""
    drawn, right = random.random(annotator.shape), annotators.right[annotator]
    right[random.random(len(truth)) < HARD] = 0.5
    yes = (drawn < right) == truth[:, np.newaxis]
    answer = np.where(yes, np.int8(Answer.YES), np.int8(Answer.NO))
    answer[random.random(annotator.shape) < annotators.unsure[annotator]] = Answer.UNSURE
    return answer
