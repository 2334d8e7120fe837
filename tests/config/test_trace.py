"""Whose id is taken, and how long it holds."""

import pytest

from config.trace import REQUEST_ID, Trace, choose_request_id, find_trace, run_under


@pytest.mark.parametrize("given", ["a" * 8, "Z" * 64, "0b2b8654-c085-4ca8"])
def test_an_id_of_letters_digits_and_hyphens_is_taken(given):
    assert choose_request_id(given) == given


@pytest.mark.parametrize(
    "given",
    [None, "", "a" * 7, "a" * 65, "*/ DROP TABLE", "%(annotator)s", "äöüäöüäöü", "١٢٣٤٥٦٧٨", "12345678\n", 12345678],
)
def test_anything_else_is_replaced_by_a_new_one(given):
    first, second = choose_request_id(given), choose_request_id(given)

    assert first != second
    assert REQUEST_ID.fullmatch(first)


def test_a_trace_ends_with_its_work_also_when_that_fails():
    def work():
        assert find_trace().request_id == "outer-0001"
        raise ValueError("it")

    with pytest.raises(ValueError, match="it"), run_under(Trace("outer-0001")):
        work()

    assert find_trace() == Trace()
