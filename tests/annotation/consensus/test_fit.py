import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotation.consensus.fit import (
    ROUNDS_OF_A_STAGE,
    SHARE_PRIOR,
    Course,
    LikelihoodFell,
    Plan,
    advance,
    arrange,
    arrange_by_cell,
    ask,
    begin,
    clamp_items,
    fit,
    select_teaching,
)
from annotation.consensus.kernel import Kernel, add_expectations
from annotation.consensus.leaps import FIRST_LENGTH
from annotation.consensus.model import Answer, Floats, Parameters, tabulate
from annotation.consensus.start import GRADED, start_classes, start_two_states
from annotation.consensus.votes import UNKNOWN, Votes
from tests.annotation.consensus.strategies import (
    Crowd,
    crowds,
    make_states,
    make_votes,
    parameter_sets,
    patiently,
    simulate_votes,
    split_rows,
    verification_crowds,
)

NO, UNSURE, YES = Answer
PLAN = Plan(stages=2, last_rounds=20)
Truth = NDArray[np.int8]
truths = st.lists(st.sampled_from([UNKNOWN, 0, 1]), min_size=6, max_size=6)


def slow_penalised(course: Course, rows: Crowd, truth: list[int], start: Parameters) -> float:
    """The votes' log-likelihood, plus the logarithms of what the priors say of tables and shares; an item of known class
    has the shares that the start gives to its states."""
    tables = tabulate(counts=course.counts, parameters=course.parameters)
    total = SHARE_PRIOR * sum(math.log(share) for share in course.parameters.shares)
    for row, known in zip(rows, truth, strict=False):
        shares = course.parameters.shares if known == UNKNOWN else share_of_known(start, known)
        joint = [share * math.prod(tables[w, k, a] for w, a in row) for k, share in enumerate(shares / shares.sum())]
        total += math.log(sum(joint))
    for table in tables:
        for k, row_of_crowd in enumerate(course.parameters.responses):
            total += sum(
                course.parameters.strengths[k] * c * math.log(t) for c, t in zip(row_of_crowd, table[k], strict=True)
            )
    return total


def share_of_known(start: Parameters, known: int) -> Floats:
    """Of the states in which the class is the likeliest; of all where there is none."""
    own = start.shares * start.meanings[:, known]
    likeliest = start.meanings.argmax(axis=1) == known
    return own * likeliest if likeliest.any() else own


def run_course(votes: Votes, start: Parameters, truth: Truth | None = None, plan: Plan = PLAN) -> Iterator[Course]:
    """Every course of a fit over all items, from the first to the finished one."""
    kernel = Kernel(votes, states=start.states)
    clamp = None if truth is None else clamp_items(truth=truth, parameters=start)
    blank = np.zeros((votes.workers, start.states, votes.answers))
    course = Course(parameters=start, counts=blank, plan=plan, stage=0)
    expectation = ask(kernel, course, clamp)
    course = before = begin(parameters=start, expectation=expectation, workers=votes.workers, plan=plan)
    yield course
    while not course.finished:
        before, course = course, advance(course, ask(kernel, course, clamp), before=before)
        yield course


def list_kept(courses: Iterable[Course]) -> list[Course]:
    """Without leaps that were taken back, and without what they were taken back to, which comes again after them."""
    kept: list[Course] = []
    for course in courses:
        if len(kept) > 1 and course.counts is kept[-2].counts:
            del kept[-2:]
        kept.append(course)
    return kept


def exact(course: Course) -> tuple[object, bytes, int]:
    return course.parameters.to_json(), course.counts.tobytes(), course.rounds


def ratio_of_yes(course: Course, worker: int) -> float:
    """What the worker's YES adds to the log-odds of the second state against the first."""
    logs = course.log_tables[worker, :, YES]
    return float(logs[1] - logs[0])


def simulate(seed: int, *, items: int = 300, workers: int = 20, votes_per_item: int = 8) -> tuple[Votes, Truth, Floats]:
    """A crowd of workers of different skill, some of whom are often unsure."""
    chance = np.random.default_rng(seed)
    no = chance.dirichlet([8, 1, 1], size=workers)
    yes = chance.dirichlet([1, 2, 7], size=workers)
    tables = np.stack([no, yes], axis=1)
    truth = (chance.random(items) < 0.4).astype(np.int64)
    votes, known = simulate_votes(seed=seed, truth=truth, worker_tables=tables, votes_per_item=votes_per_item)
    return votes, known, tables


