from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from annotation.consensus.belief import believe, sum_evidence
from annotation.consensus.fit import fit
from annotation.consensus.model import find_log_tables
from annotation.consensus.priors import PARENT_WEIGHT, weigh_states
from annotation.consensus.start import GRADED
from annotation.consensus.synsets import SynsetTable, count_states, find_factors, join_tables, know_beforehand
from annotation.consensus.votes import UNKNOWN
from tests.annotation.consensus.test_shards import PLAN, SYNSETS, make_shard, split

SHARES = np.array([0.7, 0.3])


@pytest.fixture(scope="module")
def shard():
    return make_shard()


@pytest.fixture(scope="module")
def course(shard):
    return fit(votes=shard.votes, start=GRADED, plan=PLAN)


def make_table(rows):
    return SynsetTable(synset_id=np.array(sorted(rows)), values=np.array([rows[each] for each in sorted(rows)]))


def test_a_synsets_states_are_those_of_its_unknown_questions_with_two_votes(shard, course):
    counts = count_states(shard=shard, course=course)

    evidence = sum_evidence(
        votes=shard.votes, log_tables=find_log_tables(counts=course.counts, parameters=course.parameters)
    )
    plain = replace(course.parameters, discount=0.0)
    slow: dict[int, Any] = defaultdict(lambda: np.zeros(GRADED.states))
    for item, votes in enumerate(np.bincount(shard.votes.item, minlength=shard.votes.items)):
        if votes >= 2 and shard.truth[item] == UNKNOWN:
            slow[shard.synset_id[item]] += believe(evidence=evidence[item], votes=np.array(votes), parameters=plain)
    assert counts.synset_id.tolist() == sorted(slow) == list(range(SYNSETS))
    assert counts.values == pytest.approx(np.array([slow[each] for each in counts.synset_id]), abs=1e-5)


@pytest.mark.parametrize("shards", [2, 3, 8])
def test_counts_of_shards_joined_are_those_of_all_to_the_last_bit(shard, course, shards):
    parts = [count_states(shard=part, course=course) for part in split(shard, shards)]

    joined = join_tables(parts)

    assert joined.to_bytes() == count_states(shard=shard, course=course).to_bytes()
    assert SynsetTable.from_bytes(joined.to_bytes()).to_bytes() == joined.to_bytes()


def test_a_shard_without_votes_counts_nothing(shard, course):
    nothing = count_states(shard=shard.select(np.zeros(len(shard.item_id), dtype=bool)), course=course)

    assert nothing.values.shape == (0, GRADED.states)
    assert not nothing.find(np.array([3, 4])).any()


def test_a_factor_is_how_much_commoner_a_state_is_than_among_all():
    counts = make_table({7: [0.0, PARENT_WEIGHT]})

    factors = find_factors(counts=counts, parents={7: []}, shares=SHARES)

    assert factors.values == pytest.approx(np.log(np.array([[0.35, 0.65]]) / SHARES))


def test_a_synset_nobody_voted_on_has_what_those_above_it_tell():
    counts = make_table({5: [0.0, 300.0]})
    parents = {9: [], 5: [9], 3: [5], 4: [9]}

    factors = find_factors(counts=counts, parents=parents, shares=SHARES)

    assert factors.synset_id.tolist() == [3, 5]
    assert factors.values[0] == pytest.approx(factors.values[1])
    assert not factors.find(np.array([9, 4, 1])).any()


def test_where_nothing_was_counted_there_are_no_factors():
    nothing = SynsetTable(synset_id=np.zeros(0, dtype=np.int64), values=np.zeros((0, 2)))

    factors = find_factors(counts=nothing, parents={9: [], 5: [9]}, shares=SHARES)

    assert factors.find(np.array([5, 9])).tolist() == [[0, 0], [0, 0]]


def test_what_importers_said_and_what_synsets_tell_is_added(shard):
    factors = make_table({4: np.arange(6.0)})

    known = know_beforehand(shard=shard, parameters=GRADED, factors=factors)

    said = weigh_states(probability=shard.prior, parameters=GRADED)
    assert known - said == pytest.approx(np.outer(shard.synset_id == 4, np.arange(6.0)), abs=1e-12)
    assert np.array_equal(know_beforehand(shard=shard, parameters=GRADED, factors=None), said)
