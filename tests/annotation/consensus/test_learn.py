import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotation.consensus.belief import believe, find_probabilities, sum_evidence
from annotation.consensus.fit import fit
from annotation.consensus.learn import Learned, is_informative, learn
from annotation.consensus.model import Floats, tabulate, take_logarithms
from annotation.consensus.start import GRADED, share_by_votes, start_two_states
from annotation.consensus.votes import UNKNOWN, Votes
from tests.annotation.consensus.strategies import make_votes, seeds, simulate_votes

NO, YES = (0.85, 0.07, 0.08), (0.15, 0.1, 0.75)
Truth = NDArray[np.int8]


def simulate(
    seed: int, *, items: int = 200, votes: int = 5, workers: int = 15, no: tuple[float, ...] = NO, share: float = 0.4
) -> tuple[Votes, Truth]:
    """Workers who all see the same: `no` is how they answer a no; a yes as in `YES`, unless nobody can tell."""
    yes = YES if no is NO else no
    truth = (np.random.default_rng(seed).random(items) < share).astype(np.int8)
    tables = np.broadcast_to(np.array([no, yes]), (workers, 2, 3))
    return simulate_votes(seed=seed, truth=truth, worker_tables=tables, votes_per_item=votes)


def simulate_graded(seed: int, *, items: int = 400, votes: int = 8) -> tuple[Votes, Truth]:
    """Items in the six states of a new installation, so that many agreeing votes may still be wrong."""
    chance = np.random.default_rng(seed)
    state = chance.choice(GRADED.states, size=items, p=GRADED.shares / GRADED.shares.sum())
    truth = (chance.random(items) < GRADED.meanings[state, 1]).astype(np.int8)
    tables = np.broadcast_to(GRADED.responses, (15, GRADED.states, 3))
    crowd, _ = simulate_votes(seed=seed, truth=state, worker_tables=tables, votes_per_item=votes)
    return crowd, truth


def verify(votes: Votes, *, gold: Truth | None = None, seed: int = 0) -> Learned:
    known = gold if gold is not None else np.full(votes.items, UNKNOWN, dtype=np.int8)
    return learn(votes=votes, classes=2, verification=True, gold=known, seed=seed)


def know(truth: Truth, number: int) -> Truth:
    """Of so many items, the first, the truth is known."""
    gold = np.full(len(truth), UNKNOWN, dtype=np.int8)
    gold[:number] = truth[:number]
    return gold


def read(votes: Votes, learned: Learned) -> Floats:
    """P(yes) of each item."""
    evidence = sum_evidence(votes=votes, log_tables=learned.log_tables)
    shares = believe(evidence=evidence, votes=np.diff(votes.starts), parameters=learned.parameters)
    return find_probabilities(shares=shares, parameters=learned.parameters)[:, 1]


def measure_log_loss(probability: Floats, truth: Truth) -> float:
    return float(-np.log(np.where(truth == 1, probability, 1 - probability)).mean())


def test_what_is_learned_tells_yes_from_no() -> None:
    votes, truth = simulate(1)

    learned = verify(votes)

    assert learned.informative
    assert ((read(votes, learned) > 0.5) == truth).mean() > 0.93


def test_the_log_tables_are_those_of_the_counts() -> None:
    learned = verify(simulate(2)[0])

    tables = tabulate(counts=learned.counts, parameters=learned.parameters)
    assert np.array_equal(learned.log_tables, take_logarithms(tables))


@pytest.mark.parametrize("seed", range(4))
def test_with_gold_the_model_with_the_smaller_held_out_loss_is_taken(seed: int) -> None:
    votes, truth = simulate_graded(seed, items=620, votes=4)

    learned = verify(votes, gold=know(truth, 120))

    assert set(learned.gold_losses) == {2, GRADED.states}
    assert learned.parameters.states == min(learned.gold_losses, key=lambda states: learned.gold_losses[states])


def test_finer_states_are_taken_where_votes_are_wrong_together() -> None:
    votes, truth = simulate_graded(3, items=900)

    assert verify(votes, gold=know(truth, 500)).parameters.states == GRADED.states


@pytest.mark.parametrize("number", [0, 10])
def test_with_little_gold_finer_states_are_not_tried(number: int) -> None:
    votes, truth = simulate_graded(4, items=620, votes=4)

    learned = verify(votes, gold=know(truth, number))

    assert list(learned.gold_losses) == [2]
    assert learned.parameters.states == 2


def test_with_little_gold_finer_states_are_taken_if_somebody_brings_them_along() -> None:
    votes, truth = simulate_graded(5)

    learned = learn(votes=votes, classes=2, verification=True, gold=know(truth, 10), start=GRADED)

    assert learned.parameters.states == GRADED.states


