from dataclasses import replace

import numpy as np
import pytest

from annotation.consensus.fit import Plan, fit
from annotation.consensus.sampling import VOTES_OF_A_SAMPLE, WORTH_IT, choose_share, draw_sample, fit_samples
from annotation.consensus.shards import make_course
from annotation.consensus.start import GRADED
from tests.annotation.consensus.test_shards import ITEMS, WORKERS, make_shard, split

PLAN = Plan(stages=2, last_rounds=30)
START = make_course(parameters=GRADED, counts=np.zeros((WORKERS, GRADED.states, 3)), plan=PLAN)
MANY = 10 * VOTES_OF_A_SAMPLE


def describe(course):
    return course.parameters.to_json(), course.counts.tobytes(), course.plan, course.rounds


@pytest.mark.parametrize(
    ("votes", "known", "share"),
    [(MANY, 0, 0.1), (MANY, VOTES_OF_A_SAMPLE, 1.0), (WORTH_IT * VOTES_OF_A_SAMPLE - 1, 0, 1.0), (0, 0, 1.0)],
    ids=["nothing known", "enough known", "few votes", "none"],
)
def test_only_many_votes_of_workers_of_whom_little_is_known_are_sampled(votes, known, share):
    assert choose_share(votes=votes, known=known) == share


@pytest.mark.parametrize("shards", [1, 3, 8])
def test_however_items_are_split_the_same_ones_are_drawn_and_fitted_to_the_last_bit(shards):
    whole = make_shard()

    course = fit_samples(START, [draw_sample(part, share=0.4) for part in split(whole, shards)])

    assert describe(course) == describe(fit_samples(START, [draw_sample(whole, share=0.4)]))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_sample_has_about_its_share_of_the_items_with_all_their_votes(share):
    whole = make_shard()

    sample = draw_sample(whole, share=share)

    drawn = np.isin(whole.item_id, sample.item_id)
    assert len(sample.item_id) == pytest.approx(share * ITEMS, abs=5 * np.sqrt(ITEMS * share * (1 - share)))
    assert len(sample.votes) == np.count_nonzero(drawn[whole.votes.item])


def test_all_votes_are_asked_first_with_what_the_sample_came_to():
    sample = draw_sample(make_shard(), share=0.5)

    course = fit_samples(START, [sample])

    fitted = fit(votes=sample.votes, start=GRADED, plan=PLAN)
    assert describe(course) == describe(replace(fitted, plan=PLAN.follow(), rounds=0))
    assert not course.finished


def test_a_sample_that_teaches_nothing_leaves_the_start():
    nothing = make_shard().select(np.zeros(ITEMS, dtype=bool))

    assert fit_samples(START, [nothing]) is START
