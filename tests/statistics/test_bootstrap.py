"""The interquartile mean against scipy's trimmed mean; intervals against scipy's bootstrap, closed forms, the truth.

And the paper's protocol: which checkpoint it picks, how much too high that is, and that held-out seeds are not.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from dvdn_sim.statistics import (
    Estimate,
    best_checkpoint,
    estimate,
    estimate_scores,
    interquartile_mean,
    mean,
    student_quantile,
)

SCORES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40).map(np.array)
CELLS = st.lists(st.lists(st.integers(-50, 50), min_size=2, max_size=6).map(np.array), min_size=1, max_size=4)


@given(SCORES)
def test_interquartile_mean_is_scipys_trimmed_mean(scores):
    found = interquartile_mean(scores)
    assert found == pytest.approx(stats.trim_mean(scores, 0.25), rel=1e-9, abs=1e-6)
    assert scores.min() <= found <= scores.max()


@given(SCORES, st.integers(1, 7))
def test_equal_weights_are_none(scores, weight):
    weights = np.full(len(scores), weight)
    for statistic in (interquartile_mean, mean):
        assert statistic(scores, weights) == pytest.approx(float(statistic(scores)), rel=1e-9, abs=1e-6)


@given(st.lists(st.tuples(st.floats(-10, 10), st.integers(1, 6)), min_size=1, max_size=12))
def test_a_weight_is_so_many_equal_scores(pairs):
    """Written out: every score repeated by its weight, and what a quarter of N is in that many cut off at each end."""
    scores, weights = (np.array(side) for side in zip(*pairs, strict=True))
    count = len(scores)
    repeated = np.sort(np.repeat(scores, weights * count))
    cut = (count // 4) * weights.sum()
    assert interquartile_mean(scores, weights) == pytest.approx(repeated[cut : len(repeated) - cut].mean(), abs=1e-9)


def test_a_cell_that_lacks_runs_counts_like_the_others():
    """Four runs at 0 and two at 1: half and half, of cells; pooled, the mean would be 1/3 and the middle four 1/4.

    In resamples of cells {0, 1} and {10, 10, 10}: (0 + 10)/2 to (1 + 10)/2; pooled, it would be 6 to 6.4.
    """
    cells = [np.zeros(4), np.ones(2)]
    assert estimate(cells).value == estimate(cells, mean).value == 0.5
    found = estimate([np.array([0.0, 1.0]), np.full(3, 10.0)], mean, method="percentile")
    assert found == Estimate(5.25, (5.0, 5.5))


def test_rows_are_taken_one_by_one():
    rows = np.random.default_rng(0).normal(size=(7, 11))
    weights = np.arange(1, 12)
    for statistic in (interquartile_mean, mean):
        assert statistic(rows).tolist() == [statistic(row) for row in rows]
        assert statistic(rows, weights).tolist() == pytest.approx([statistic(row, weights) for row in rows])


@pytest.mark.parametrize("dof", [1.0, 1.02, 2.0, 4.0, 9.0, 36.5, 400.0, 1e4])
def test_students_quantile_is_scipys(dof):
    for probability in (0.6, 0.9, 0.975):
        assert student_quantile(probability, dof) == pytest.approx(stats.t.ppf(probability, dof), rel=1e-3)


def scipys(scores, statistic, level):
    """Two intervals of scipy's percentile bootstrap, to see how far chance moves their ends."""
    found = []
    for seed in (1, 2):
        interval = stats.bootstrap(
            (scores,), statistic, n_resamples=20_000, method="percentile", confidence_level=level,
            rng=np.random.default_rng(seed),
        ).confidence_interval  # fmt: skip
        found.append([interval.low, interval.high])
    return np.array(found)


@pytest.mark.parametrize("method", ["percentile", "expanded"])
@pytest.mark.parametrize(
    ("statistic", "theirs"),
    [(interquartile_mean, lambda x, axis: stats.trim_mean(x, 0.25, axis=axis)), (mean, np.mean)],
)
def test_intervals_are_scipys_at_the_level_that_hesterberg_gives(method, statistic, theirs):
    """Ten seeds: 95 % become 1 - 2Φ(-√(10/9) t_9) = 98.3 %. Ends agree to 5 % of the width, ten times chance."""
    scores = np.random.default_rng(0).normal(0.8, 0.1, 10)
    expanded = 1.0 - 2.0 * stats.norm.cdf(-np.sqrt(10 / 9) * stats.t.ppf(0.975, 9))
    assert expanded == pytest.approx(0.983, abs=5e-4)
    expected = scipys(scores, theirs, 0.95 if method == "percentile" else expanded)
    low, high = expected.mean(0)
    found = estimate([scores], statistic, method=method).interval
    assert np.abs(found - expected).max() < 0.05 * (high - low)


