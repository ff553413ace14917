"""Curves against steps, seconds and megabytes are one curve on three axes."""

import pytest
from report_folders import write_run

from dvdn_sim.reporting.curves import learning_curve
from dvdn_sim.reporting.figures.learning import learning
from dvdn_sim.reporting.study import read_study

RETURNS = {0: [0.0, 0.5, 1.0], 1: [0.25, 0.25, 0.75], 2: [0.5, 0.75, 0.25]}


def lines(view):
    return [trace for trace in view.traces if trace.get("hoverinfo") != "skip"]


def test_axes_and_their_units(tmp_path):
    """100 steps are 50 s and 10 kB in these folders."""
    figure = learning(read_study([write_run(tmp_path / "run", RETURNS)]))
    assert figure.switches[0].options == ["environment steps", "simulated time", "bytes sent"]
    steps, seconds, sent = (lines(figure.views[(name,)])[0] for name in figure.switches[0].options)
    assert (steps["x"], seconds["x"], sent["x"]) == ([0.0, 100.0, 200.0], [0.0, 50.0, 100.0], [0.0, 0.01, 0.02])
    assert steps["y"] == seconds["y"] == sent["y"] == [0.25, 0.5, pytest.approx(2 / 3, rel=1e-5)]


def test_lines_and_bands_are_those_of_the_curves(tmp_path):
    study = read_study([write_run(tmp_path / "run", RETURNS)])
    figure = learning(study)
    found = learning_curve([list(study.cells[0].curves.values())], resamples=2000)
    band, _ = figure.views[("environment steps",)].traces
    assert band["y"] == pytest.approx([*found.high, *reversed(found.low)], rel=1e-5)
    table = figure.table.filter(against="env_steps")
    assert table["return_iqm"].to_list() == found.value.tolist()
    assert table["ci95_low"].to_list() == found.low.tolist()


def test_a_run_without_network_has_steps_alone(tmp_path):
    write_run(tmp_path / "a", {0: [0.0, 1.0]}, network=False)
    alone = learning(read_study([tmp_path]))
    assert alone.switches[0].options == ["environment steps"]
    write_run(tmp_path / "b", {0: [0.0, 0.5]})
    both = learning(read_study([tmp_path]))
    assert [line["name"] for line in lines(both.views[("environment steps",)])] == ["a", "b"]
    assert [line["name"] for line in lines(both.views[("bytes sent",)])] == ["b"]
    assert both.table.group_by("run", "against").len().height == 4


def test_one_seed_has_a_line_and_no_band(tmp_path):
    study = read_study([write_run(tmp_path / "run", {0: [0.0, 1.0]})])
    figure = learning(study)
    assert len(figure.views[("environment steps",)].traces) == 1
    assert figure.table["ci95_low"].null_count() == figure.table.height
