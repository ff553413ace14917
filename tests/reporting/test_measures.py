"""The numbers of a cell, worked by hand, and by whom they are computed elsewhere; arms against the baseline."""

from dataclasses import replace

import numpy as np
import pytest
from report_folders import study_of, write_run

from dvdn_sim.records import load_run
from dvdn_sim.reporting import LAST, MEASURES, WHOLE, Study, best, contrasts, learning_curve, read_study, score
from dvdn_sim.statistics import compare, estimate
from dvdn_sim.training import summarise


@pytest.fixture
def cell(tmp_path):
    def make(returns, **how):
        name = f"run{len(list(tmp_path.iterdir()))}"
        return read_study([write_run(tmp_path / name, returns, **how)]).cells[0]

    return make


def value(cell, name):
    return MEASURES[name].of(cell)


def test_the_final_return_is_the_mean_of_the_last_tenth_the_first_left_out(cell):
    """41 evaluations: those beyond 90 % of training are the last four, 37 to 40, whose mean is 38.5."""
    found = score(cell({0: list(range(41))}), LAST)
    assert (found.value, found.interval) == (38.5, None)


def test_of_many_seeds_it_is_the_interquartile_mean_with_its_interval(cell):
    scores = [0.0, 0.5, 0.625, 1.0, 9.0]
    made = cell({seed: [0.0, score] for seed, score in enumerate(scores)})
    assert score(made, LAST) == estimate([np.array(scores)])
    assert score(made, LAST).value == pytest.approx(2.125 / 3)
    assert value(made, "return") == score(made, LAST).value
    assert value(made, "mean return over training") == score(made, WHOLE).value == score(made, LAST).value / 2
    assert MEASURES["return"].text(made) == "0.71"


def test_the_best_checkpoint_is_one_for_all_seeds(cell):
    """Means 0.2, 0.6, 0.5: the second. Held out: seed 0 gets what is best for seed 1 (0.4), and the reverse (0.3)."""
    found = best(cell({0: [0.1, 0.4, 0.7], 1: [0.3, 0.8, 0.3]}))
    assert found.estimate.value == pytest.approx(0.6)
    assert found.optimism == pytest.approx(0.6 - 0.35)


def test_messages_of_all_kinds_are_held_in_time_or_not(cell):
    rows = [
        {"seed": 0, "kind": "td", "update": 1, "sent": 6, "held": 3, "lost": 3, "a_eff": 0.25,
         "jtd_relative_error": 0.5},
        {"seed": 0, "kind": "gt", "update": 1, "sent": 2, "held": 2},
    ]  # fmt: skip
    made = cell({0: [0.0, 1.0]}, exchanges=rows)
    assert value(made, "held in time") == 0.625
    assert MEASURES["held in time"].text(made) == "62.5%"
    assert value(made, "a_eff") == 0.25
    assert MEASURES["error about the true JTD"].text(made) == "50%"


def test_megabytes_and_seconds_are_means_over_seeds(cell):
    """100 bytes and half a second a step; seeds of 200 and 400 steps."""
    made = cell({0: [0.0] * 3, 1: [0.0] * 5})
    assert value(made, "megabytes sent by each seed") == pytest.approx(0.03)
    assert value(made, "simulated time of each seed (s)") == 150.0


def test_a_cell_without_network_has_returns_alone(cell):
    made = cell({0: [0.0, 1.0]}, network=False)
    of_returns = ["return", "mean return over training"]
    assert [name for name in MEASURES if value(made, name) is not None] == of_returns
    assert MEASURES["a_eff"].text(made) == ""


def test_a_cell_of_no_rounds_sends_nothing_and_learns_alone(cell):
    """K = 0: an exchange of no messages, after which each agent has its own TD errors alone."""
    made = cell({0: [0.0, 1.0]}, exchanges=[{"seed": 0, "kind": "td", "update": 1, "a_eff": 1.0}])
    assert (value(made, "a_eff"), value(made, "held in time")) == (1.0, None)


def test_they_are_what_the_runs_own_summary_says(cell):
    """`dvdn-sim run --json` and a page have one number for one thing; seeds of three updates and of one."""
    rows = [
        {"seed": s, "kind": "td", "update": u, "sent": 4, "held": h, "lost": 4 - h, "a_eff": a, "jtd_relative_error": e}
        for s, u, h, a, e in ((0, 1, 4, 0.25, 0.5), (0, 2, 3, 0.375, 1.0), (0, 3, 1, 0.75, 1.5), (1, 1, 2, 0.5, 2.5))
    ]
    train = [{"seed": seed, "env_steps": 400, "updates": 40, "sim_time_s": 200.0} for seed in (0, 1)]
    returns = {0: [0.0, 0.25, 0.5, 0.75, 1.0], 1: [0.0, 0.25, 0.5, 0.5, 0.5]}
    made = cell(
        returns, exchanges=rows, train=train, random=0.1, name="run", algorithm="dvdn", env="lbf", cut_for_ever=[]
    )
    said = summarise(load_run(made.run_dir)).as_json()
    assert value(made, "a_eff") == pytest.approx(said["consensus"]["a_eff"], rel=1e-12)
    assert value(made, "error about the true JTD") == pytest.approx(said["consensus"]["jtd_relative_error"], rel=1e-12)
    assert value(made, "held in time") == said["network"]["delivered_fraction"] == 0.625
    assert value(made, "simulated time of each seed (s)") == said["sim_time_s"]
    assert best(made).per_seed.tolist() == said["best_return"]["per_seed"]
    assert made.random_return == said["random_return"]