def test_runs_are_drawn_within_their_cell():
    """Means of cells {0, 1} and {10, 30}: the rarest of 16 resamples are (0 + 10)/2 and (1 + 30)/2.

    Drawn from all four runs, all of them could be 0, or 30.
    """
    found = estimate([np.array([0.0, 1.0]), np.array([10.0, 30.0])], mean, method="percentile")
    assert found == Estimate(10.25, (5.0, 15.5))


def test_two_cells_of_two_runs_by_hand():
    """Variances of the mean: 1/4/2/4 = 1/32 of cell {0, 1}, 100 times that of cell {0, 10}; so ν = 1.0200.

    The interval of the percentiles would be the whole range, which 1/16 of all resamples reach: Student's it is.
    """
    v = np.array([1.0, 100.0]) / 32
    dof = v.sum() ** 2 / (v**2).sum()
    assert dof == pytest.approx(1.0200, abs=1e-4)
    half = stats.t.ppf(0.975, dof) * np.sqrt(2 * v.sum())
    found = estimate([np.array([0.0, 1.0]), np.array([0.0, 10.0])], mean)
    assert found.value == 2.75
    assert found.interval == pytest.approx((2.75 - half, 2.75 + half), rel=0.05)


def test_two_seeds_get_students_interval():
    """x ± |d|/2 · t_0.975(1) = 0.5 ± 0.1 · 12.706; the resamples show no more than ±0.1."""
    low, high = estimate([np.array([0.4, 0.6])]).interval
    assert [low, high] == pytest.approx([0.5 - 1.2706, 0.5 + 1.2706], abs=0.02)


@given(st.lists(st.floats(-3.0, 1.0), min_size=2, max_size=4), st.floats(-5.0, -2.0))
def test_no_interval_leaves_the_bounds_of_the_scores_and_what_is_within_them_stays(scores, least):
    """Student's alone would; where a score is out of bounds itself, the interval still has the estimate in it."""
    cells = [np.array(scores)]
    free, kept = estimate(cells), estimate(cells, within=(least, 1.0))
    assert kept.value == free.value
    low, high = kept.interval
    assert (low, high) == (max(free.interval[0], min(least, free.value)), min(free.interval[1], 1.0))
    assert low <= kept.value <= high


@pytest.mark.parametrize("seeds", [5, 6, 10])
def test_from_five_seeds_on_an_interval_stays_within_the_scores(seeds):
    scores = np.random.default_rng(seeds).beta(8, 0.8, size=seeds)
    low, high = estimate([scores]).interval
    assert scores.min() <= low < high <= scores.max()


@pytest.mark.parametrize("seeds", [5, 3])
def test_one_noisy_cell_of_ten_is_as_uncertain_as_alone(seeds):
    """Nine cells that hardly differ: a tenth of the interval of the noisy cell alone, not less.

    With the degrees of freedom of ten cells it would be narrower by a quarter; and three seeds get Student's interval
    though the ten cells have 3^30 resamples.
    """
    rng = np.random.default_rng(3)
    noisy = rng.normal(size=seeds)
    alone = estimate([noisy], mean).interval
    of_ten = estimate([noisy, *(1e-6 * rng.normal(size=(9, seeds)))], mean).interval
    assert np.ptp(of_ten) * 10 == pytest.approx(np.ptp(alone), rel=0.03)


def test_many_seeds_have_the_usual_interval():
    scores = np.random.default_rng(4).normal(size=1000)
    usual, expanded = (
        estimate([scores], resamples=2000, method=method).interval for method in ("percentile", "expanded")
    )
    assert expanded == pytest.approx(usual, abs=0.01 * np.ptp(usual))


@given(CELLS, st.randoms(use_true_random=False))
def test_the_order_of_runs_means_nothing(cells, random):
    shuffled = [np.array(random.sample(cell.tolist(), len(cell))) for cell in cells]
    assert estimate(shuffled, resamples=100) == estimate(cells, resamples=100)


