import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares

from annotation.consensus.belief import (
    Estimates,
    believe,
    count_answers,
    estimate_evidence,
    estimate_votes,
    find_probabilities,
    sum_evidence,
)
from annotation.consensus.model import Answer, Floats, Parameters, take_logarithms
from annotation.consensus.start import GRADED
from tests.annotation.consensus.slow import slow_log_odds, slow_probability, slow_shares
from tests.annotation.consensus.strategies import (
    WORKERS,
    Crowd,
    make_states,
    make_votes,
    parameter_sets,
    patiently,
    tables,
    verification_crowds,
    verification_votes,
)

NO, UNSURE, YES = Answer
ITEMS = 3
# conf_s(y, n) as printed in Deng et al., ImageNet, CVPR 2009, figure 7.
CAT = {(0, 1): 0.07, (1, 0): 0.85, (1, 1): 0.46, (2, 0): 0.97, (0, 2): 0.02, (3, 0): 0.99, (2, 1): 0.85}
BURMESE_CAT = {(0, 1): 0.23, (1, 0): 0.69, (1, 1): 0.49, (2, 0): 0.83, (0, 2): 0.12, (3, 0): 0.90, (2, 1): 0.68}

steps = st.one_of(
    st.tuples(st.just("vote"), st.integers(0, ITEMS - 1), verification_votes),
    st.tuples(st.just("withdraw"), st.integers(0, 20), st.none()),
    st.tuples(st.just("bar"), st.integers(0, WORKERS - 1), st.none()),
    st.tuples(st.just("publish"), st.integers(0, 2), st.none()),
)


def pool(parameters: Parameters) -> Floats:
    """Everybody answers as the crowd does."""
    return np.tile(take_logarithms(parameters.responses), (WORKERS, 1, 1))


def estimate(rows: Crowd, parameters: Parameters, log_tables: Floats | None = None) -> Estimates:
    logs = pool(parameters) if log_tables is None else log_tables
    return estimate_votes(votes=make_votes(rows), log_tables=logs, parameters=parameters)


def answer_all(*answers: Answer) -> list[tuple[int, int]]:
    return [(place % WORKERS, int(answer)) for place, answer in enumerate(answers)]


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), data=st.data())
def test_estimates_equal_loops_over_states_and_votes(rows: Crowd, parameters: Parameters, data: st.DataObject) -> None:
    logs = take_logarithms(data.draw(tables(states=parameters.states)))

    estimates = estimate(rows, parameters, logs)

    slow = [slow_log_odds(votes=row, log_tables=logs, parameters=parameters) for row in rows]
    assert estimates.log_odds.tolist() == pytest.approx(slow, abs=1e-9)
    slow = [slow_probability(votes=row, log_tables=logs, parameters=parameters) for row in rows]
    assert estimates.probability.tolist() == pytest.approx(slow, abs=1e-9)


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), data=st.data())
def test_what_was_known_beforehand_adds_to_the_states_shares(
    rows: Crowd, parameters: Parameters, data: st.DataObject
) -> None:
    known = np.log(data.draw(tables(states=1, workers=len(rows), answers=parameters.states))[:, 0])
    logs = pool(parameters)

    estimates = estimate_votes(votes=make_votes(rows), log_tables=logs, parameters=parameters, log_prior=known)

    slow = [
        slow_log_odds(votes=row, log_tables=logs, parameters=parameters, log_prior=prior)
        for row, prior in zip(rows, known.tolist(), strict=True)
    ]
    assert estimates.log_odds.tolist() == pytest.approx(slow, abs=1e-9)


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(discounts=st.just(0.0)))
def test_without_a_discount_it_is_bayes_rule(rows: Crowd, parameters: Parameters) -> None:
    estimates = estimate(rows, parameters)

    for row, probability in zip(rows, estimates.probability, strict=True):
        joint = [
            share * math.prod(float(parameters.responses[k][answer]) for _, answer in row)
            for k, share in enumerate(parameters.shares)
        ]
        yes = sum(value * float(parameters.meanings[k][1]) for k, value in enumerate(joint))
        assert probability == pytest.approx(yes / sum(joint), abs=1e-6)


