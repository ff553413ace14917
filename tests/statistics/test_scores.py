"""What is taken as scores, what is refused and how it is called, and which runs have a partner."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvdn_sim.statistics import checked, normalised, pair, strata

ARMS = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(st.integers(0, 5), st.floats(-1, 1), max_size=5), max_size=3
)


def test_order_of_cells_and_seeds_means_nothing():
    one = {"a": {0: 1.0, 1: 2.0}, "b": {3: 4.0}}
    other = {"b": {3: 4.0}, "a": {1: 2.0, 0: 1.0}}
    assert [cell.tolist() for cell in strata(one)] == [cell.tolist() for cell in strata(other)] == [[1.0, 2.0], [4.0]]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_refused_by_name(value):
    with pytest.raises(ValueError, match=rf"cell 'loss=10%', seed 7 is {value}; a finite number expected"):
        strata({"loss=0%": {7: 0.5}, "loss=10%": {3: 0.5, 7: value}})
    with pytest.raises(ValueError, match=rf"score 1 of cell 0 is {value}"):
        checked([np.array([0.5, value])])


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="no cells"):
        strata({})
    with pytest.raises(ValueError, match=r"scores of cell 1 have shape \(0,\)"):
        strata({"a": {0: 1.0}, "b": {}})
    with pytest.raises(ValueError, match=r"shape \(1, 2\)"):
        checked([np.array([[1.0, 2.0]])])


def test_normalised_puts_the_bounds_at_0_and_1():
    scores = {"tag": {0: 30.0, 1: 10.0}, "spread": {0: -120.0}}
    found = normalised(scores, {"tag": 10.0, "spread": -200.0}, {"tag": 30.0, "spread": -100.0})
    assert found == {"tag": {0: 1.0, 1: 0.0}, "spread": {0: 0.8}}


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_bounds_that_bound_nothing_are_refused(low, high):
    with pytest.raises(ValueError, match="cell 'a' is to be normalised by"):
        normalised({"a": {0: 0.5}}, {"a": low}, {"a": high})


def test_a_cell_without_a_bound_is_named():
    with pytest.raises(ValueError, match="cell 'a' has no upper bound"):
        normalised({"a": {0: 0.5}}, {"a": 0.0}, {"b": 1.0})


@given(ARMS, ARMS)
def test_every_run_is_paired_or_named(scores, other):
    pairing = pair(scores, other)
    for arm, alone in ((scores, pairing.alone), (other, pairing.alone_other)):
        named = [(cell, seed) for kind in (pairing.seeds, alone) for cell, seeds in kind.items() for seed in seeds]
        assert sorted(named) == sorted((cell, seed) for cell, runs in arm.items() for seed in runs)
    assert pairing.pairs == sum(seed in other.get(cell, {}) for cell, runs in scores.items() for seed in runs)
