"""What became of messages and of what they carried, by hand, from rows that the recorder wrote."""

import numpy as np
import pytest
from report_folders import write_run

from dvdn_sim.records import load_run
from dvdn_sim.reporting.exchanges import BINS, COLUMNS, exchanges_of, tracking_of


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
    course = exchanges_of(read(rows)).course
    assert course["bin"].to_list() == list(range(BINS))
    assert course["jtd_relative_error"].to_list() == [2 * b + 0.5 for b in range(BINS)]
    assert course["env_steps"].to_list() == [10 * (2 * b + 1) for b in range(BINS)]
    held = [(2 * b % 5 + (2 * b + 1) % 5) / 16 for b in range(BINS)]
    assert course["delivered_fraction"].to_list() == pytest.approx(held)


def test_parts_of_seeds_are_aligned_and_those_that_stop_early_have_fewer(read):
    rows = [td(seed=seed, update=u, a_eff=float(seed)) for seed, last in ((0, 39), (1, 19)) for u in range(last + 1)]
    course = exchanges_of(read(rows, seeds=(0, 1))).course
    assert course.group_by("seed").len().sort("seed").rows() == [(0, 40), (1, 20)]
    assert course.filter(seed=1)["a_eff"].unique().to_list() == [1.0]


def test_no_exchange_is_none_and_one_of_parameters_alone_has_no_td(read):
    run = read([{"seed": 0, "kind": "gt", "update": 1, "sent": 1}])
    found = exchanges_of(run)
    assert (found.means, found.course.height) == ({}, 0)


def test_nothing_was_sent(read):
    assert exchanges_of(read()) is None


def test_tracker_imbalance_is_over_the_norm_of_the_gradients_sum(read):
    """Two rows of one part: 1/2 and 3/4 are off, 5/8 on average; that of no gradient at all counts 0 if none is off."""
    rows = [
        {"seed": 0, "env_steps": 0, "disagreement": 1.0, "tracker_imbalance": 1.0, "tracked_gradient": 2.0},
        {"seed": 0, "env_steps": 9, "disagreement": 2.0, "tracker_imbalance": 3.0, "tracked_gradient": 4.0},
        {"seed": 0, "env_steps": 399, "disagreement": 4.0, "tracker_imbalance": 0.0, "tracked_gradient": 0.0},
    ]
    found = tracking_of(read(train=rows))
    assert found.rows() == [(0, 0, 9, 1.5, 0.625), (0, 39, 399, 4.0, 0.0)]


def test_parameters_that_are_mixed_without_trackers_have_no_imbalance(read):
    found = tracking_of(read(train=[{"seed": 0, "env_steps": 5, "disagreement": 3.0}]))
    assert found["imbalance"].to_list() == [None]
    assert found["disagreement"].to_list() == [3.0]


def test_without_exchanged_parameters_there_is_no_tracking(read):
    assert tracking_of(read(train=[{"seed": 0, "env_steps": 5}])) is None