@patiently
@given(rows=verification_crowds, parameters=parameter_sets())
def test_no_probability_goes_beyond_the_meanings(rows: Crowd, parameters: Parameters) -> None:
    probability = estimate([*rows, answer_all(*[YES] * 500), answer_all(*[NO] * 500)], parameters).probability

    assert probability.min() >= parameters.meanings[:, 1].min() - 1e-9
    assert probability.max() <= parameters.meanings[:, 1].max() + 1e-9


@patiently
@given(steps=st.lists(steps, max_size=25), parameters=parameter_sets(), data=st.data())
def test_evidence_kept_step_by_step_equals_the_rebuild_bit_for_bit(
    steps: list[tuple[str, int, tuple[int, int]]], parameters: Parameters, data: st.DataObject
) -> None:
    snapshots = [take_logarithms(data.draw(tables(states=parameters.states))) for _ in range(3)]
    kept: list[list[tuple[int, int]]] = [[] for _ in range(ITEMS)]
    logs, barred = snapshots[0].copy(), set()
    evidence = np.zeros((ITEMS, parameters.states))
    for kind, place, vote in steps:
        given_votes = [(item, vote) for item in range(ITEMS) for vote in kept[item]]
        if kind == "vote":
            kept[place].append(vote)
            evidence[place] += logs[vote[0], :, vote[1]]
        elif kind == "withdraw" and given_votes:
            item, (worker, answer) = given_votes[place % len(given_votes)]
            kept[item].remove((worker, answer))
            evidence[item] -= logs[worker, :, answer]
        elif kind == "bar":
            for item, (worker, answer) in given_votes:
                evidence[item] -= logs[worker, :, answer] * (worker == place)
            barred.add(place)
            logs[place] = 0.0
        elif kind == "publish":
            newer = snapshots[place].copy()
            newer[list(barred)] = 0.0
            for item, (worker, answer) in given_votes:
                evidence[item] += newer[worker, :, answer] - logs[worker, :, answer]
            logs = newer

    votes = make_votes(kept)
    assert (evidence == sum_evidence(votes=votes, log_tables=logs)).all()
    stepwise = estimate_evidence(evidence=evidence, counts=count_answers(votes), parameters=parameters)
    slow = [slow_log_odds(votes=row, log_tables=logs, parameters=parameters) for row in kept]
    assert stepwise.log_odds.tolist() == pytest.approx(slow, abs=1e-9)


@patiently
@given(rows=verification_crowds, parameters=parameter_sets(), data=st.data())
def test_the_order_of_votes_changes_nothing_bit_for_bit(
    rows: Crowd, parameters: Parameters, data: st.DataObject
) -> None:
    logs = take_logarithms(data.draw(tables(states=parameters.states)))
    shuffled = [data.draw(st.permutations(row)) for row in rows]

    estimates = estimate(shuffled, parameters, logs)

    assert estimates.log_odds.tobytes() == estimate(rows, parameters, logs).log_odds.tobytes()


@patiently
@given(rows=verification_crowds, parameters=parameter_sets())
def test_other_items_change_nothing_bit_for_bit(rows: Crowd, parameters: Parameters) -> None:
    together = estimate(rows, parameters)

    alone = [estimate([row], parameters) for row in rows]
    assert together.log_odds.tobytes() == b"".join(one.log_odds.tobytes() for one in alone)
    assert together.probability.tobytes() == b"".join(one.probability.tobytes() for one in alone)


@patiently
@given(row=st.lists(verification_votes, max_size=8), discount=st.sampled_from([0.0, 0.2, 1.0]))
def test_a_yes_in_place_of_a_no_never_lowers_the_probability(row: list[tuple[int, int]], discount: float) -> None:
    parameters = make_states(discount=discount)

    less, between, more = estimate([[*row, (0, NO)], [*row, (0, UNSURE)], [*row, (0, YES)]], parameters).probability

    assert 0 <= less <= between + 1e-12 <= more + 2e-12 <= 1 + 2e-12


@patiently
@given(row=st.lists(verification_votes, max_size=8))
def test_without_a_discount_one_more_yes_never_lowers_and_one_more_no_never_raises(row: list[tuple[int, int]]) -> None:
    less, same, more = estimate([[*row, (0, NO)], row, [*row, (0, YES)]], make_states()).probability

    assert less <= same <= more