def test_gold_says_how_often_all_are_wrong_together() -> None:
    votes, seen = simulate(6, items=500)
    truth = np.where(np.random.default_rng(60).random(500) < 0.15, 1 - seen, seen).astype(np.int8)

    probability = read(votes, verify(votes, gold=know(truth, 200)))[200:]

    surest = np.maximum(probability, 1 - probability).max()
    assert 0.75 < surest < 0.95
    assert measure_log_loss(probability, truth[200:]) < measure_log_loss(read(votes, verify(votes))[200:], truth[200:])


def test_gold_of_one_class_does_not_turn_everything_into_that_class() -> None:
    votes, truth = simulate(7, items=300)
    gold = np.full(300, UNKNOWN, dtype=np.int8)
    gold[np.flatnonzero(truth == 1)[::2]] = 1

    probability = read(votes, verify(votes, gold=gold))

    asked = gold == UNKNOWN
    assert ((probability > 0.5) == truth)[asked].mean() > 0.93


def test_gold_chosen_half_and_half_does_not_make_a_rare_yes_common() -> None:
    votes, truth = simulate(8, items=600, share=0.06)
    gold = np.full(600, UNKNOWN, dtype=np.int8)
    for kind in (0, 1):
        gold[np.flatnonzero(truth == kind)[:25]] = kind

    probability = read(votes, verify(votes, gold=gold))

    assert probability[gold == UNKNOWN].mean() < 0.12


@pytest.mark.parametrize(("number", "each"), [(60, 3), (300, 5), (300, 20)])
@pytest.mark.parametrize("answers", [(0.5, 0.0, 0.5), (1 / 3, 1 / 3, 1 / 3), (0.9, 0.02, 0.08)])
def test_tossed_coins_are_recognised_as_noise(number: int, each: int, answers: tuple[float, ...]) -> None:
    votes, _ = simulate(9, items=number, votes=each, workers=25, no=answers)

    learned = verify(votes)

    assert not learned.informative
    assert 0.05 < read(votes, learned).min() < read(votes, learned).max() < 0.8


def test_noise_stays_noise_however_much_gold_there_is() -> None:
    votes, truth = simulate(10, items=400, no=(0.5, 0.0, 0.5))

    learned = verify(votes, gold=know(truth, 300))

    assert not learned.informative
    assert 0.2 < read(votes, learned).min() < read(votes, learned).max() < 0.8


@settings(max_examples=8, deadline=None)
@given(seeds, st.booleans())
def test_votes_are_informative_exactly_where_workers_look(seed: int, look: bool) -> None:
    votes, _ = simulate(seed, items=150, no=NO if look else (0.6, 0.1, 0.3))
    even = share_by_votes(votes=votes, verification=True)

    fitted = fit(votes=votes, start=start_two_states(), shares=even)

    assert is_informative(fitted=fitted) == look


def test_workers_with_a_single_vote_each_are_worth_something() -> None:
    votes, truth = simulate(11, items=300)
    alone = Votes(
        item=votes.item,
        worker=np.arange(len(votes), dtype=np.int32),
        answer=votes.answer,
        items=votes.items,
        workers=len(votes),
        answers=3,
    )

    probability = read(alone, verify(alone))

    assert ((probability > 0.5) == truth).mean() > 0.93
    assert measure_log_loss(probability, truth) < 0.3


def test_where_no_item_has_two_votes_the_start_is_kept() -> None:
    learned = verify(make_votes([[(item % 5, item % 3)] for item in range(20)]))

    assert learned.rounds == 0
    assert not learned.counts.any()
    assert np.array_equal(learned.parameters.responses, start_two_states().responses)


@pytest.mark.parametrize("items", [0, 1])
def test_next_to_no_votes_are_no_error(items: int) -> None:
    learned = verify(make_votes([[(0, 2)]] * items))

    assert np.all(np.isfinite(learned.log_tables))


def test_classes_are_learned_by_the_same_procedure() -> None:
    truth = np.arange(120) % 4
    tables = np.broadcast_to(0.7 * np.eye(4) + 0.3 / 4, (10, 4, 4))
    votes, _ = simulate_votes(seed=12, truth=truth, worker_tables=tables, votes_per_item=5)

    learned = learn(votes=votes, classes=4, verification=False, gold=np.full(120, UNKNOWN, dtype=np.int8))

    evidence = sum_evidence(votes=votes, log_tables=learned.log_tables)
    assert (evidence.argmax(axis=1) == truth).mean() > 0.9


def test_same_votes_and_seed_teach_the_same_to_the_last_bit() -> None:
    votes, truth = simulate(13)

    first, second = (verify(votes, gold=know(truth, 60), seed=5) for _ in range(2))

    assert first.parameters.to_json() == second.parameters.to_json()
    assert np.array_equal(first.counts, second.counts)
