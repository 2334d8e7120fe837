import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from annotation.consensus.model import START, Answer, Parameters
from tests.annotation.consensus.strategies import parameter_sets

EASY_NO, HARD_NO, EASY_YES, HARD_YES = START.responses


def test_answers_are_the_columns_of_the_response_table() -> None:
    assert [(answer.name, answer.value) for answer in Answer] == [("NO", 0), ("UNSURE", 1), ("YES", 2)]


@given(parameters=parameter_sets())
def test_parameters_survive_json_text_exactly(parameters: Parameters) -> None:
    text = json.dumps(parameters.to_json())

    assert Parameters.from_json(json.loads(text)) == parameters


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((0.5, 0.2, 0.3), r"^state_shares: must have 4 numbers, has 3$"),
        ((0.5, 0.2, 0.3, 0.0), r"^state_shares\[3\]: must be a number above 0 and at most 1, is 0.0$"),
        ((0.5, 0.6, -0.2, 0.1), r"^state_shares\[2\]: must be a number above 0"),
        ((0.5, float("nan"), 0.2, 0.1), r"^state_shares\[1\]: must be a number above 0"),
        ((0.5, 0.2, 0.2, float("inf")), r"^state_shares\[3\]: must be a number above 0 and at most 1, is inf$"),
        ((0.5, 0.2, 0.2, 0.2), r"^state_shares: must sum to 1"),
    ],
)
def test_state_shares_must_be_a_distribution_over_four_states(shares: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(START, state_shares=shares)


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        ((EASY_NO, HARD_NO, EASY_YES), r"^responses: must have 4 rows, has 3$"),
        ((EASY_NO, (0.5, 0.5), EASY_YES, HARD_YES), r"^responses\[1\]: must have 3 numbers, has 2$"),
        ((EASY_NO, HARD_NO, (0.1, 0.1, 0.7), HARD_YES), r"^responses\[2\]: must sum to 1"),
        ((EASY_YES, HARD_YES, EASY_NO, HARD_NO), r"^responses: YES must be likelier"),
        ((EASY_NO, HARD_NO, EASY_YES, HARD_NO), r"^responses: YES must be likelier"),
        ((HARD_NO, EASY_NO, EASY_YES, HARD_YES), r"^responses: a hard state must not"),
        ((EASY_NO, HARD_NO, HARD_YES, EASY_YES), r"^responses: a hard state must not"),
    ],
)
def test_responses_must_be_distributions_in_the_order_of_the_states(
    responses: tuple[tuple[float, ...], ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(START, responses=responses)


def test_states_without_difficulty_are_allowed() -> None:
    parameters = replace(START, responses=(EASY_NO, EASY_NO, EASY_YES, EASY_YES))

    assert parameters.responses[0] == parameters.responses[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, r"^version: must be 1, is 2$"),
        ({"version": None}, r"^version: must be 1, is None$"),
        ({"priors": []}, r"^priors: missing or unknown field$"),
        ({"state_shares": "0.5"}, r"^state_shares: must be a list of floats$"),
        ({"state_shares": ["0.5", 0.2, 0.2, 0.1]}, r"^state_shares: must be a list of floats$"),
        ({"responses": {}}, r"^responses: must be a list of lists$"),
        ({"responses": [1, 2, 3, 4]}, r"^responses: must be a list of lists$"),
        ({"responses": [[0.5, 0.3, 0.2], [0.5, None, 0.5]]}, r"^responses\[1\]: must be a list of floats$"),
    ],
)
def test_bad_content_is_refused_by_the_name_of_its_field(change: dict[str, Any], message: str) -> None:
    content = START.to_json() | change

    with pytest.raises(ValueError, match=message):
        Parameters.from_json(content)


def test_missing_fields_are_refused_by_name() -> None:
    content = START.to_json()
    del content["responses"]

    with pytest.raises(ValueError, match=r"^responses: missing or unknown field$"):
        Parameters.from_json(content)


def test_content_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^parameters: must be an object$"):
        Parameters.from_json([1])
