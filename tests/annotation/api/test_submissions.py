"""The short ways of reading what programs send, held against the long ones."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from annotation.api.bodies import MOST_VOTES, LeaseBody, SubmitBody, is_plain_lease, is_plain_submission

CELLS: some.SearchStrategy[Any] = some.sampled_from([None, True, 1, 0, -1, 2.0, "1", "YES", "yes", "UNSURE", [], {}])
FIELDS = some.sampled_from(["position", "answer", "milliseconds", "more"])
VOTES = some.one_of(
    some.dictionaries(FIELDS, CELLS),
    some.fixed_dictionaries(
        {"position": some.integers(), "answer": some.sampled_from(["YES", "NO", "UNSURE"])},
        optional={"milliseconds": some.one_of(some.none(), some.integers())},
    ),
    CELLS,
)
BODIES = some.one_of(
    some.fixed_dictionaries({"votes": some.lists(VOTES, max_size=3)}), some.dictionaries(FIELDS, CELLS), CELLS
)
GOOD = {"votes": [{"position": 1, "answer": "YES", "milliseconds": 5}, {"position": 2, "answer": "NO"}]}


@given(BODIES)
@example(GOOD)
@example({"votes": [{"position": 1, "answer": "YES", "milliseconds": None}]})
@example({"votes": [], "more": 1})
def test_what_is_plain_is_what_the_serializer_would_let_pass_unchanged(body: Any):
    form = SubmitBody(data=body)

    if is_plain_submission(body):
        assert form.is_valid(), form.errors
        assert [dict(vote) for vote in form.validated_data["votes"]] == body["votes"]
    else:
        assert not form.is_valid()


LEASES = some.dictionaries(
    some.sampled_from(["campaign", "size", "more"]), some.one_of(CELLS, some.integers(), some.text(max_size=200))
)


@given(some.one_of(LEASES, CELLS))
@example({"campaign": "animals", "size": 24})
@example({"campaign": " animals"})
@example({"size": None})
def test_a_plain_lease_is_one_that_the_serializer_would_let_pass_unchanged(body: Any):
    form = LeaseBody(data=body)

    if is_plain_lease(body):
        assert form.is_valid(), form.errors
        assert dict(form.validated_data) == body


@pytest.mark.parametrize("body", [{}, {"campaign": "animals"}, {"size": 24}, {"campaign": "animals", "size": 1}])
def test_most_leases_are_plain(body):
    assert is_plain_lease(body)


def test_most_pages_are_plain():
    assert is_plain_submission(GOOD)


@pytest.mark.parametrize(("count", "plain"), [(MOST_VOTES, True), (MOST_VOTES + 1, False)])
def test_a_page_has_its_longest(count, plain):
    assert is_plain_submission({"votes": [{"position": 1, "answer": "YES"}] * count}) is plain