@given(CELLS, st.sampled_from([0.5, 2.0, 8.0]), st.integers(-64, 64))
def test_another_unit_of_the_scores_is_another_unit_of_the_interval(cells, scale, shift):
    for statistic in (interquartile_mean, mean):
        found = estimate(cells, statistic, resamples=100)
        changed = estimate([scale * cell + shift for cell in cells], statistic, resamples=100)
        assert changed.value == pytest.approx(scale * found.value + shift, abs=1e-9)
        assert changed.interval == pytest.approx([scale * end + shift for end in found.interval], abs=1e-6)


@pytest.mark.parametrize("cells", [1, 3])
def test_equal_scores_leave_no_doubt(cells):
    assert estimate([np.full(5, 0.1)] * cells) == Estimate(0.1, (0.1, 0.1))
    assert estimate([np.full(5, 0.1)] * cells + [np.full(3, 0.1)]) == Estimate(0.1, (0.1, 0.1))


def test_a_cell_of_one_run_has_no_interval():
    assert estimate([np.array([0.5])]) == Estimate(0.5, None)
    assert estimate([np.array([0.5]), np.array([0.0, 1.0])]).interval is None


def test_scores_with_names_are_the_same():
    found = estimate_scores({"b": {1: 0.5, 0: 0.25}, "a": {0: 1.0, 2: 0.75}}, mean)
    assert found == estimate([np.array([1.0, 0.75]), np.array([0.25, 0.5])], mean)


NORMAL = (lambda rng, size: rng.normal(size=size), 0.0)
HEAVY = (lambda rng, size: rng.standard_t(2, size=size), 0.0)
BOUNDED = (lambda rng, size: rng.beta(2, 1, size=size), 2 * (0.75**1.5 - 0.25**1.5) / 1.5)


def coverage(draw, truth, cells, seeds, samples, **how):
    rng = np.random.default_rng(cells * seeds)
    found = (estimate(list(draw(rng, (cells, seeds))), resamples=1000, **how).interval for _ in range(samples))
    return np.mean([low <= truth <= high for low, high in found])


@pytest.mark.parametrize(("draw", "truth"), [NORMAL, HEAVY, BOUNDED], ids=["normal", "heavy", "bounded"])
@pytest.mark.parametrize(("cells", "seeds"), [(1, 5), (1, 10), (4, 5)])
def test_ninety_five_per_cent_cover_the_truth(draw, truth, cells, seeds):
    """From 92 to 98 % of intervals, error 0.8 %. Beta(2, 1) has the quantiles √u: their middle's mean."""
    assert 0.92 <= coverage(draw, truth, cells, seeds, samples=1500 if seeds == 5 and cells == 1 else 800) <= 0.98


def test_the_usual_percentiles_do_not():
    """They cover 89 % at five seeds: 92 % are four standard errors away."""
    assert coverage(*NORMAL, 1, 5, samples=1500, method="percentile") < 0.91


def test_the_best_for_all_seeds_together():
    """Means over seeds 0.2, 0.6, 0.5: the second checkpoint, though the first seed was better at the third.

    The first seed alone would take the third, where the second has 0.3; the second the second, where the first has 0.4.
    """
    found = best_checkpoint(np.array([[0.1, 0.4, 0.7], [0.3, 0.8, 0.3]]))
    assert (found.index, found.checkpoints) == (1, 3)
    assert (found.per_seed.tolist(), found.held_out.tolist()) == ([0.4, 0.8], [0.4, 0.3])
    assert (found.estimate.value, found.optimism) == pytest.approx((0.6, 0.25))
    assert found.estimate == estimate([found.per_seed], mean, method="percentile")


@given(arrays(float, st.tuples(st.integers(2, 6), st.integers(1, 8)), elements=st.integers(0, 9)))
def test_held_out_is_the_protocol_without_the_seed(returns):
    found = best_checkpoint(returns)
    assert found.estimate.value == pytest.approx(returns.mean(0).max())
    for seed in range(len(returns)):
        others = best_checkpoint(np.delete(returns, seed, axis=0))
        assert found.held_out[seed] == returns[seed, others.index]
    assert found.optimism >= -1e-12


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
