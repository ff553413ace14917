"""Two arms over equal seeds, by hand and by what pairing is for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvdn_sim.statistics.bootstrap import Estimate, estimate
from dvdn_sim.statistics.comparison import compare

RUNS = st.dictionaries(st.integers(0, 5), st.integers(-8, 8), min_size=1, max_size=5)
ARMS = st.dictionaries(st.sampled_from("ab"), RUNS, min_size=1)


def arm(values, cell="a"):
    return {cell: dict(enumerate(np.asarray(values, float).tolist()))}


def test_four_pairs_by_hand():
    """Differences 1, 2, 3 and 10: the middle two have mean 2.5, all have mean 4.

    Of 16 pairs of runs the first wins 11 and ties none: {2, 4, 6, 20} against {1, 2.5, 3, 10}: 1 + 3 + 3 + 4.
    """
    found = compare(arm([2.0, 4.5, 6.0, 20.0]), arm([1.0, 2.5, 3.0, 10.0]))
    assert found.difference.value == 2.5
    assert found.mean_difference.value == 4.0
    assert found.probability_of_improvement.value == 11 / 16
    assert found.pairing.pairs == 4
    assert not found.pairing.alone
    assert not found.pairing.alone_other


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
    found = compare(x, y)
    assert found.difference == found.mean_difference == Estimate(1.0, (1.0, 1.0))
    assert (
        found.probability_of_improvement.value == 0.875
    )  # 1 against 0 and 1, 2 against 0 and 1: a win, a tie, two wins
    assert found.pairing.seeds == {"loss=0%": (0, 1)}
    assert found.pairing.alone == {"loss=0%": (7,), "loss=5%": (0,)}
    assert found.pairing.alone_other == {"loss=0%": (3,), "loss=20%": (0, 1)}


def test_arms_that_share_no_run_are_refused():
    with pytest.raises(ValueError, match=r"no run .* 'a' with seeds 0, 1, and 'a' with seeds 5; 'b' with seeds 0"):
        compare({"a": {1: 0.0, 0: 0.0}}, {"a": {5: 0.0}, "b": {0: 1.0}})


def test_a_score_that_is_no_number_is_refused_even_where_it_has_no_partner():
    with pytest.raises(ValueError, match="cell 'a', seed 3 is nan"):
        compare({"a": {0: 1.0}}, {"a": {0: 1.0, 3: float("nan")}})


def test_one_pair_is_no_interval():
    found = compare(arm([2.0]), arm([1.0]))
    assert found.difference == found.mean_difference == Estimate(1.0, None)
    assert found.probability_of_improvement == Estimate(1.0, None)


def test_equal_arms():
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
    assert found.mean_difference.value == pytest.approx(-reverse.mean_difference.value)
    assert found.probability_of_improvement.value == pytest.approx(1 - reverse.probability_of_improvement.value)
    assert (found.pairing.alone, found.pairing.alone_other) == (reverse.pairing.alone_other, reverse.pairing.alone)


@pytest.mark.parametrize("seeds", [5, 10])
def test_ninety_five_per_cent_cover_the_difference(seeds):
    """Arms that share most of their luck, and heavy tails: from 92 to 98 %, standard error 1 %."""
    rng, hits = np.random.default_rng(seeds), 0
    for _ in range(500):
        luck = rng.standard_t(3, size=seeds)
        x, y = luck + 0.3 + 0.2 * rng.standard_t(3, size=seeds), luck
        low, high = compare(arm(x), arm(y)).difference.interval
        hits += low <= 0.3 <= high
    assert 0.92 <= hits / 500 <= 0.98
