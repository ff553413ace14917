"""Curves against steps, seconds and megabytes are one curve on three axes; signal and trackers are means over seeds."""

import numpy as np
import pytest
from report_folders import SCENARIO, write_run, write_sweep

from dvdn_sim.reporting import learning_curve, read_study
from dvdn_sim.reporting.figures import final_returns, gradient_tracking, learning_curves, training_signal
from dvdn_sim.statistics import estimate, mean

RETURNS = {0: [0.0, 0.5, 1.0], 1: [0.25, 0.25, 0.75], 2: [0.5, 0.75, 0.25]}
FIVE = RETURNS | {3: [0.25, 0.5, 0.75], 4: [0.125, 0.5, 0.5]}


def lines(view):
    return [trace for trace in view.traces if trace.get("hoverinfo") != "skip"]


def test_axes_and_their_units(tmp_path):
    """100 steps are 50 s and 10 kB in these folders."""
    figure = learning_curves(read_study([write_run(tmp_path / "run", RETURNS)]))
    assert figure.choices[0].options == ["environment steps", "simulated time", "bytes sent"]
    steps, seconds, sent = (lines(figure.views[(name,)])[0] for name in figure.choices[0].options)
    assert (steps["x"], seconds["x"], sent["x"]) == ([0.0, 100.0, 200.0], [0.0, 50.0, 100.0], [0.0, 0.01, 0.02])
    assert steps["y"] == seconds["y"] == sent["y"] == [0.25, 0.5, pytest.approx(2 / 3, rel=1e-5)]


def test_lines_and_bands_are_those_of_the_curves(tmp_path):
    study = read_study([write_run(tmp_path / "run", FIVE)])
    figure = learning_curves(study)
    found = learning_curve(list(study.cells[0].curves.values()))
    band, seeds, _ = figure.views[("environment steps",)].traces
    assert band["y"] == pytest.approx([*found.high, *reversed(found.low)], rel=1e-5)
    assert sorted(zip(seeds["x"], seeds["y"], strict=True)) == sorted(
        (100.0 * at, value) for returns in FIVE.values() for at, value in enumerate(returns)
    )
    table = figure.table.filter(against="env_steps")
    assert table["return_iqm"].to_list() == found.value.tolist()
    assert table["ci95_low"].to_list() == found.low.tolist()


def test_few_seeds_are_dots_and_no_band_buries_the_lines(tmp_path):
    """Student's interval of three seeds is wider than all lines together; the table has it."""
    study = read_study([write_run(tmp_path / "run", RETURNS)])
    figure = learning_curves(study)
    seeds, line = figure.views[("environment steps",)].traces
    assert (seeds["mode"], len(seeds["x"]), line["mode"]) == ("markers", 9, "lines+markers")
    low, high = figure.views[("environment steps",)].layout["yaxis"]["range"]
    assert (low, high) == pytest.approx((-0.08, 1.08))
    found = learning_curve(list(study.cells[0].curves.values()), within=(0.0, 1.0))
    assert figure.table.filter(against="env_steps")["ci95_low"].to_list() == found.low.tolist()


def test_curves_of_different_tasks_are_in_panels_of_their_own(tmp_path):
    small = SCENARIO.replace("players: 3", "players: 2").replace("edges: 2", "edges: 1")
    runs = [write_run(tmp_path / "a", {0: [0.0, 1.0]}), write_run(tmp_path / "b", {0: [0.0, 0.25]}, scenario=small),
            write_run(tmp_path / "c", {0: [0.0, 90.0]}, env="chess-v6")]  # fmt: skip
    study = read_study(runs)
    figure = learning_curves(study)
    assert figure.choices[1].options == ["3 players, lbf 5x5", "2 players, lbf 5x5", "chess-v6"]
    for task, name, top in (("3 players, lbf 5x5", "a", 1.0), ("chess-v6", "c", 90.0)):
        view = figure.views["environment steps", task]
        assert [line["name"] for line in lines(view)] == [name]
        assert view.layout["yaxis"]["range"][1] == pytest.approx(1.08 * top)
    ends = final_returns(study)
    assert [choice.name for choice in ends.choices] == ["return of", "task"]
    assert len(ends.views) == 9


