"""Two arms over equal seeds, by hand and by what pairing is for; proportions and their intervals against scipy's."""

import doctest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dvdn_sim.statistics import (
    Estimate,
    compare,
    estimate,
    holm,
    least_p_value,
    performance_profile,
    probability_of_improvement,
    seeds_help,
    wilson,
)

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
SEEDED = st.dictionaries(st.integers(0, 5), st.integers(-8, 8), min_size=1, max_size=5)
ARMS = st.dictionaries(st.sampled_from("ab"), SEEDED, min_size=1)
RUNS = st.lists(st.integers(0, 6), min_size=1, max_size=8).map(np.array)
CELLS = st.lists(RUNS, min_size=1, max_size=4)
THRESHOLDS = [-1.0, 0.0, 1.0, 2.5, 3.0, 6.0]


def arm(values, cell="a"):
    return {cell: dict(enumerate(np.asarray(values, float).tolist()))}


def test_four_pairs_by_hand():
    """Differences 1, 2, 3 and 10: the middle two have mean 2.5.

    Of 16 pairs of runs the first wins 11 and ties none: {2, 4, 6, 20} against {1, 2.5, 3, 10}: 1 + 3 + 3 + 4.
    """
    found = compare(arm([2.0, 4.5, 6.0, 20.0]), arm([1.0, 2.5, 3.0, 10.0]))
    assert found.difference.value == 2.5
    assert found.probability_of_improvement.value == 11 / 16
    assert found.pairing.pairs == 4
    assert not found.pairing.alone
    assert not found.pairing.alone_other


def test_its_p_value_is_welchs_of_a_mean_that_resamples_show():
    """Three seeds have nothing to cut off: the interquartile mean is the mean. Resampling moves t by 2 % at most."""
    x, y = np.array([0.9, 0.5, 0.7]), np.array([0.3, 0.1, 0.35])
    found = compare(arm(x), arm(y))
    expected = stats.ttest_ind(x, y, equal_var=False)
    assert not found.paired
    assert found.difference.value / found.error == pytest.approx(expected.statistic, rel=0.02)
    assert found.dof == pytest.approx(expected.df, rel=0.03)
    assert found.p_value == least_p_value(3) == 0.25  # of three pairs, whatever Welch says
    paired = compare(arm(x), arm(y), paired=True)
    assert paired.difference.value / paired.error == pytest.approx(stats.ttest_rel(x, y).statistic, rel=0.02)
    assert paired.dof == pytest.approx(2.0)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_holm_is_scipys_step_down(p_values):
    """In order: the largest of (m - k) p_k up to each."""
    found, order, worst = holm(p_values), np.argsort(p_values, kind="stable"), 0.0
    for rank, index in enumerate(order):
        worst = min(1.0, max(worst, (len(p_values) - rank) * p_values[index]))
        assert found[index] == worst
    assert holm([]) == []


def test_five_pairs_are_never_clear_and_six_may_be():
    for seeds in (2, 3, 4, 5, 6):
        found = compare(arm(np.arange(seeds) * 1e-3 + 1.0), arm(np.arange(seeds)[::-1] * 1e-3))
        assert (found.p_value <= 0.05) == (seeds >= 6)
        assert (found.detectable() is None) == (seeds < 6)


def test_what_is_detectable_is_found_four_times_in_five():
    """Ten normal seeds an arm: 79 to 87 % of 400 studies at that difference; standard error 2 %."""
    rng = np.random.default_rng(3)
    studies = [(rng.normal(size=10), rng.normal(size=10)) for _ in range(400)]
    typical = np.mean([compare(arm(x), arm(y)).detectable() for x, y in studies])
    assert 0.74 <= np.mean([compare(arm(x + typical), arm(y)).p_value <= 0.05 for x, y in studies]) <= 0.88


def test_cells_that_share_runs_count_once():
    """The baseline's runs over two networks are the same: pairs are ten and not twenty, of the mean of both gains."""
    rng = np.random.default_rng(8)
    base, gains = rng.normal(size=10), rng.normal(size=(2, 10))
    x, y = ({"p": dict(enumerate(one)), "q": dict(enumerate(two))} for one, two in (base + gains, [base, base]))
    found, alone = compare(x, y), compare(arm(base + gains.mean(0)), arm(base))
    assert (found.pairs, found.pairing.pairs) == (10, 20)
    assert found.difference.value == pytest.approx(alone.difference.value)
    assert found.difference.interval == pytest.approx(alone.difference.interval)
    assert found.error == pytest.approx(alone.error)
    both = compare(y, y)
    assert (both.same, both.p_value, both.difference) == (True, 1.0, Estimate(0.0, (0.0, 0.0)))


def test_luck_that_is_shared_cancels():
    """Seeds differ by 1, arms by 0.1 ± 0.01: the interval of the difference is a hundredth of that of an arm."""
    rng = np.random.default_rng(0)
    luck = rng.normal(size=10)
    x, y = luck + 0.1 + 0.01 * rng.normal(size=10), luck
    found = compare(arm(x), arm(y)).difference
    assert 0.0 < found.interval[0] < 0.1 < found.interval[1]
    assert np.ptp(found.interval) < 0.05 * np.ptp(estimate([x]).interval)