def test_no_interval_of_a_page_is_beyond_what_can_be_returned(cell):
    """Food of 1 in all: Student's interval of two seeds would end at 1.58."""
    made = cell({0: [0.0, 0.9], 1: [0.0, 1.0]})
    assert made.returns_within == (0.0, 1.0)
    assert score(made, LAST).interval == pytest.approx((0.32, 1.0), abs=0.01)
    other = cell({0: [0.0, 0.0], 1: [0.0, 0.9]})
    study = Study(
        "s", "", {"a": ["x", "y"]}, ("a", "y"), [replace(made, at={"a": "x"}), replace(other, at={"a": "y"})], []
    )
    (found,) = contrasts(study)
    assert found.found.difference.interval == (-1.0, 1.0)
    band = learning_curve(list(made.curves.values()), within=made.returns_within)
    assert (band.low.min(), band.high.max()) == (0.0, 1.0)


AXES = {"rounds": ["1", "3"], "loss": ["0%", "20%"]}
SCORES = {
    ("1", "0%"): {0: 0.5, 1: 0.6, 2: 0.7},
    ("1", "20%"): {0: 0.1, 1: 0.2, 2: 0.1},
    ("3", "0%"): {0: 0.75, 1: 0.85, 2: 0.95},
    ("3", "20%"): {0: 0.35, 1: 0.1, 2: 0.2},
}


def named(found):
    return [(each.label, each.where) for each in found]


def test_every_cell_and_all_cells_are_compared_with_the_baseline():
    found = contrasts(study_of(AXES, SCORES, ("rounds", "1")))
    assert named(found) == [("3", ""), ("3", "loss=0%"), ("3", "loss=20%")]
    pooled, first, second = (each.found for each in found)
    base, arm = ({f"loss={loss}": SCORES[rounds, loss] for loss in AXES["loss"]} for rounds in AXES["rounds"])
    assert pooled == compare(arm, base)
    assert first == compare(*({"loss=0%": each["loss=0%"]} for each in (arm, base)))
    assert second == compare(*({"loss=20%": each["loss=20%"]} for each in (arm, base)))


def test_by_hand():
    """At no loss all seeds gain a quarter; at 20 % they gain 1/4, −1/10 and 1/10. Three pairs have a p value of ¼.

    Seeds 0 to 2 rise in two cells of four and do not in the others: each arm is resampled by itself.
    """
    pooled, first, second = contrasts(study_of(AXES, SCORES, ("rounds", "1")))
    assert first.found.difference.value == pytest.approx(0.25)
    assert first.found.pairing.pairs == first.found.pairs == 3
    assert second.found.difference.value == pytest.approx(0.25 / 3)
    assert pooled.found.difference.value == pytest.approx(0.25 * 2 / 3)
    assert not any(each.found.paired or each.clear for each in (pooled, first, second))
    assert pooled.found.p_value > pooled.found.least == 2 / 20**2  # three of six runs, in two cells
    assert [each.found.p_value for each in (first, second)] == [0.25, pytest.approx(second.found.p_value)]
    assert [each.level for each in (pooled, first, second)] == [0.05 / 3] * 3
    assert [each.p_value for each in (pooled, first, second)] == [
        3 * pooled.found.p_value,
        2 * 0.25,
        2 * 0.25,
    ]  # Holm's


def test_the_other_way_round_is_the_same_with_the_other_sign():
    there, back = (contrasts(study_of(AXES, SCORES, ("rounds", label))) for label in ("1", "3"))
    for one, other in zip(there, back, strict=True):
        assert one.found.difference.value == pytest.approx(-other.found.difference.value)
        assert one.clear == other.clear


def test_only_equal_seeds_are_compared():
    scores = {("1", "0%"): {0: 0.0, 1: 5.0}, ("3", "0%"): {1: 6.0, 2: 0.0}}
    (found,) = contrasts(study_of(AXES, scores, ("rounds", "1")))
    assert (found.where, found.found.difference.value, found.found.pairing.seeds) == ("", 1.0, {"": (1,)})
    assert found.found.difference.interval is None
    assert not found.clear


def test_cells_without_a_partner_are_in_no_comparison():
    scores = {key: value for key, value in SCORES.items() if key != ("1", "20%")}
    assert named(contrasts(study_of(AXES, scores, ("rounds", "1")))) == [("3", "loss=0%")]
    strangers = {("1", "0%"): {0: 1.0}, ("3", "0%"): {1: 1.0}}
    assert contrasts(study_of(AXES, strangers, ("rounds", "1"))) == []


def test_cells_of_different_tasks_are_not_pooled():
    """+1 000 on one task would drown +0.1 on another."""
    study = study_of(AXES, SCORES, ("rounds", "1"), tasks={key: key[1] for key in SCORES})
    assert named(contrasts(study)) == [("3", "loss=0%"), ("3", "loss=20%")]


@pytest.mark.parametrize("baseline", [(), ("rounds", "2"), ("hidden", "1")])
def test_without_a_finished_baseline_there_is_nothing_to_compare(baseline):
    assert contrasts(study_of(AXES, SCORES, baseline)) == []
