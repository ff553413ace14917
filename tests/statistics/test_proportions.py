"""Probability of improvement against Mann and Whitney's statistic of scipy, Wilson's interval against scipy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dvdn_sim.statistics.bootstrap import Estimate
from dvdn_sim.statistics.proportions import performance_profile, probability_of_improvement, wilson

RUNS = st.lists(st.integers(0, 6), min_size=1, max_size=8).map(np.array)
CELLS = st.lists(RUNS, min_size=1, max_size=4)
THRESHOLDS = [-1.0, 0.0, 1.0, 2.5, 3.0, 6.0]


@pytest.mark.parametrize("runs", [1, 5, 10, 49, 51])
def test_wilsons_interval_is_scipys(runs):
    for wins in range(runs + 1):
        expected = stats.binomtest(wins, runs).proportion_ci(method="wilson")
        share = wins / runs
        found = wilson(share, share * (1 - share) / runs, runs)
        assert found == pytest.approx([expected.low, expected.high], abs=1e-12)
        assert 0.0 <= found[0] <= found[1] <= 1.0


@given(RUNS, RUNS)
def test_improvement_of_one_cell_is_mann_and_whitneys_statistic(x, y):
    found = probability_of_improvement([x], [y]).value
    assert found == pytest.approx(stats.mannwhitneyu(x, y).statistic / (len(x) * len(y)))


@given(st.lists(st.tuples(RUNS, RUNS), min_size=1, max_size=4))
def test_who_is_not_better_is_worse(cells):
    """P(X > Y) + P(Y > X) = 1 with ties halved, cells averaged; the interval is mirrored."""
    x, y = ([cell[side] for cell in cells] for side in (0, 1))
    found, mirrored = probability_of_improvement(x, y), probability_of_improvement(y, x)
    assert found.value + mirrored.value == pytest.approx(1.0)
    assert found.value == pytest.approx(np.mean([probability_of_improvement([a], [b]).value for a, b in cells]))
    if found.interval is not None:
        low, high = mirrored.interval
        assert found.interval == pytest.approx((1.0 - high, 1.0 - low))


@given(CELLS)
def test_an_arm_is_no_better_than_itself(cells):
    assert probability_of_improvement(cells, cells).value == pytest.approx(0.5)


def test_improvement_by_hand():
    """x beats y in 3 of 4 pairs and ties in none: rows 1 and ½, columns 1 and ½, variances 1/8 each, v = 1/8.

    Worth ¾·¼/(1/8) = 1.5 trials: Wilson's centre (¾ + z²/3)/(1 + 2z²/3), half width z √(1/8 + z²/9)/(1 + 2z²/3).
    """
    z = stats.norm.ppf(0.975)
    centre = (0.75 + z**2 / 3) / (1 + z**2 / 1.5)
    half = z * np.sqrt(1 / 8 + z**2 / 9) / (1 + z**2 / 1.5)
    found = probability_of_improvement([np.array([1.0, 3.0])], [np.array([0.0, 2.0])])
    assert found.value == 0.75
    assert found.interval == pytest.approx((centre - half, centre + half))


def test_five_wins_of_five_are_not_certainty():
    """No resample shows a loss; Wilson's interval of five trials reaches down to 1/(1 + z²/5) = 0.57."""
    found = probability_of_improvement([np.arange(5.0) + 10.0], [np.arange(5.0)])
    assert found.value == 1.0
    assert found.interval == pytest.approx((0.5655, 1.0), abs=1e-4)


def test_where_all_are_on_one_side_it_counts_as_many_trials_as_the_smaller_arms_have_runs():
    """Two runs and three: never more than five pairs of runs that have nothing to do with each other."""
    found = probability_of_improvement([np.ones(5), np.ones(3)], [np.zeros(2), np.zeros(4)])
    assert found.interval == wilson(1.0, 0.0, 5)
    profile = performance_profile([np.ones(5), np.ones(3)], [0.0, 2.0])
    assert (profile.low[0], profile.high[0]) == wilson(1.0, 0.0, 8)
    assert (profile.low[1], profile.high[1]) == wilson(0.0, 0.0, 8)