def test_runs_without_a_partner_are_named_and_left_out():
    x = {"loss=0%": {0: 1.0, 1: 2.0, 7: 99.0}, "loss=5%": {0: 50.0}}
    y = {"loss=0%": {0: 0.0, 1: 1.0, 3: -99.0}, "loss=20%": {0: 50.0, 1: 50.0}}
    found = compare(x, y, paired=True)
    assert found.difference == Estimate(1.0, (1.0, 1.0))
    assert found.probability_of_improvement.value == 0.875  # of 1, 2 against 0, 1: a win, a tie, two wins
    assert found.pairing.seeds == {"loss=0%": (0, 1)}
    assert found.pairing.alone == {"loss=0%": (7,), "loss=5%": (0,)}
    assert found.pairing.alone_other == {"loss=0%": (3,), "loss=20%": (0, 1)}


def test_arms_that_share_no_run_are_refused():
    with pytest.raises(ValueError, match=r"no run .* 'a' with seeds 0, 1, and 'a' with seeds 5; 'b' with seeds 0"):
        compare({"a": {1: 0.0, 0: 0.0}}, {"a": {5: 0.0}, "b": {0: 1.0}})


def test_a_score_that_is_no_number_is_refused_even_where_it_has_no_partner():
    with pytest.raises(ValueError, match="cell 'a', seed 3 is nan"):
        compare({"a": {0: 1.0}}, {"a": {0: 1.0, 3: float("nan")}})


def test_one_pair_is_no_interval_and_equal_arms_have_no_difference():
    found = compare(arm([2.0]), arm([1.0]))
    assert found.difference == Estimate(1.0, None)
    assert found.probability_of_improvement == Estimate(1.0, None)
    found = compare(arm([0.1, 0.2, 0.3, 0.4, 0.5]), arm([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert found.difference == Estimate(0.0, (0.0, 0.0))
    assert found.probability_of_improvement.value == 0.5


@given(ARMS, ARMS)
def test_the_other_way_round_is_the_other_sign(x, y):
    shared = [(cell, seed) for cell in x.keys() & y.keys() for seed in x[cell].keys() & y[cell].keys()]
    if not shared:
        with pytest.raises(ValueError, match="no run"):
            compare(x, y)
        return
    found, reverse = compare(x, y), compare(y, x)
    assert found.difference.value == pytest.approx(-reverse.difference.value)
    assert found.probability_of_improvement.value == pytest.approx(1 - reverse.probability_of_improvement.value)
    assert (found.pairing.alone, found.pairing.alone_other) == (reverse.pairing.alone_other, reverse.pairing.alone)


def simulated(seeds, share, draw, studies):
    """How often the interval covers the truth, p is at most 5 %, and pairs are used, of arms that share their luck."""
    rng, found = np.random.default_rng(seeds), []
    for _ in range(studies):
        luck = draw(rng, seeds)
        x, y = (np.sqrt(share) * luck + np.sqrt(1 - share) * draw(rng, seeds) for _ in range(2))
        each = compare(arm(x), arm(y))
        low, high = each.difference.interval
        found.append((low <= 0.0 <= high, each.p_value <= 0.05, each.paired))
    return np.mean(found, axis=0)


NORMAL, HEAVY = (lambda rng, n: rng.normal(size=n)), (lambda rng, n: rng.standard_t(3, size=n))


@pytest.mark.slow
@pytest.mark.parametrize("draw", [NORMAL, HEAVY, lambda rng, n: np.exp(rng.normal(size=n))])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 0.98])
@pytest.mark.parametrize("seeds", [5, 6, 10])
def test_the_level_holds_whatever_seeds_share(seeds, share, draw):
    """At most 5 % are called clear where there is nothing (standard error 1 %), and 93 % or more cover it.

    The choice between pairs and groups is made by the same scores, and is part of what is simulated.
    """
    covered, clear, _ = simulated(seeds, share, draw, 500)
    assert covered >= 0.93
    assert clear <= (0.0 if seeds == 5 else 0.08)


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0.0, 0.05), (0.9, 0.6, 1.0)])
def test_pairs_are_used_where_seeds_share_their_luck(share, least, most):
    covered, clear, paired = simulated(10, share, NORMAL, 150)
    assert least <= paired <= most
    assert covered >= 0.9
    assert clear <= 0.12


def test_equal_runs_are_no_evidence_of_shared_luck():
    """Two of three cells are the same runs; the third has nothing to do with them."""
    rng = np.random.default_rng(2)
    one, other = (dict(enumerate(rng.normal(size=10))) for _ in range(2))
    assert not seeds_help([one, one, other])
    assert not seeds_help([one, one])
    assert not seeds_help([one])
    assert not seeds_help([])
    assert seeds_help([one, {seed: score + 0.01 * other[seed] for seed, score in one.items()}])