# The likelihood


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), truth=truths)
def test_the_penalised_likelihood_equals_loops_and_never_falls_within_a_stage(
    rows: Crowd, parameters: Parameters, truth: list[int]
) -> None:
    known = np.array(truth[: len(rows)], dtype=np.int8)

    courses = list_kept(run_course(make_votes(rows), parameters, known))

    slow = [slow_penalised(course, rows, truth, parameters) for course in courses]
    for before, after, value, later in zip(courses, courses[1:], slow, slow[1:], strict=False):
        if after.stage == before.stage:
            assert after.penalised == pytest.approx(value, abs=1e-5)
            assert later >= value - 1e-5


@pytest.mark.parametrize("start", [start_two_states(), GRADED], ids=["two", "graded"])
def test_a_simulated_crowd_is_fitted_to_the_end_without_a_fall(start: Parameters) -> None:
    votes, truth, _ = simulate(1)
    truth[50:] = UNKNOWN

    courses = list_kept(run_course(votes, start, truth, plan=Plan(last_rounds=300)))

    penalised = [(course.stage, course.penalised) for course in courses[1:]]
    assert courses[-1].converged
    assert all(later[1] >= value[1] - 1e-6 for value, later in pairwise(penalised) if value[0] == later[0])


@pytest.mark.parametrize("seed", [6, 8])
def test_rounding_far_beyond_convergence_raises_no_false_alarm(seed: int) -> None:
    truth = np.random.default_rng(seed).integers(0, 3, size=60)
    votes, _ = simulate_votes(seed=seed, truth=truth, worker_tables=np.tile(np.eye(3), (10, 1, 1)), votes_per_item=5)
    endless = Plan(last_rounds=60, tolerance=0.0, least_rise=-np.inf)

    course = fit(votes=votes, start=start_classes(classes=3), plan=endless)

    assert course.rounds == 4 * ROUNDS_OF_A_STAGE + 60


@patiently
@given(rows=verification_crowds)
def test_an_expectation_that_was_tampered_with_is_found_out(rows: Crowd) -> None:
    votes, start = make_votes(rows), make_states()
    kernel = Kernel(votes, states=2)
    *_, course = run_course(votes, start, plan=Plan(stages=0, last_rounds=3))
    honest = ask(kernel, course, None)

    advance(course, honest)
    with pytest.raises(LikelihoodFell, match=r"^round \d+: -?[0-9.e-]+ after "):
        advance(course, replace(honest, log_likelihood=honest.log_likelihood - 1.0))


# Leaps


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_leaps_a_fit_takes_half_the_rounds_to_no_lower_a_likelihood(seed: int) -> None:
    votes, _, _ = simulate(seed, items=600, votes_per_item=3)
    plan = Plan(stages=0, last_rounds=2000)

    leaping = fit(votes=votes, start=GRADED, plan=plan)

    walking = fit(votes=votes, start=GRADED, plan=replace(plan, leaps=False))
    assert leaping.converged
    assert leaping.rounds < walking.rounds / 2
    assert leaping.penalised > walking.penalised - 1e-6 * len(votes)


@pytest.mark.parametrize("stages", [0, 2])
def test_a_leap_that_led_downwards_is_taken_back_and_the_next_is_shorter(stages: int) -> None:
    votes, _, _ = simulate(4)
    start, kernel = start_two_states(), Kernel(votes, states=2)
    courses = list(run_course(votes, start, plan=Plan(stages=stages, tolerance=0.0, least_rise=-math.inf)))
    before, course = next(pair for pair in pairwise(courses) if pair[1].leap)
    astray = replace(course, counts=course.counts[::-1])

    after = advance(astray, ask(kernel, astray, None), before=before)

    assert (after.counts is before.counts, after.parameters is before.parameters) == (True, True)
    assert (after.rounds, after.stage_rounds) == (course.rounds + 1, course.stage_rounds + 1)
    assert (after.leap, after.steps, after.longest) == (0.0, 0, FIRST_LENGTH)