def test_a_single_run_has_no_interval():
    one, two = np.array([1.0]), np.array([0.0, 2.0])
    assert probability_of_improvement([one], [two]) == Estimate(0.5, None)
    assert probability_of_improvement([two, two], [two, one]).interval is None
    profile = performance_profile([two, one], [0.5])
    assert (profile.fraction.tolist(), profile.low, profile.high) == ([0.75], None, None)


def test_arms_of_other_cells_are_refused():
    with pytest.raises(ValueError, match="arms have 1 and 2 cells"):
        probability_of_improvement([np.ones(2)], [np.ones(2)] * 2)


@pytest.mark.parametrize("runs", [(2, 3), (5, 5), (10, 4)])
def test_its_variance_is_that_of_brunner_and_munzels_test(runs):
    """Their statistic is (½ - p)/√v; of ties too."""
    rng = np.random.default_rng(sum(runs))
    for _ in range(50):
        x, y = (rng.integers(0, 8, size=size).astype(float) for size in runs)
        found = probability_of_improvement([x], [y])
        if 0.0 < found.value < 1.0 and found.value != 0.5:
            variance = ((0.5 - found.value) / stats.brunnermunzel(x, y).statistic) ** 2
            assert found.interval == pytest.approx(wilson(found.value, variance, min(runs)))


def test_cells_share_their_variance():
    """Two independent cells, averaged: a quarter of the sum of their variances."""
    x, y = np.array([0.0, 2.0, 5.0]), np.array([1.0, 3.0, 4.0])
    alone, both = probability_of_improvement([x], [y]), probability_of_improvement([x, x], [y, y])
    variance = ((0.5 - alone.value) / stats.brunnermunzel(x, y).statistic) ** 2
    assert both.value == alone.value
    assert both.interval == pytest.approx(wilson(alone.value, variance / 2, 6))


def coverage(found, truth):
    return np.mean([low <= truth <= high for low, high in found])


@pytest.mark.parametrize(("cells", "seeds"), [(1, 5), (1, 10), (10, 5)])
@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_ninety_five_per_cent_cover_the_probability(cells, seeds, shift):
    """From 92 to 98 % (standard error 0.5 %), where the truth is ½, 0.76 and 0.92: resampling has 60 % of the last."""
    drawn = np.random.default_rng(cells * seeds).normal(size=(2000, 2, cells, seeds))
    drawn[:, 0] += shift
    found = (probability_of_improvement(list(x), list(y)).interval for x, y in drawn)
    assert 0.92 <= coverage(found, stats.norm.cdf(shift / np.sqrt(2))) <= 0.98


@given(RUNS)
def test_a_profile_of_one_cell_is_scipys_survival_function(cell):
    expected = stats.ecdf(cell).sf.evaluate(THRESHOLDS)
    assert performance_profile([cell], THRESHOLDS).fraction == pytest.approx(expected)


@given(CELLS)
def test_a_profile_falls_and_its_band_holds_it(cells):
    profile = performance_profile(cells, THRESHOLDS)
    assert (np.diff(profile.fraction) <= 0).all()
    assert (profile.fraction[0], profile.fraction[-1]) == (1.0, 0.0)
    if profile.low is not None:
        assert (profile.low >= 0.0).all()
        assert (profile.low <= profile.fraction + 1e-12).all()
        assert (profile.fraction - 1e-12 <= profile.high).all()
        assert (profile.high <= 1.0).all()
        assert (profile.high - profile.low > 0).all()


def test_every_cell_counts_alike_in_a_profile():
    """One of two runs and four of four: ¾, not 5/6. Variance ½·½/1/4 = 1/16: worth ¾·¼·16 = 3 trials."""
    profile = performance_profile([np.array([0.0, 1.0]), np.ones(4)], [0.5])
    expected = stats.binomtest(3, 4).proportion_ci(method="wilson")  # 3/4 of four trials, wider for three
    assert profile.fraction.tolist() == [0.75]
    assert (profile.low[0], profile.high[0]) == pytest.approx(wilson(0.75, 1 / 16, 6))
    assert profile.low[0] < expected.low


def test_ninety_five_per_cent_cover_the_profile():
    drawn = np.random.default_rng(1).random((2000, 10, 5))
    for share in (0.5, 0.8, 0.95):
        profiles = (performance_profile(list(each), [1 - share]) for each in drawn)
        assert 0.92 <= coverage(((each.low[0], each.high[0]) for each in profiles), share) <= 0.98
