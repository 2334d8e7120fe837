import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.kernel import LOG_GRID
from annotation.consensus.model import Answer, Parameters, tabulate, take_logarithms
from annotation.consensus.start import GRADED
from tests.annotation.consensus.strategies import WORKERS, make_states, parameter_sets, patiently, tables

TWO = make_states()


def test_answers_are_the_columns_of_the_response_table() -> None:
    assert [(answer.name, answer.value) for answer in Answer] == [("NO", 0), ("UNSURE", 1), ("YES", 2)]


def test_parameters_say_how_many_states_answers_and_classes_they_are_for() -> None:
    assert (GRADED.states, GRADED.answers, GRADED.classes) == (6, 3, 2)


@patiently
@given(parameters=parameter_sets())
def test_parameters_survive_json_text_exactly(parameters: Parameters) -> None:
    text = json.dumps(parameters.to_json())

    read = Parameters.from_json(json.loads(text))

    assert read.to_json() == parameters.to_json()
    assert read.responses.tobytes() == parameters.responses.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shares": np.array([1.0])}, r"^meanings: must have 1 rows, one for each of the shares, has 2$"),
        ({"shares": np.array([])}, r"^shares: must be one row of numbers$"),
        ({"shares": np.array([[0.5, 0.5]])}, r"^shares: must be one row of numbers$"),
        ({"shares": np.array([1.0, 0.0])}, r"^shares\[1\]: must be a number above 0 and at most 1, is 0.0$"),
        ({"shares": np.array([1.2, -0.2])}, r"^shares\[0\]: must be a number above 0 and at most 1, is 1.2$"),
        ({"shares": np.array([0.5, np.nan])}, r"^shares\[1\]: must be a number above 0 and at most 1, is nan$"),
        ({"shares": np.array([0.5, 0.4])}, r"^shares: must sum to 1, sums to 0.9$"),
        ({"meanings": np.array([[1.0, 0.0], [0.5, 0.4]])}, r"^meanings\[1\]: must sum to 1"),
        ({"responses": np.array([[0.5, 0.5, 0.0], [0.2, 0.2, 0.6]])}, r"^responses\[0\]\[2\]: must be a number above"),
        ({"responses": np.array([0.5, 0.5])}, r"^responses: must have 2 rows"),
        ({"strengths": np.array([20.0])}, r"^strengths: must have 2 numbers, has shape \(1,\)$"),
        ({"strengths": np.array([20.0, 0.0])}, r"^strengths: must be above 0 and at most 1e\+06$"),
        ({"strengths": np.array([20.0, np.nan])}, r"^strengths: must be above 0"),
        ({"strengths": np.array([20.0, 2e6])}, r"^strengths: must be above 0"),
        ({"discount": -0.1}, r"^discount: must be from 0 to 1, is -0.1$"),
        ({"discount": float("nan")}, r"^discount: must be from 0 to 1, is nan$"),
    ],
)
def test_parameters_that_cannot_be_are_refused_by_field_and_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TWO, **change)


def test_meanings_may_be_certain() -> None:
    assert make_states(certainty=1.0).meanings.tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 1}, r"^version: must be 2, is 1$"),
        ({"version": None}, r"^version: must be 2, is None$"),
        ({"priors": []}, r"^priors: missing or unknown field$"),
        ({"shares": "0.5"}, r"^shares: must be a list$"),
        ({"shares": []}, r"^shares: must be a list$"),
        ({"shares": ["0.5", 0.5]}, r"^shares\[0\]: must be a number, is '0.5'$"),
        ({"shares": [True, 0.5]}, r"^shares\[0\]: must be a number, is True$"),
        ({"responses": {}}, r"^responses: must be a list$"),
        ({"responses": [1, 2]}, r"^responses\[0\]: must be a list$"),
        ({"responses": [[0.5, 0.3, 0.2], [0.5, None, 0.5]]}, r"^responses\[1\]\[1\]: must be a number, is None$"),
        ({"meanings": [[0.5, 0.5], [1.0]]}, r"^meanings: must have rows of one length, of numbers below 1e308$"),
        ({"discount": 10**400}, r"^discount: must "),
        ({"discount": [0.1]}, r"^discount: must be a number, is \[0.1\]$"),
    ],
)
def test_bad_content_is_refused_by_the_name_of_its_field(change: dict[str, Any], message: str) -> None:
    content = TWO.to_json() | change

    with pytest.raises(ValueError, match=message):
        Parameters.from_json(content)


def test_missing_fields_are_refused_by_name() -> None:
    content = TWO.to_json()
    del content["responses"]

    with pytest.raises(ValueError, match=r"^responses: missing or unknown field$"):
        Parameters.from_json(content)


def test_content_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^parameters: must be an object$"):
        Parameters.from_json([1])


@patiently
@given(parameters=parameter_sets(), data=st.data())
def test_a_table_is_the_workers_counts_and_the_crowds_row_weighed_by_its_strength(
    parameters: Parameters, data: st.DataObject
) -> None:
    counts = 40 * data.draw(tables(states=parameters.states))

    found = tabulate(counts=counts, parameters=parameters)

    for worker in range(WORKERS):
        for state in range(parameters.states):
            own, strength = counts[worker, state].tolist(), float(parameters.strengths[state])
            crowd = parameters.responses[state].tolist()
            slow = [(n + strength * c) / (sum(own) + strength) for n, c in zip(own, crowd, strict=True)]
            assert found[worker, state].tolist() == pytest.approx(slow, abs=1e-12)


@patiently
@given(parameters=parameter_sets())
def test_a_worker_without_votes_answers_as_the_crowd_does(parameters: Parameters) -> None:
    found = tabulate(counts=np.zeros((1, parameters.states, parameters.answers)), parameters=parameters)

    assert found[0] == pytest.approx(parameters.responses, abs=1e-12)


def test_the_more_votes_the_less_the_crowd_says() -> None:
    counts = np.array([[[0.0, 0.0, votes], [0.0, 0.0, votes]] for votes in (0, 10, 100, 10_000)])

    yes = tabulate(counts=counts, parameters=TWO)[:, 0, Answer.YES]

    assert yes[0] == pytest.approx(0.05)
    assert np.all(np.diff(yes) > 0)
    assert yes[-1] == pytest.approx(1.0, abs=0.01)


@patiently
@given(data=st.data())
def test_logarithms_stand_on_the_grid_next_to_their_values(data: st.DataObject) -> None:
    found = data.draw(tables(states=2))

    logs = take_logarithms(found)

    assert (logs * LOG_GRID == np.rint(logs * LOG_GRID)).all()
    assert logs == pytest.approx(np.log(found), abs=1 / LOG_GRID)
