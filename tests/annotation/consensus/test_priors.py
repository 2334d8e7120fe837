import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.consensus.belief import estimate_evidence
from annotation.consensus.model import Floats, Parameters
from annotation.consensus.priors import pool_shares, weigh_states
from annotation.consensus.start import GRADED
from tests.annotation.consensus.strategies import make_states, parameter_sets, patiently, tables

ALL = np.array([0.7, 0.3])
probabilities = st.one_of(st.just(float("nan")), st.floats(0.001, 0.999))


@st.composite
def hierarchies(draw: st.DrawFn) -> list[list[int]]:
    """Each synset's parents, all before it."""
    synsets = draw(st.integers(0, 8))
    later = [sorted(draw(st.sets(st.integers(0, synset - 1), max_size=3))) for synset in range(1, synsets)]
    return [[], *later] if synsets else []


def slow_pool(synset: int, counts: Floats, parents: list[list[int]], weight: float) -> list[float]:
    above = [slow_pool(parent, counts, parents, weight) for parent in parents[synset]]
    drawn = [sum(column) / len(above) for column in zip(*above, strict=True)] if above else ALL.tolist()
    own = counts[synset].tolist()
    return [(n + weight * share) / (sum(own) + weight) for n, share in zip(own, drawn, strict=True)]


@patiently
@given(parents=hierarchies(), weight=st.sampled_from([1.0, 30.0, 100.0]), data=st.data())
def test_shares_equal_the_recursion_to_the_roots(parents: list[list[int]], weight: float, data: st.DataObject) -> None:
    shares = data.draw(tables(states=1, workers=len(parents), answers=2))[:, 0]
    counts = data.draw(st.sampled_from([0.0, 1.0, 500.0])) * shares

    pooled = pool_shares(counts=counts, parents=parents, shares=ALL, weight=weight)

    slow = [slow_pool(synset, counts, parents, weight) for synset in range(len(parents))]
    assert pooled == pytest.approx(np.array(slow).reshape(-1, 2), abs=1e-12)
    assert pooled.sum(axis=1) == pytest.approx(1.0)


def test_a_synset_without_items_has_the_mean_of_its_parents() -> None:
    counts = np.array([[100.0, 0.0], [0.0, 100.0], [0.0, 0.0]])

    pooled = pool_shares(counts=counts, parents=[[], [], [0, 1]], shares=ALL)

    assert pooled[0] == pytest.approx([0.85, 0.15])
    assert pooled[1] == pytest.approx([0.35, 0.65])
    assert pooled[2] == pytest.approx([0.6, 0.4])


@pytest.mark.parametrize("parents", [[[], [2], []], [[0]], [[], [-1]]])
def test_an_order_that_is_not_topological_is_refused_by_its_place(parents: list[list[int]]) -> None:
    with pytest.raises(ValueError, match=r"^parents\[[01]\]: must come before it, are \[-?\d\]$"):
        pool_shares(counts=np.ones((len(parents), 2)), parents=parents, shares=ALL)


@patiently
@given(said=st.lists(probabilities, max_size=5), parameters=parameter_sets())
def test_factors_of_states_equal_bayes_rule_by_loops(said: list[float], parameters: Parameters) -> None:
    factors = np.exp(weigh_states(probability=np.array(said), parameters=parameters))

    yes = [float(meaning[1]) for meaning in parameters.meanings]
    base = sum(share * m for share, m in zip(parameters.shares.tolist(), yes, strict=True))
    for p, found in zip(said, factors, strict=True):
        slow = [1.0] * len(yes) if np.isnan(p) else [m * p / base + (1 - m) * (1 - p) / (1 - base) for m in yes]
        assert found.tolist() == pytest.approx(slow)


@patiently
@given(said=st.floats(0.001, 0.999), share=st.floats(0.05, 0.95))
def test_of_states_that_mean_one_class_what_was_said_is_believed(said: float, share: float) -> None:
    parameters = make_states(share_of_yes=share, certainty=1.0)
    factors = weigh_states(probability=np.array([said]), parameters=parameters)

    estimates = estimate_evidence(
        evidence=np.zeros((1, 2)), counts=np.zeros((1, 3), dtype=np.int64), parameters=parameters, log_prior=factors
    )

    assert estimates.probability[0] == pytest.approx(said)


def test_saying_what_is_known_of_all_says_nothing() -> None:
    base = float(GRADED.shares @ GRADED.meanings[:, 1])

    assert weigh_states(probability=np.array([base]), parameters=GRADED) == pytest.approx(np.zeros((1, 6)))


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, 1.5, float("inf")])
def test_a_probability_that_claims_certainty_is_refused_by_its_place(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"^probability\[2\]: must be above 0 and below 1, is "):
        weigh_states(probability=np.array([0.5, np.nan, wrong]), parameters=GRADED)