# The order of votes, and who holds them


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), data=st.data())
def test_the_order_of_votes_changes_nothing_bit_for_bit(
    rows: Crowd, parameters: Parameters, data: st.DataObject
) -> None:
    shuffled = [data.draw(st.permutations(row)) for row in rows]

    course = fit(votes=make_votes(shuffled), start=parameters, plan=PLAN)

    original = fit(votes=make_votes(rows), start=parameters, plan=PLAN)
    assert exact(course) == exact(original)
    assert course.log_likelihood == original.log_likelihood


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), truth=truths, data=st.data())
def test_the_order_of_items_changes_nothing_bit_for_bit(
    rows: Crowd, parameters: Parameters, truth: list[int], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(rows))))
    known = np.array(truth[: len(rows)], dtype=np.int8)

    course = fit(votes=make_votes([rows[i] for i in order]), start=parameters, truth=known[order], plan=PLAN)

    assert exact(course) == exact(fit(votes=make_votes(rows), start=parameters, truth=known, plan=PLAN))


@patiently
@given(rows=verification_crowds, data=st.data())
def test_votes_held_in_many_places_give_the_same_fit_bit_for_bit(rows: Crowd, data: st.DataObject) -> None:
    start, whole = make_states(), list(run_course(make_votes(rows), make_states()))
    places = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    parts = [[row for row, place in zip(rows, places, strict=True) if place == part] for part in range(3)]
    kernels = [Kernel(make_votes(part), states=2) for part in parts]
    course = replace(whole[0], parameters=start, counts=np.zeros_like(whole[0].counts), stage=0)

    first = add_expectations([ask(kernel, course, None) for kernel in kernels])
    course = before = begin(parameters=start, expectation=first, workers=len(course.counts), plan=PLAN)
    while not course.finished:
        expectation = add_expectations([ask(kernel, course, None) for kernel in kernels])
        before, course = course, advance(course, expectation, before=before)

    assert exact(course) == exact(whole[-1])


# What teaches


@patiently
@given(votes=crowds(), data=st.data())
def test_items_teach_by_two_votes_or_by_a_vote_and_their_truth(votes: Votes, data: st.DataObject) -> None:
    truth = np.array(data.draw(st.lists(st.sampled_from([UNKNOWN, 0]), min_size=votes.items, max_size=votes.items)))
    rows = split_rows(votes)

    teaching, items = select_teaching(votes=votes, truth=truth.astype(np.int8))

    expected = [i for i, row in enumerate(rows) if len(row) >= 2 or (row and truth[i] != UNKNOWN)]
    assert items.tolist() == expected
    assert split_rows(teaching) == [rows[item] for item in expected]


@patiently
@given(rows=st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=4), max_size=6))
def test_a_worker_whose_every_item_has_one_vote_stays_as_the_crowd(rows: Crowd) -> None:
    lonely = [[(4, answer)] for answer in Answer]

    course = fit(votes=make_votes([*rows, *lonely]), start=make_states(), plan=PLAN)

    assert not course.counts[4].any()
    assert exact(course) == exact(fit(votes=make_votes(rows), start=make_states(), plan=PLAN))


@pytest.mark.parametrize(
    "votes",
    [make_votes([]), make_votes([[], []], workers=0), make_votes([[(0, YES)], [(1, NO)], []])],
    ids=["no items", "no workers", "one vote each"],
)
def test_where_nothing_teaches_the_start_comes_back(votes: Votes) -> None:
    course = fit(votes=votes, start=GRADED)

    assert course.parameters.to_json() == GRADED.to_json()
    assert course.counts.shape == (votes.workers, 6, 3)
    assert course.finished
    assert (course.rounds, float(course.counts.sum())) == (0, 0.0)


def test_one_vote_and_a_known_truth_teach() -> None:
    votes = make_votes([[(0, YES)]])

    course = fit(votes=votes, start=make_states(certainty=1.0), truth=np.array([1], dtype=np.int8))

    assert course.counts[0, 1].tolist() == [0, 0, pytest.approx(1, abs=1e-6)]


# Gold