def of_nothing(rng, arms, seeds):
    """The least corrected p value of a study without any difference, all arms against one."""
    base, *others = (arm(rng.normal(size=seeds)) for _ in range(arms + 1))
    return min(holm([compare(each, base).p_value for each in others]))


def test_holms_level_holds_in_studies_of_nothing():
    """Six arms of ten seeds against one: 5 % of studies say anything at all; 100 of them, four sigmas above."""
    rng = np.random.default_rng(11)
    assert np.mean([of_nothing(rng, 6, 10) <= 0.05 for _ in range(100)]) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 100)


@pytest.mark.slow
@pytest.mark.parametrize("arms", [2, 6, 12])
def test_holms_level_holds_in_many_studies_of_nothing(arms):
    """And without the correction it would not: three sigmas of 600 studies."""
    rng = np.random.default_rng(arms)
    found = [of_nothing(rng, arms, 10) for _ in range(600)]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


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


def test_where_all_are_on_one_side_it_counts_as_many_trials_as_the_smaller_arms_have_runs():
    """Two runs and three: never more than five pairs of runs that have nothing to do with each other."""
    found = probability_of_improvement([np.ones(5), np.ones(3)], [np.zeros(2), np.zeros(4)])
    assert found.interval == wilson(1.0, 0.0, 5) == pytest.approx((0.5655, 1.0), abs=1e-4)  # from 1/(1 + z²/5)
    profile = performance_profile([np.ones(5), np.ones(3)], [0.0, 2.0])
    assert (profile.low[0], profile.high[0]) == wilson(1.0, 0.0, 8)
    assert (profile.low[1], profile.high[1]) == wilson(0.0, 0.0, 8)


def test_a_single_run_has_no_interval():
    one, two = np.array([1.0]), np.array([0.0, 2.0])
    assert probability_of_improvement([one], [two]) == Estimate(0.5, None)
    assert probability_of_improvement([two, two], [two, one]).interval is None
    profile = performance_profile([two, one], [0.5])
    assert (profile.value.tolist(), profile.low, profile.high) == ([0.75], None, None)


def test_arms_of_other_cells_are_refused():
    with pytest.raises(ValueError, match="arms have 1 and 2 cells"):
        probability_of_improvement([np.ones(2)], [np.ones(2)] * 2)


@pytest.mark.parametrize("runs", [(2, 3), (5, 5), (10, 4)])
def test_its_variance_is_that_of_brunner_and_munzels_test(runs):
    """Their statistic is (½ - p)/√v; of ties too."""
    rng = np.random.default_rng(sum(runs))
    for _ in range(20):
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
    """From 92 to 98 % (standard error 0.9 %), where the truth is ½, 0.76 and 0.92: resampling has 60 % of the last."""
    drawn = np.random.default_rng(cells * seeds).normal(size=(600, 2, cells, seeds))
    drawn[:, 0] += shift
    found = (probability_of_improvement(list(x), list(y)).interval for x, y in drawn)
    assert 0.92 <= coverage(found, stats.norm.cdf(shift / np.sqrt(2))) <= 0.98


@given(RUNS)
def test_a_profile_of_one_cell_is_scipys_survival_function(cell):
    expected = stats.ecdf(cell).sf.evaluate(THRESHOLDS)
    assert performance_profile([cell], THRESHOLDS).value == pytest.approx(expected)


@given(CELLS)
def test_a_profile_falls_and_its_band_holds_it(cells):
    profile = performance_profile(cells, THRESHOLDS)
    assert (np.diff(profile.value) <= 0).all()
    assert (profile.value[0], profile.value[-1]) == (1.0, 0.0)
    if profile.low is not None:
        assert (profile.low >= 0.0).all()
        assert (profile.low <= profile.value + 1e-12).all()
        assert (profile.value - 1e-12 <= profile.high).all()
        assert (profile.high <= 1.0).all()
        assert (profile.high - profile.low > 0).all()


def test_every_cell_counts_alike_in_a_profile():
    """One of two runs and four of four: ¾, not 5/6. Variance ½·½/1/4 = 1/16: worth ¾·¼·16 = 3 trials."""
    profile = performance_profile([np.array([0.0, 1.0]), np.ones(4)], [0.5])
    expected = stats.binomtest(3, 4).proportion_ci(method="wilson")  # 3/4 of four trials, wider for three
    assert profile.value.tolist() == [0.75]
    assert (profile.low[0], profile.high[0]) == pytest.approx(wilson(0.75, 1 / 16, 6))
    assert profile.low[0] < expected.low


def test_ninety_five_per_cent_cover_the_profile():
    drawn = np.random.default_rng(1).random((600, 10, 5))
    for share in (0.5, 0.8, 0.95):
        profiles = (performance_profile(list(each), [1 - share]) for each in drawn)
        assert 0.92 <= coverage(((each.low[0], each.high[0]) for each in profiles), share) <= 0.98


def test_the_examples_of_the_page_on_statistics_print_what_they_show():
    results = doctest.testfile(str(PAGE), module_relative=False)
    assert results.attempted > 0
    assert results.failed == 0
