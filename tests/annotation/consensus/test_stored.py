import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.calibrate import Calibration, Side
from annotation.consensus.decide import Rule
from annotation.consensus.model import Parameters, tabulate, take_logarithms
from annotation.consensus.start import GRADED
from annotation.consensus.stored import StoredSnapshot, Tolerances
from tests.annotation.consensus.strategies import make_states, parameter_sets

COUNTS = np.array([[8.0, 1.5, 0.5], [0.25, 1.0, 6.75]])
CHOSEN = Tolerances(target_error=0.05, vote_cap=10, accept=0.2, reject=0.0)


def make_snapshot() -> StoredSnapshot:
    priors = {"dog": np.array([-0.5, 0.25])}
    return StoredSnapshot(parameters=make_states(), workers={"ann": COUNTS}, rules=[CHOSEN], priors=priors)


def change(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(make_snapshot().to_json()), **changes}


@given(parameter_sets(), st.lists(st.text(), unique=True, max_size=3), st.floats(0, 1e6), st.floats(-50, 50))
def test_a_snapshot_comes_back_from_json_text_to_the_last_bit(
    parameters: Parameters, names: list[str], count: float, factor: float
) -> None:
    workers = {name: np.full(parameters.responses.shape, count) for name in names}
    priors = {name: np.full(parameters.states, factor) for name in names}
    stored = StoredSnapshot(parameters=parameters, workers=workers, rules=[CHOSEN], priors=priors)

    again = StoredSnapshot.from_json(json.loads(json.dumps(stored.to_json())))

    assert again.to_json() == stored.to_json()
    assert np.array_equal(again.find_log_tables(names), stored.find_log_tables(names))
    assert (stored.find_log_prior(names) is None) == (not names)
    assert {name: values.tolist() for name, values in again.priors.items()} == {
        name: values.tolist() for name, values in priors.items()
    }


def test_the_finest_states_are_stored_too() -> None:
    stored = StoredSnapshot(parameters=GRADED, workers={}, rules=[])

    assert StoredSnapshot.from_json(json.loads(json.dumps(stored.to_json()))).to_json() == stored.to_json()


def test_known_workers_have_their_tables_and_others_the_crowds() -> None:
    stored = make_snapshot()

    logs = stored.find_log_tables(["bob", "ann"])

    assert np.array_equal(logs[0], take_logarithms(stored.parameters.responses))
    assert np.array_equal(logs[1:], take_logarithms(tabulate(counts=COUNTS[None], parameters=stored.parameters)))


def test_known_tasks_have_their_prior_and_of_others_nothing_is_known() -> None:
    log_prior = make_snapshot().find_log_prior(["cat", "dog"])

    assert log_prior is not None
    assert log_prior.tolist() == [[0.0, 0.0], [-0.5, 0.25]]


def test_a_file_without_priors_is_read_and_written_as_before() -> None:
    content = change()
    del content["priors"]

    stored = StoredSnapshot.from_json(content)

    assert stored.find_log_prior(["dog"]) is None
    assert stored.to_json() == content


def test_no_workers_have_no_tables() -> None:
    assert make_snapshot().find_log_tables([]).shape == (0, 2, 3)


def test_a_policy_finds_the_tolerances_that_were_chosen_for_it() -> None:
    rule = make_snapshot().find_rule(target_error=0.05, vote_cap=10)

    assert rule == Rule(target_error=0.05, vote_cap=10, accept_tolerance=0.2, reject_tolerance=0.0)


@pytest.mark.parametrize(("target", "cap"), [(0.04, 10), (0.05, 9)])
def test_another_policy_has_to_do_without(target: float, cap: int) -> None:
    rule = make_snapshot().find_rule(target_error=target, vote_cap=cap)

    assert rule == Rule(target_error=target, vote_cap=cap)


def test_a_calibration_is_stored_with_its_policy() -> None:
    accept, reject = (Side(tolerance=each, decided=40, wrong=1, highest_error=0.1) for each in (0.1, 0.2))
    calibration = Calibration(gold=80, accept=accept, reject=reject, votes=3.0, undecided=0.1)

    stored = Tolerances.of_calibration(rule=Rule(target_error=0.05, vote_cap=7), calibration=calibration)

    assert stored == Tolerances(target_error=0.05, vote_cap=7, accept=0.1, reject=0.2)


RULE = {"target_error": 0.05, "vote_cap": 10, "accept": 0.2, "reject": 0.1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "snapshot: must be an object with parameters, rules, workers"),
        (None, "snapshot: must be an object"),
        ({"parameters": {}}, "snapshot: must be an object"),
        (change(more=1), "snapshot: must be an object"),
        (change(workers=[]), "workers: must be an object"),
        (change(workers={"ann": "x"}), r"workers\['ann'\]: must be a list"),
        (change(workers={"ann": [[1, 2], [3, 4]]}), r"workers\['ann'\]: must have 2 rows of 3 counts"),
        (change(workers={"ann": [[1, 2, 3], [4, 5]]}), r"workers\['ann'\]: must have rows of one length"),
        (change(workers={"ann": [[1, 2, -3], [4, 5, 6]]}), r"workers\['ann'\]: counts must not be negative"),
        (change(workers={"ann": [[1, 2, 1e999], [4, 5, 6]]}), r"workers\['ann'\]"),
        (change(workers={"ann": [[1, 2, 10**400], [4, 5, 6]]}), r"workers\['ann'\]"),
        (change(priors=[]), "priors: must be an object"),
        (change(priors={"dog": [1.0]}), r"priors\['dog'\]: must have 2 finite numbers"),
        (change(priors={"dog": [1.0, 1e999]}), r"priors\['dog'\]: must have 2 finite numbers"),
        (change(priors={"dog": [1.0, "x"]}), r"priors\['dog'\]\[1\]: must be a number"),
        (change(parameters={}), "version"),
        (change(rules={}), "rules: must be a list"),
        (change(rules=["x"]), r"rules\[0\]: must be an object with target_error, vote_cap, accept, reject"),
        (change(rules=[RULE, {**RULE, "more": 1}]), r"rules\[1\]: must be an object"),
        (change(rules=[{**RULE, "accept": "x"}]), r"rules\[0\].accept: must be a number"),
        (change(rules=[{**RULE, "accept": 0.5}]), r"rules\[0\]: accept_tolerance: must be from 0 to below 0.5"),
        (change(rules=[{**RULE, "target_error": 0}]), r"rules\[0\]: target_error: must be above 0"),
        (change(rules=[{**RULE, "vote_cap": 2.5}]), r"rules\[0\].vote_cap: must be a whole number"),
    ],
)
def test_bad_content_is_refused_with_its_place(content: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StoredSnapshot.from_json(content)
