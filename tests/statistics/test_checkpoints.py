"""The paper's protocol: what it picks, how much too high that is, and that held-out seeds are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dvdn_sim.statistics.bootstrap import estimate, mean
from dvdn_sim.statistics.checkpoints import best_checkpoint


def test_the_best_for_all_seeds_together():
    """Means over seeds 0.2, 0.6, 0.5: the second checkpoint, though the first seed was better at the third.

    The first seed alone would take the third, where the second has 0.3; the second the second, where the first has 0.4.
    """
    found = best_checkpoint(np.array([[0.1, 0.4, 0.7], [0.3, 0.8, 0.3]]))
    assert (found.index, found.checkpoints) == (1, 3)
    assert found.per_seed.tolist() == [0.4, 0.8]
    assert found.estimate.value == pytest.approx(0.6)
    assert found.held_out.tolist() == [0.4, 0.3]
    assert found.optimism == pytest.approx(0.25)


@given(arrays(float, st.tuples(st.integers(2, 6), st.integers(1, 8)), elements=st.integers(0, 9)))
def test_held_out_is_the_protocol_without_the_seed(returns):
    found = best_checkpoint(returns)
    assert found.estimate.value == pytest.approx(returns.mean(0).max())
    for seed in range(len(returns)):
        others = best_checkpoint(np.delete(returns, seed, axis=0))
        assert found.held_out[seed] == returns[seed, others.index]
    assert found.optimism >= -1e-12


def test_its_interval_is_the_usual_bootstrap_of_the_mean():
    returns = np.random.default_rng(0).normal(size=(10, 41))
    found = best_checkpoint(returns)
    assert found.estimate == estimate([found.per_seed], mean, method="percentile")


@pytest.mark.parametrize(("seeds", "bias"), [(5, 0.029), (10, 0.021)])
def test_on_a_flat_curve_it_is_too_high_and_held_out_is_not(seeds, bias):
    """41 checkpoints, per-seed spread 0.03, truth 0.8: the largest of 41 means is 2.17 of their spreads above."""
    rng, experiments = np.random.default_rng(seeds), 400
    found = [best_checkpoint(0.8 + 0.03 * rng.normal(size=(seeds, 41))) for _ in range(experiments)]
    best = np.array([each.estimate.value for each in found])
    held_out = np.array([each.held_out.mean() for each in found])
    for values, expected in ((best, 0.8 + bias), (held_out, 0.8)):
        # 0.0005: the biases are rounded to three digits.
        assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(experiments) + 0.0005
    assert (best.mean() - 0.8) > 20 * best.std() / np.sqrt(experiments)


def test_where_all_seeds_are_best_at_the_end_there_is_no_optimism():
    found = best_checkpoint(np.linspace(0.0, 1.0, 41) + 0.001 * np.arange(5.0)[:, None])
    assert (found.index, found.optimism) == (40, 0.0)


def test_a_single_seed_has_no_interval_and_nothing_held_out():
    found = best_checkpoint(np.array([[0.1, 0.4, 0.2]]))
    assert (found.index, found.estimate.value, found.estimate.interval) == (1, 0.4, None)
    assert (found.held_out, found.optimism) == (None, None)


@pytest.mark.parametrize("returns", [np.zeros(3), np.zeros((0, 3)), np.zeros((3, 0))])
def test_other_shapes_are_refused(returns):
    with pytest.raises(ValueError, match=r"\[seeds, checkpoints\] expected"):
        best_checkpoint(returns)


def test_a_return_that_is_no_number_is_refused_by_place():
    with pytest.raises(ValueError, match="row 1 at checkpoint 2 is nan"):
        best_checkpoint(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, float("nan")]]))
