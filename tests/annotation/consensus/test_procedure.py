from dataclasses import replace

import numpy as np
import pytest

from annotation.consensus import procedure
from annotation.consensus.fit import UNKNOWN, Plan
from annotation.consensus.procedure import begin_from, is_ordered, replay_gold
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


@pytest.mark.parametrize("parameters", [GRADED, start_two_states()])
def test_a_start_tells_a_yes_from_a_no(parameters):
    assert is_ordered(parameters)


def test_a_crowd_that_says_the_opposite_does_not():
    assert not is_ordered(replace(GRADED, responses=GRADED.responses[:, ::-1].copy()))
    assert not is_ordered(replace(GRADED, responses=np.tile(GRADED.responses[:1], (GRADED.states, 1))))