def test_a_run_without_network_has_steps_alone(tmp_path):
    write_run(tmp_path / "a", {0: [0.0, 1.0]}, network=False)
    alone = learning_curves(read_study([tmp_path]))
    assert alone.choices[0].options == ["environment steps"]
    write_run(tmp_path / "b", {0: [0.0, 0.5]})
    both = learning_curves(read_study([tmp_path]))
    assert [line["name"] for line in lines(both.views[("environment steps",)])] == ["a", "b"]
    assert [line["name"] for line in lines(both.views[("bytes sent",)])] == ["b"]
    assert both.table.group_by("run", "against").len().height == 4


ERRORS = {0: [1.0, 0.5], 1: [0.5, 0.25], 2: [0.75, 0.25]}


def exchanges(errors):
    return [
        {"seed": seed, "kind": "td", "update": u, "env_steps": 10 * u, "jtd_relative_error": e, "sent": 4, "held": 3}
        for seed, values in errors.items()
        for u, e in enumerate(values, start=1)
    ]


def run(folder, errors, **how):
    return write_run(folder, {seed: [0.0, 1.0] for seed in errors}, exchanges=exchanges(errors), **how)


def test_the_line_is_the_mean_over_seeds_and_the_band_its_interval(tmp_path):
    errors = ERRORS | {3: [0.5, 0.5], 4: [1.0, 0.25]}
    figure = training_signal(read_study([run(tmp_path / "run", errors)]))
    band, seeds, line = figure.views[("error about the true JTD",)].traces
    columns = np.array(list(errors.values())).T
    assert line["x"] == [10.0, 20.0]
    assert line["y"] == pytest.approx([0.75, 0.35], rel=1e-5)
    assert sorted(seeds["y"]) == sorted(columns.ravel())
    (low, high), (low_end, high_end) = (estimate([each], mean, resamples=1000).interval for each in columns)
    assert band["y"] == pytest.approx([high, high_end, low_end, low], rel=1e-5)
    assert figure.choices[0].options == ["error about the true JTD", "held in time"]  # no a_eff was written
    share = figure.views[("held in time",)].traces[-1]
    assert share["y"] == [0.75, 0.75]


def test_an_error_that_is_no_number_leaves_a_gap(tmp_path):
    """At a joint temporal difference of zero there is no relative error."""
    figure = training_signal(read_study([run(tmp_path / "run", {0: [1.0, float("inf"), float("nan"), 0.5]})]))
    (line,) = figure.views[("error about the true JTD",)].traces
    assert (line["x"], line["y"]) == ([10.0, 40.0], [1.0, 0.5])


def test_a_sweep_with_independent_learners_draws_those_that_exchange(tmp_path):
    returns = {0: [0.0, 1.0]}
    cells = {
        ("iql",): {"returns": returns},
        ("dvdn",): {"returns": returns, "exchanges": exchanges({0: [1.0, 0.5]})},
        ("k0",): {"returns": returns, "exchanges": [{"seed": 0, "kind": "td", "update": 1, "a_eff": 1.0}]},
    }
    figure = training_signal(read_study([write_sweep(tmp_path / "s", {"algorithm": ["iql", "dvdn", "k0"]}, cells)]))
    assert [trace["name"] for trace in figure.views[("error about the true JTD",)].traces] == ["dvdn"]
    assert [trace["name"] for trace in figure.views[("a_eff",)].traces] == ["k0"]
    assert figure.table["algorithm"].unique(maintain_order=True).to_list() == ["dvdn", "k0"]


def test_tracking_is_drawn_where_there_is_some(tmp_path):
    rows = [
        {"seed": 0, "env_steps": 100 * n, "disagreement": 0.5 / n, "tracker_imbalance": n, "tracked_gradient": 8.0}
        for n in (1, 2, 3)
    ]
    figure = gradient_tracking(
        read_study([run(tmp_path / "a", {0: [1.0]}, train=rows), run(tmp_path / "b", {0: [1.0]})])
    )
    (line,) = figure.views[("imbalance of trackers",)].traces
    assert (line["x"], line["y"]) == ([100.0, 200.0, 300.0], [0.125, 0.25, 0.375])
    assert figure.table["run"].unique().to_list() == ["a"]
