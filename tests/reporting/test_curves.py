"""Curves by hand, their area against scipy's, and runs of ragged seeds on one grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import load_run
from dvdn_sim.reporting.curves import (
    COLUMNS,
    Curve,
    area,
    checkpoints,
    curves_of,
    final_mean,
    last_return,
    learning_curve,
    on_grid,
    scores_of,
)
from dvdn_sim.statistics import best_checkpoint, estimate

STEPS = st.lists(st.integers(1, 50), min_size=1, max_size=12).map(lambda gaps: np.cumsum([0, *gaps]).astype(float))
CURVES = STEPS.flatmap(
    lambda steps: st.lists(st.floats(-1, 1), min_size=len(steps), max_size=len(steps)).map(
        lambda returns: curve(steps, returns)
    )
)


def curve(steps, returns):
    steps = np.asarray(steps, float)
    return Curve(np.asarray(returns, float), steps, 0.5 * steps, 100.0 * steps)


def test_curves_are_evaluations_in_the_order_of_steps(folder):
    run = load_run(folder("a", {3: [(0, 0.1), (104, 0.5), (200, 0.75)], 1: [(0, 0.0)]}), COLUMNS)
    found = curves_of(run)
    assert list(found) == [3, 1]
    assert found[3].returns.tolist() == [0.1, 0.5, 0.75]
    assert found[3].env_steps.tolist() == [0.0, 104.0, 200.0]
    assert found[3].sim_time_s.tolist() == [0.0, 52.0, 100.0]
    assert found[3].bytes_sent.tolist() == [0.0, 10400.0, 20000.0]


def test_without_a_network_there_are_steps_alone(folder):
    (found,) = curves_of(load_run(folder("a", {0: [(0, 0.1)]}, network=False))).values()
    assert (found.sim_time_s, found.bytes_sent) == (None, None)
    with pytest.raises(ValueError, match="a run without a network has no bytes_sent"):
        found.at("bytes_sent", [0.0])


def test_a_return_that_is_no_number_is_refused_with_its_run(folder):
    run = load_run(folder("bad", {0: [(0, 0.0)], 4: [(0, 0.0), (100, float("nan"))]}))
    with pytest.raises(RunFolderError, match=r"bad, seed 4: the return at step 100 is nan"):
        curves_of(run)


def test_a_seed_without_evaluations_is_refused(folder):
    run = load_run(folder("bad", {0: [(0, 0.0)], 4: []}))
    with pytest.raises(RunFolderError, match=r"bad, seed 4: no evaluation"):
        curves_of(run)


def test_a_return_holds_until_the_next_evaluation():
    found = curve([0, 100, 200], [1.0, 2.0, 3.0])
    points = [0, 99, 100, 150, 200, 1000]
    assert found.at("env_steps", points).tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    assert found.at("sim_time_s", np.array(points) / 2).tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    assert float(found.at("bytes_sent", 15_000)) == 2.0
    with pytest.raises(ValueError, match="env_steps -1 is before the first evaluation, at 0"):
        found.at("env_steps", [5, -1])


def test_the_final_tenth_of_41_evaluations_is_four():
    found = curve(np.arange(41) * 125_000, np.arange(41.0))
    assert final_mean(found) == np.mean([37, 38, 39, 40])
    assert final_mean(found, 0.0) == last_return(found) == 40.0
    assert final_mean(found, 1.0) == np.arange(1.0, 41.0).mean()
    with pytest.raises(ValueError, match=r"share of training is 1\.5"):
        final_mean(found, 1.5)


@given(CURVES)
def test_area_is_scipys_integral_over_the_steps(found):
    expected = integrate.trapezoid(found.returns, found.env_steps) / found.env_steps[-1]
    assert area(found) == pytest.approx(expected, abs=1e-12)
    assert found.returns.min() - 1e-12 <= area(found) <= found.returns.max() + 1e-12


def test_area_by_hand():
    """From 0 to 1 in 100 steps, then 1 for 300: (50 + 300)/400."""
    assert area(curve([0, 100, 400], [0.0, 1.0, 1.0])) == 0.875
    assert area(curve([0], [0.25])) == 0.25


def test_ragged_seeds_are_aligned_evaluation_by_evaluation():
    """Seeds are evaluated after the episode that reaches 100, 200, …; by steps, time and bytes alike."""
    curves = [curve([0, 103, 200, 307], [1, 2, 3, 4]), curve([0, 100, 219], [5, 6, 7])]
    assert checkpoints(curves).tolist() == [0, 103, 219]
    for axis in ("env_steps", "sim_time_s", "bytes_sent"):
        assert on_grid(curves, axis).tolist() == [[1, 2, 3], [5, 6, 7]]
    assert best_checkpoint(on_grid(curves)).index == 2
    with pytest.raises(ValueError, match="no curves"):
        on_grid([])


@given(st.integers(1, 5), st.integers(1, 9), st.randoms(use_true_random=False))
def test_evaluations_every_so_many_steps_keep_their_number(seeds, evaluations, random):
    """An evaluation comes at most an episode (here up to 49 steps) after its multiple of 50."""
    curves = [
        curve([0, *(50 * k + random.randint(0, 49) for k in range(1, evaluations))], range(evaluations))
        for _ in range(seeds)
    ]
    assert on_grid(curves).tolist() == [list(range(evaluations))] * seeds


def test_scores_of_an_arm_by_cell_and_seed(folder):
    runs = {
        "loss=0%": [load_run(folder("a", {0: [(0, 0.0), (100, 1.0)], 1: [(0, 0.0), (100, 0.5)]}))],
        "loss=5%": [load_run(folder(f"b{seed}", {seed: [(0, 0.0), (100, 0.25)]})) for seed in (0, 1)],
    }
    assert scores_of(runs) == {"loss=0%": {0: 1.0, 1: 0.5}, "loss=5%": {0: 0.25, 1: 0.25}}
    assert scores_of(runs, area) == {"loss=0%": {0: 0.5, 1: 0.25}, "loss=5%": {0: 0.125, 1: 0.125}}


def test_a_seed_that_comes_twice_is_refused(folder):
    first, second = (load_run(folder(name, {0: [(0, 0.0)], 7: [(0, 0.0)]})) for name in ("a", "b"))
    with pytest.raises(RunFolderError, match=r"cell x: seed 0 is in .*b and in another run"):
        scores_of({"x": [first, second]})


def test_a_learning_curve_is_an_estimate_at_each_point():
    rng = np.random.default_rng(0)
    cells = [[curve([0, 100, 200], rng.normal(size=3)) for _ in range(5)] for _ in range(2)]
    found = learning_curve(cells)
    assert found.points.tolist() == [0, 100, 200]
    for point in range(3):
        expected = estimate([np.array([each.returns[point] for each in curves]) for curves in cells])
        assert found.value[point] == expected.value
        assert (found.low[point], found.high[point]) == expected.interval


def test_a_learning_curve_where_asked_for_and_of_one_seed():
    found = learning_curve([[curve([0, 100], [0.0, 1.0])]], "bytes_sent", [0, 9_999, 10_000])
    assert (found.value.tolist(), found.low, found.high) == ([0.0, 0.0, 1.0], None, None)


@pytest.mark.parametrize("points", [None, [0.0]])
@pytest.mark.parametrize("cells", [[], [[]], [[curve([0], [0.5])], []]])
def test_a_learning_curve_of_nothing_is_refused(cells, points):
    with pytest.raises(ValueError, match=r"no curves|no cells"):
        learning_curve(cells, points=points)
