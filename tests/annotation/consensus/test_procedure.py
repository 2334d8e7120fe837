from dataclasses import replace

import numpy as np
import pytest

from annotation.consensus import procedure
from annotation.consensus.belief import believe, find_probabilities
from annotation.consensus.fit import UNKNOWN, Plan, fit
from annotation.consensus.procedure import begin_from, is_ordered, replay_gold, replay_left_out
from annotation.consensus.shards import make_course
from annotation.consensus.start import GRADED, start_two_states
from tests.annotation.consensus.test_shards import WORKERS, make_shard


def make_blind_course():
    counts = np.zeros((WORKERS, GRADED.states, 3))
    return make_course(parameters=GRADED, counts=counts, plan=Plan())


def test_meanings_are_learned_anew_so_that_gold_counts_once():
    learned = replace(GRADED, meanings=GRADED.meanings[::-1].copy(), discount=0.9, strengths=GRADED.strengths * 2)

    found = begin_from(learned)

    assert (found.meanings.tolist(), found.discount) == (GRADED.meanings.tolist(), GRADED.discount)
    assert found.strengths.tolist() == learned.strengths.tolist()


def test_other_states_keep_their_meanings():
    parameters = start_two_states()

    assert begin_from(parameters) is parameters


def test_gold_is_replayed_and_what_curators_settled_is_not():
    shard = make_shard()

    runs = replay_gold(known=shard, course=make_blind_course())

    voted = np.diff(shard.votes.starts) > 0
    assert set(runs.truth.tolist()) == {0, 1}
    assert len(np.unique(runs.item)) == (shard.drawn & voted).sum() < ((shard.truth != UNKNOWN) & voted).sum()


def test_much_gold_is_drawn_from(monkeypatch):
    monkeypatch.setattr(procedure, "GOLD_REPLAYED", 20)
    shard = make_shard()

    found = [replay_gold(known=shard, course=make_blind_course()) for _ in range(2)]

    assert 10 < len(np.unique(found[0].item)) <= 20
    assert found[0].evidence.tobytes() == found[1].evidence.tobytes()


def test_the_same_gold_is_replayed_without_what_it_taught():
    shard = make_shard()
    course = fit(votes=shard.votes, start=start_two_states(), truth=shard.truth)

    runs = replay_left_out(known=shard, course=course)

    trusting = replay_gold(known=shard, course=course)
    assert sorted(runs.truth.tolist()) == sorted(trusting.truth.tolist())
    assert believe_truth(runs, course) < believe_truth(trusting, course)


def believe_truth(runs, course):
    """How probable the truth is after all votes, on average."""
    shares = believe(evidence=runs.evidence[:, -1], votes=runs.available, parameters=course.parameters)
    chances = find_probabilities(shares=shares, parameters=course.parameters)
    return np.average(chances[np.arange(len(chances)), runs.truth])


@pytest.mark.parametrize("parameters", [GRADED, start_two_states()])
def test_a_start_tells_a_yes_from_a_no(parameters):
    assert is_ordered(parameters)


def test_a_crowd_that_says_the_opposite_does_not():
    assert not is_ordered(replace(GRADED, responses=GRADED.responses[:, ::-1].copy()))
    assert not is_ordered(replace(GRADED, responses=np.tile(GRADED.responses[:1], (GRADED.states, 1))))
