"""Curves by hand, their area against scipy's, runs of ragged seeds on one grid; exchanges by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_folders import write_run
from scipy import integrate

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import load_run
from dvdn_sim.reporting import (
    BINS,
    COLUMNS,
    Curve,
    area,
    curves_of,
    exchanges_of,
    final_mean,
    learning_curve,
    on_grid,
    scores_of,
    tracking_of,
)
from dvdn_sim.statistics import estimate

STEPS = st.lists(st.integers(1, 50), min_size=1, max_size=12).map(lambda gaps: np.cumsum([0, *gaps]).astype(float))
CURVES = STEPS.flatmap(
    lambda steps: st.lists(st.floats(-1, 1), min_size=len(steps), max_size=len(steps)).map(
        lambda returns: curve(steps, returns)
    )
)


def curve(steps, returns):
    steps = np.asarray(steps, float)
    return Curve(np.asarray(returns, float), {"env_steps": steps, "sim_time_s": 0.5 * steps, "bytes_sent": 100 * steps})


def test_curves_are_evaluations_in_the_order_of_steps(folder):
    train = [{"seed": 3, "env_steps": 50, "return_mean": -99.0}]  # which is no evaluation
    run = load_run(folder("a", {3: [(0, 0.1), (104, 0.5), (200, 0.75)], 1: [(0, 0.0)]}, train=train), COLUMNS)
    found = curves_of(run)
    assert list(found) == [3, 1]
    assert found[3].returns.tolist() == [0.1, 0.5, 0.75]
    assert {axis: at.tolist() for axis, at in found[3].along.items()} == {
        "env_steps": [0.0, 104.0, 200.0],
        "sim_time_s": [0.0, 52.0, 100.0],
        "bytes_sent": [0.0, 10400.0, 20000.0],
    }


def test_without_a_network_there_are_steps_alone(folder):
    (found,) = curves_of(load_run(folder("a", {0: [(0, 0.1)]}, network=False))).values()
    assert list(found.along) == ["env_steps"]


@pytest.mark.parametrize(
    ("rows", "said"), [([(0, 0.0), (100, float("nan"))], "the return at step 100 is nan"), ([], "no evaluation")]
)
def test_a_seed_without_evaluations_or_numbers_is_refused_with_its_run(folder, rows, said):
    with pytest.raises(RunFolderError, match=rf"bad, seed 4: {said}"):
        curves_of(load_run(folder("bad", {0: [(0, 0.0)], 4: rows})))


def test_the_final_tenth_of_41_evaluations_is_four():
    found = curve(np.arange(41) * 125_000, np.arange(41.0))
    assert final_mean(found) == np.mean([37, 38, 39, 40])
    assert final_mean(curve([0], [0.25])) == 0.25


@given(CURVES)
def test_area_is_scipys_integral_over_the_steps(found):
    expected = integrate.trapezoid(found.returns, found.along["env_steps"]) / found.along["env_steps"][-1]
    assert area(found) == pytest.approx(expected, abs=1e-12)
    assert found.returns.min() - 1e-12 <= area(found) <= found.returns.max() + 1e-12


def test_area_by_hand():
    """From 0 to 1 in 100 steps, then 1 for 300: (50 + 300)/400."""
    assert area(curve([0, 100, 400], [0.0, 1.0, 1.0])) == 0.875
    assert area(curve([0], [0.25])) == 0.25


def test_ragged_seeds_are_aligned_evaluation_by_evaluation():
    """Seeds are evaluated after the episode that reaches 100, 200, …; by steps, time and bytes alike."""
    curves = [curve([0, 103, 200, 307], [1, 2, 3, 4]), curve([0, 100, 219], [5, 6, 7])]
    assert on_grid(curves)[0].tolist() == [0, 103, 219]
    for axis in ("env_steps", "sim_time_s", "bytes_sent"):
        assert on_grid(curves, axis)[1].tolist() == [[1, 2, 3], [5, 6, 7]]
    with pytest.raises(ValueError, match="no curves"):
        on_grid([])


def test_a_return_holds_until_the_next_evaluation():
    """By the third point, 200, the first seed has made its third evaluation of five."""
    curves = [curve([0, 10, 20, 190, 210], [1, 2, 3, 4, 5]), curve([0, 100, 200], [6, 7, 8])]
    assert [each.tolist() for each in on_grid(curves)] == [[0, 100, 200], [[1, 3, 4], [6, 7, 8]]]


@given(st.integers(1, 5), st.integers(1, 9), st.randoms(use_true_random=False))
def test_evaluations_every_so_many_steps_keep_their_number(seeds, evaluations, random):
    """An evaluation comes at most an episode (here up to 49 steps) after its multiple of 50."""
    curves = [
        curve([0, *(50 * k + random.randint(0, 49) for k in range(1, evaluations))], range(evaluations))
        for _ in range(seeds)
    ]
    assert on_grid(curves)[1].tolist() == [list(range(evaluations))] * seeds


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
    curves = [curve([0, 100, 200], rng.normal(size=3)) for _ in range(5)]
    found = learning_curve(curves)
    assert found.points.tolist() == [0, 100, 200]
    for point in range(3):
        expected = estimate([np.array([each.returns[point] for each in curves])], resamples=2000)
        assert (found.value[point], (found.low[point], found.high[point])) == (expected.value, expected.interval)


def test_a_learning_curve_of_one_seed_has_no_interval():
    found = learning_curve([curve([0, 100], [0.0, 1.0])], "bytes_sent")
    assert (found.points.tolist(), found.value.tolist(), found.low, found.high) == ([0, 10_000], [0.0, 1.0], None, None)


@pytest.fixture
def read(tmp_path):
    def make(exchanges=(), train=(), seeds=(0,)):
        run = write_run(tmp_path / "run", {seed: [0.0, 1.0] for seed in seeds}, exchanges=exchanges, train=train)
        return load_run(run, COLUMNS)

    return make


def td(**values):
    return {"seed": 0, "kind": "td", **values}


def test_totals_are_sums_over_seeds_kind_by_kind(read):
    found = exchanges_of(
        read(
            [
                td(update=1, sent=4, held=2, late=1, lost=1, bytes=400),
                td(seed=1, update=1, sent=4, held=4, bytes=410),
                {"seed": 0, "kind": "gt", "update": 1, "sent": 3, "expired": 2, "held": 1, "bytes": 9000},
            ],
            seeds=(0, 1),
        )
    )
    nothing = dict.fromkeys(("sent", "held", "late", "expired", "lost", "bytes"), 0)
    assert found.messages == {
        "td": nothing | {"exchanges": 2, "sent": 8, "held": 6, "late": 1, "lost": 1, "bytes": 810},
        "gt": nothing | {"exchanges": 1, "sent": 3, "held": 1, "expired": 2, "bytes": 9000},
    }


def test_means_count_every_exchange_alike_as_a_runs_summary_does(read):
    """Seed 1 made a single update: its a_eff counts a third, and not a half."""
    rows = [
        td(update=1, a_eff=0.2, jtd_relative_error=1.0, column_sum_error=0.0),
        td(update=2, a_eff=0.4, jtd_relative_error=2.0, column_sum_error=0.3),
        td(seed=1, update=1, a_eff=0.9, jtd_relative_error=None, column_sum_error=0.3),
        {"seed": 0, "kind": "gt", "update": 1, "a_eff": 77.0},
    ]
    found = exchanges_of(read(rows, seeds=(0, 1)))
    assert found.means == pytest.approx({"a_eff": 0.5, "jtd_relative_error": 1.5, "column_sum_error": 0.2})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_mean_that_is_no_number_is_none(read, value):
    """A JTD of zero has no relative error; nor may it break a page, whose JSON knows no NaN."""
    found = exchanges_of(read([td(update=1, a_eff=0.5, jtd_relative_error=value)]))
    assert found.means == {"a_eff": 0.5}


def test_quantiles_of_round_times_are_over_agents_rounds_and_seeds(read):
    """Times 0, 1, …, 100 ms: the quantile q lies at 100 q, between two of them by interpolation."""
    times = np.random.default_rng(0).permutation(101) / 1000
    rows = [td(update=1, round_time_s=times[:40].tolist()), td(update=2, round_time_s=times[40:].tolist())]
    assert exchanges_of(read(rows)).round_time_s["td"] == pytest.approx((0.005, 0.05, 0.95e-1, 0.099))


def test_without_rounds_there_are_no_times_and_without_deadline_no_longest_wait(read):
    rows = [td(update=1, round_time_s=[]), {"seed": 0, "kind": "gt", "update": 1, "deadline_s": 0.05}]
    found = exchanges_of(read([*rows, rows[1] | {"deadline_s": 0.2, "round_time_s": [0.1]}]))
    assert found.round_time_s == {"td": None, "gt": (0.1,) * 4}
    assert found.deadline_s == {"td": None, "gt": 0.2}


def test_a_course_has_forty_parts_each_with_its_own_mean(read):
    """Updates 0 to 79: part b has 2b and 2b + 1, whose JTD errors are 2b and 2b + 1, and so 2b + 1/2 on average."""
    rows = [
        td(update=u, env_steps=10 * u, jtd_relative_error=float(u), sent=4 + 8 * (u % 2), held=u % 5) for u in range(80)
    ]
    course = exchanges_of(read(rows)).over_training
    assert course["bin"].to_list() == list(range(BINS))
    assert course["jtd_relative_error"].to_list() == [2 * b + 0.5 for b in range(BINS)]
    assert course["env_steps"].to_list() == [10 * (2 * b + 1) for b in range(BINS)]
    held = [(2 * b % 5 + (2 * b + 1) % 5) / 16 for b in range(BINS)]
    assert course["delivered_fraction"].to_list() == pytest.approx(held)


def test_parts_of_seeds_are_aligned_and_those_that_stop_early_have_fewer(read):
    rows = [td(seed=seed, update=u, a_eff=float(seed)) for seed, last in ((0, 39), (1, 19)) for u in range(last + 1)]
    course = exchanges_of(read(rows, seeds=(0, 1))).over_training
    assert course.group_by("seed").len().sort("seed").rows() == [(0, 40), (1, 20)]
    assert course.filter(seed=1)["a_eff"].unique().to_list() == [1.0]


def test_no_exchange_is_none_and_one_of_parameters_alone_has_no_td(read):
    found = exchanges_of(read([{"seed": 0, "kind": "gt", "update": 1, "sent": 1}]))
    assert (found.means, found.over_training.height) == ({}, 0)


def test_tracker_imbalance_is_over_the_norm_of_the_gradients_sum(read):
    """Two rows of one part: 1/2 and 3/4 are off, 5/8 on average; that of no gradient at all counts 0 if none is off."""
    rows = [
        {"seed": 0, "env_steps": 0, "disagreement": 1.0, "tracker_imbalance": 1.0, "tracked_gradient": 2.0},
        {"seed": 0, "env_steps": 9, "disagreement": 2.0, "tracker_imbalance": 3.0, "tracked_gradient": 4.0},
        {"seed": 0, "env_steps": 399, "disagreement": 4.0, "tracker_imbalance": 0.0, "tracked_gradient": 0.0},
    ]
    found = tracking_of(read(train=rows))
    assert found.rows() == [(0, 0, 9, 1.5, 0.625), (0, 39, 399, 4.0, 0.0)]


@pytest.mark.parametrize(("row", "imbalance"), [({"disagreement": 3.0}, [None]), ({}, None)])
def test_what_is_not_recorded_is_none(read, row, imbalance):
    """Parameters may be mixed without trackers; or nothing was exchanged."""
    run = read(train=[{"seed": 0, "env_steps": 5, **row}])
    found = tracking_of(run)
    assert exchanges_of(run) is None
    assert (None if found is None else found["imbalance"].to_list()) == imbalance