@pytest.mark.parametrize(("discount", "worth"), [(0.0, 6.0), (0.2, 3.0), (1.0, 1.0)])
def test_votes_of_one_crowd_are_worth_fewer_independent_ones(discount: float, worth: float) -> None:
    parameters = make_states(share_of_yes=0.5, certainty=1.0, discount=discount)

    one, six = estimate([answer_all(YES), answer_all(*[YES] * 6)], parameters).log_odds

    assert six == pytest.approx(worth * one, rel=1e-5)


def test_without_votes_the_shares_of_states_speak() -> None:
    estimates = estimate([[]], GRADED)

    assert estimates.probability[0] == pytest.approx(float(GRADED.shares @ GRADED.meanings[:, 1]))
    assert estimates.votes.tolist() == [0]


def test_one_yes_gives_the_probability_worked_out_by_hand() -> None:
    estimates = estimate([answer_all(YES)], make_states(certainty=1.0))

    # Yes: .4 * .8 = .32; no: .6 * .05 = .03.
    assert estimates.probability[0] == pytest.approx(0.32 / 0.35)
    assert estimates.log_odds[0] == pytest.approx(math.log(0.32 / 0.03))


def test_certain_meanings_and_thousands_of_votes_leave_log_odds_finite() -> None:
    estimates = estimate([answer_all(*[YES] * 5000), answer_all(*[NO] * 5000)], make_states(certainty=1.0))

    assert np.isfinite(estimates.log_odds).all()
    assert estimates.probability.tolist() == [pytest.approx(1.0), pytest.approx(0.0, abs=1e-11)]


@patiently
@given(rows=verification_crowds)
def test_answers_are_counted_by_item(rows: Crowd) -> None:
    counts = count_answers(make_votes(rows))

    slow = [Counter(answer for _, answer in row) for row in rows]
    assert counts.tolist() == [[count[answer] for answer in Answer] for count in slow]


@patiently
@given(rows=verification_crowds, parameters=parameter_sets())
def test_shares_and_probabilities_equal_their_twins_whatever_the_shape(rows: Crowd, parameters: Parameters) -> None:
    logs, votes = pool(parameters), make_votes(rows)
    evidence = sum_evidence(votes=votes, log_tables=logs)

    shares = believe(evidence=evidence[np.newaxis], votes=np.diff(votes.starts)[np.newaxis], parameters=parameters)[0]

    slow = [slow_shares(votes=row, log_tables=logs, parameters=parameters) for row in rows]
    assert shares == pytest.approx(np.array(slow), abs=1e-9)
    classes = find_probabilities(shares=shares, parameters=parameters)
    assert classes == pytest.approx(np.array(slow) @ parameters.meanings, abs=1e-9)


@pytest.mark.parametrize("printed", [CAT, BURMESE_CAT], ids=["cat", "burmese cat"])
def test_four_parameters_give_the_table_printed_in_2009(printed: dict[tuple[int, int], float]) -> None:
    def confide(four: Floats) -> Floats:
        share, positive, negative, discount = four
        # Rows under which a yes adds `positive` and a no takes `negative`; next to nobody is unsure.
        no_no = (1 - math.exp(-positive)) / (1 - math.exp(-positive - negative))
        yes_no = no_no * math.exp(-negative)
        rows = [(p * (1 - 1e-6), 1e-6, (1 - p) * (1 - 1e-6)) for p in (no_no, yes_no)]
        parameters = make_states(no=rows[0], yes=rows[1], share_of_yes=share, certainty=1.0, discount=discount)
        return estimate([answer_all(*[YES] * y, *[NO] * n) for y, n in printed], parameters).probability

    found = least_squares(
        lambda four: confide(four) - np.array(list(printed.values())),
        x0=[0.4, 1.5, 1.2, 0.1],
        bounds=([0.01, 0.1, 0.1, 0.0], [0.99, 5.0, 5.0, 1.0]),
        diff_step=1e-4,
    )

    assert np.abs(found.fun).max() < 0.02


def test_the_discount_does_not_change_which_state_is_likeliest() -> None:
    rows = [answer_all(YES, YES, NO, UNSURE), answer_all(NO, NO, NO, YES)]

    plain, discounted = (estimate(rows, replace(make_states(), discount=discount)) for discount in (0.0, 0.8))

    assert (np.sign(plain.log_odds) == np.sign(discounted.log_odds)).all()
