"""Each mistake can still be made in the code as it is."""

import pytest

from tests.faults.mutants import MUTANTS
from tests.faults.scenarios import SCENARIOS
from tests.functional.service import CHECKOUT


@pytest.mark.parametrize("name", MUTANTS)
def test_what_a_mutant_changes_is_there_once(name):
    for edit in MUTANTS[name].edits:
        assert (CHECKOUT / edit.file).read_text().count(edit.old) == 1
        assert edit.new != edit.old


@pytest.mark.parametrize("name", MUTANTS)
def test_it_names_scenarios_that_there_are(name):
    assert set(MUTANTS[name].scenarios) <= {scenario.name for scenario in SCENARIOS}
    assert MUTANTS[name].edits or MUTANTS[name].sql
