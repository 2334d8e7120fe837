from dataclasses import replace

import numpy as np
import pytest

from annotation.consensus import procedure
from annotation.consensus.belief import believe, find_probabilities
from annotation.consensus.fit import Plan, fit
from annotation.consensus.priors import weigh_states
from annotation.consensus.procedure import LEAST_GAIN, begin_from, hear_known, is_ordered, replay_gold, replay_left_out
from annotation.consensus.shards import make_course
from annotation.consensus.start import GRADED, start_two_states
from annotation.consensus.synsets import SynsetTable
from annotation.consensus.votes import UNKNOWN
from tests.annotation.consensus.test_shards import SYNSETS, WORKERS, make_shard


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


@pytest.mark.parametrize("replay", [replay_gold, replay_left_out])
def test_gold_is_replayed_with_what_importers_said_and_its_synsets_factors(replay):
    shard, course = make_shard(), make_blind_course()
    factors = make_factors(lambda synset: synset / 10)

    runs = replay(known=shard, course=course, factors=factors)

    gold = shard.select(shard.drawn & (shard.truth != UNKNOWN))
    said = weigh_states(probability=gold.prior, parameters=course.parameters)
    assert np.array_equal(runs.log_prior, (said + factors.find(gold.synset_id))[runs.item])
    assert 0 < np.isnan(gold.prior).sum() < len(gold.prior)


def make_factors(of_synset):
    """Log factors of the synsets of `make_shard`, for the states that mean yes rather than no."""
    synset_id = np.arange(SYNSETS)
    values = np.outer([of_synset(synset) for synset in synset_id], GRADED.meanings[:, 1] > 0.5)
    return SynsetTable(synset_id=synset_id, values=values)


def make_telling_shard():
    """Every synset's gold is all yes or all no."""
    shard = make_shard()
    return shard.select(shard.truth == shard.synset_id % 2)


def test_shares_of_synsets_are_kept_where_held_out_gold_improves():
    factors = make_factors(lambda synset: 2.0 if synset % 2 else -2.0)

    heard = hear_known(known=make_telling_shard(), course=make_blind_course(), find_factors=lambda: factors)

    assert heard.factors is factors
    assert heard.loss_with is not None
    assert heard.loss_without is not None
    assert heard.loss == heard.loss_with < heard.loss_without - LEAST_GAIN
    assert heard.parameters.meanings.tolist() != GRADED.meanings.tolist()


@pytest.mark.parametrize("strength", [0.0, -2.0])
def test_shares_that_say_nothing_or_mislead_are_not_kept(strength):
    factors = make_factors(lambda synset: strength if synset % 2 else -strength)

    heard = hear_known(known=make_telling_shard(), course=make_blind_course(), find_factors=lambda: factors)

    assert heard.factors is None
    assert heard.loss_with is not None
    assert heard.loss_without is not None
    assert heard.loss == heard.loss_without <= heard.loss_with


def test_without_enough_gold_nothing_is_tried():
    shard = make_shard()

    heard = hear_known(known=shard.select(shard.truth == 1), course=make_blind_course(), find_factors=pytest.fail)

    assert (heard.parameters, heard.factors, heard.loss) == (GRADED, None, None)


def test_gold_is_replayed_up_to_a_high_cap():
    shard = make_shard()
    course = fit(votes=shard.votes, start=start_two_states(), truth=shard.truth)

    runs = replay_left_out(known=shard, course=course, vote_cap=30)

    assert runs.evidence.shape[1] == 30
    assert len(runs.truth) == 2 * len(np.unique(runs.item))


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