@patiently
@given(rows=verification_crowds, truth=truths)
def test_clamped_gold_stays_in_the_states_that_may_mean_its_truth(rows: Crowd, truth: list[int]) -> None:
    known = np.array(truth[: len(rows)], dtype=np.int8)
    start = make_states(certainty=1.0)
    *_, course = run_course(make_votes(rows), start, known)
    kernel = Kernel(make_votes(rows), states=2)

    ask(kernel, course, clamp_items(truth=known, parameters=start))

    gold = known != UNKNOWN
    assert kernel.shares[0, gold] == pytest.approx(known[gold], abs=1e-6)


def test_clamped_gold_never_moves_however_many_votes_speak_against_it() -> None:
    rows = [[(worker, YES if item % 2 else NO) for worker in range(78)] for item in range(40)]
    truth = np.array([1, 0, *[UNKNOWN] * 38], dtype=np.int8)
    start = make_states(certainty=1.0)
    votes = make_votes(rows, workers=78)
    kernel = Kernel(votes, states=2)

    for course in run_course(votes, start, truth):
        ask(kernel, course, clamp_items(truth=truth, parameters=start))
        assert kernel.shares[0, :2].tolist() == [pytest.approx(1, abs=1e-6), 0]


@pytest.mark.parametrize("certainty", [0.98, 1.0])
def test_a_yes_of_somebody_who_always_says_yes_is_worth_less_with_every_pair_of_gold_answers(certainty: float) -> None:
    votes, truth, _ = simulate(3, items=200)
    start = make_states(certainty=certainty)
    gold = [item for pair in zip(np.flatnonzero(truth == 0), np.flatnonzero(truth == 1), strict=False) for item in pair]
    spammer, rows = votes.workers, split_rows(votes)
    ratios = []
    for answered in range(0, 40, 2):
        with_spam = [row + [(spammer, YES)] * (item in gold[:answered]) for item, row in enumerate(rows)]
        known = np.where(np.isin(np.arange(200), gold[:40]), truth, UNKNOWN).astype(np.int8)
        course = fit(votes=make_votes(with_spam, workers=spammer + 1), start=start, truth=known, plan=Plan(stages=0))
        ratios.append(ratio_of_yes(course, spammer))

    assert np.all(np.diff(ratios) < 0)
    assert 0 < ratios[-1] < ratios[0] / 2


def test_known_items_are_in_states_of_their_class_by_their_shares() -> None:
    clamp = clamp_items(truth=np.array([UNKNOWN, 1, 0], dtype=np.int8), parameters=GRADED)

    joint = GRADED.shares[:, np.newaxis] * GRADED.meanings
    no, yes = joint[:3, 0] / joint[:3, 0].sum(), joint[3:, 1] / joint[3:, 1].sum()
    assert clamp is not None
    assert clamp.items.tolist() == [1, 2]
    assert np.exp(clamp.log_factors) == pytest.approx(np.array([[0, 0, 0, *yes], [*no, 0, 0, 0]]))


def test_a_class_that_is_the_likeliest_in_no_state_may_be_in_any() -> None:
    start = replace(make_states(share_of_yes=0.4), meanings=np.array([[0.9, 0.1], [0.6, 0.4]]))

    clamp = clamp_items(truth=np.array([1], dtype=np.int8), parameters=start)

    assert clamp is not None
    assert np.exp(clamp.log_factors) == pytest.approx(np.array([[0.06 / 0.22, 0.16 / 0.22]]))


def test_without_a_known_item_nothing_is_clamped() -> None:
    assert clamp_items(truth=np.array([UNKNOWN, UNKNOWN], dtype=np.int8), parameters=GRADED) is None


# What is learned


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tables_of_a_simulated_crowd_are_recovered_from_votes_alone(seed: int) -> None:
    votes, truth, tables = simulate(seed, items=600, workers=12, votes_per_item=8)

    course = fit(votes=votes, start=start_two_states())

    assert course.converged
    assert tabulate(counts=course.counts, parameters=course.parameters) == pytest.approx(tables, abs=0.12)
    assert course.parameters.shares[1] == pytest.approx(truth.mean(), abs=0.03)


def test_tables_of_a_simulated_crowd_are_recovered_for_several_classes() -> None:
    chance = np.random.default_rng(7)
    tables = np.array([chance.dirichlet(8 * row, size=15) for row in 0.7 * np.eye(4) + 0.075]).transpose(1, 0, 2)
    votes, _ = simulate_votes(seed=7, truth=chance.integers(0, 4, size=800), worker_tables=tables, votes_per_item=8)

    course = fit(votes=votes, start=start_classes(classes=4))

    assert tabulate(counts=course.counts, parameters=course.parameters) == pytest.approx(tables, abs=0.15)


