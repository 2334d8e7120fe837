"""A sample of the items, on which a fit begins that knows nothing of its workers yet: it finds what the crowd is like as surely as
on all of them, in a fraction of the time. Which items are in it hangs on nothing but their ids.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.consensus.fit import Course, fit
from annotation.consensus.shards import Shard, join_shards, make_course

VOTES_OF_A_SAMPLE = 2_000_000
# With fewer votes than so many samples a sample spares nothing.
WORTH_IT = 3


def choose_share(*, votes: int, known: float) -> float:
    """The share of items to begin on, of so many votes; 1, which is to begin on all, where they are few or where an earlier fit
    knew as many votes of the workers as a sample would hold."""
    if known >= VOTES_OF_A_SAMPLE or votes < WORTH_IT * VOTES_OF_A_SAMPLE:
        return 1.0
    return VOTES_OF_A_SAMPLE / votes


def draw_sample(shard: Shard, *, share: float) -> Shard:
    """About that share of the shard's items, below 1: the same ones, however items are split into shards."""
    return shard.select(_mix(shard.item_id) < np.uint64(share * 2.0**64))


def fit_samples(course: Course, samples: Sequence[Shard]) -> Course:
    """The course with which all votes are asked first, where a fit of the samples ended that began with `course`; that
    itself, where nothing in them teaches."""
    votes = join_shards(samples).votes
    fitted = fit(votes=votes, start=course.parameters, counts=course.counts, plan=course.plan)
    if not fitted.rounds:
        return course
    return make_course(parameters=fitted.parameters, counts=fitted.counts, plan=course.plan.follow())


def _mix(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """splitmix64: neighbours come to lie anywhere."""
    mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