def test_gold_says_nothing_of_how_common_yes_is_among_the_other_items() -> None:
    votes, truth, _ = simulate(4)
    gold = np.where(truth == 1, truth, UNKNOWN).astype(np.int8)

    course = fit(votes=votes, start=make_states(certainty=1.0), truth=gold)

    assert course.parameters.shares[1] < 0.05


def test_where_all_is_known_the_shares_stay_those_of_the_start() -> None:
    votes, truth, _ = simulate(4)

    course = fit(votes=votes, start=make_states(share_of_yes=0.35), truth=truth)

    assert course.parameters.shares.tolist() == [0.65, 0.35]


@pytest.mark.parametrize(
    ("votes", "start"),
    [
        (make_votes([[(0, YES), (0, YES)], [(0, NO), (0, UNSURE)]], workers=1), make_states()),
        (make_votes([[(0, 0), (1, 0)], [(1, 0), (2, 0)]], answers=1), start_classes(classes=1)),
        (make_votes([[(0, YES), (1, YES), (2, YES)]] * 30), GRADED),
        (make_votes([[(2 * item, YES), (2 * item + 1, NO)] for item in range(20)], workers=40), start_two_states()),
    ],
    ids=["one worker", "one class", "unanimous", "workers with one vote"],
)
def test_odd_crowds_are_fitted_to_valid_parameters(votes: Votes, start: Parameters) -> None:
    course = fit(votes=votes, start=start)

    assert course.finished
    assert np.isfinite(course.log_tables).all()
    assert course.counts.sum() == pytest.approx(len(votes))


def test_meanings_and_the_discount_stay_those_of_the_start() -> None:
    votes, truth, _ = simulate(5)

    course = fit(votes=votes, start=replace(GRADED, discount=0.3), truth=truth)

    assert course.parameters.discount == 0.3
    assert course.parameters.meanings.tolist() == GRADED.meanings.tolist()


# Where it begins and ends


def test_a_fit_that_begins_at_the_counts_of_another_takes_fewer_rounds() -> None:
    votes, _, _ = simulate(6)
    first = fit(votes=votes, start=start_two_states())

    again = fit(votes=votes, start=first.parameters, counts=first.counts, plan=Plan(stages=0))

    assert again.rounds < 4
    assert again.counts == pytest.approx(first.counts, abs=0.1)


def test_given_shares_of_items_decide_which_state_is_which() -> None:
    votes = make_votes([[(0, YES), (1, YES)], [(0, NO), (1, NO)]] * 30)
    shares = np.tile([[1.0, 0.0], [0.0, 1.0]], (30, 1))

    turned = fit(votes=votes, start=make_states(), shares=shares)

    assert ratio_of_yes(turned, 0) < 0 < ratio_of_yes(fit(votes=votes, start=make_states()), 0)


def test_the_plan_bounds_the_rounds() -> None:
    votes, _, _ = simulate(8, items=60)

    plan = Plan(stages=3, last_rounds=4, tolerance=0.0, least_rise=-np.inf)
    course = fit(votes=votes, start=GRADED, plan=plan)

    # The first look at the crowd comes after the first pass.
    assert (course.rounds, course.converged, course.finished) == (2 * ROUNDS_OF_A_STAGE + 4, False, True)


def test_without_stages_the_crowd_stays_that_of_the_start() -> None:
    votes, _, _ = simulate(9, items=60)

    course = fit(votes=votes, start=GRADED, plan=Plan(stages=0, last_rounds=5))

    assert course.parameters.responses.tolist() == GRADED.responses.tolist()
    assert course.parameters.strengths.tolist() == GRADED.strengths.tolist()


def test_arranging_by_worker_and_by_cell_are_each_others_way_back() -> None:
    tables = np.arange(24.0).reshape(2, 4, 3)

    by_cell = arrange_by_cell(tables)

    assert by_cell[1 * 3 + 2].tolist() == tables[1, :, 2].tolist()
    assert arrange(counts=by_cell, workers=2).tolist() == tables.tolist()
