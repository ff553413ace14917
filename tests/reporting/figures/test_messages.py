"""Every message has one fate, and the shares of a cell are a whole."""

import pytest
from report_folders import write_run

from dvdn_sim.reporting.figures.messages import fates, round_times
from dvdn_sim.reporting.study import read_study

RETURNS = {0: [0.0, 1.0]}


def messages(**counts):
    return {"late": 0, "expired": 0, "lost": {}, "in_flight": 0, **counts}


@pytest.fixture
def study(tmp_path):
    write_run(tmp_path / "a", RETURNS, messages=messages(sent=10, held=4, late=1, lost={"loss": 2, "queue": 3}))
    write_run(tmp_path / "b", RETURNS, messages=messages(sent=8, held=6, expired=1, in_flight=1))
    write_run(tmp_path / "iql", RETURNS, messages=messages(sent=0, held=0))
    write_run(tmp_path / "none", RETURNS, network=False)
    return read_study([tmp_path])


def test_shares_by_hand(study):
    traces = {trace["name"]: trace for trace in fates(study).views[()].traces}
    assert list(traces) == ["held in time", "late", "expired", "lost: loss", "lost: queue", "in flight at the end"]
    assert {name: trace["x"] for name, trace in traces.items()} == {
        "held in time": [75.0, 40.0],
        "late": [0.0, 10.0],
        "expired": [12.5, 0.0],
        "lost: loss": [0.0, 20.0],
        "lost: queue": [0.0, 30.0],
        "in flight at the end": [12.5, 0.0],
    }
    assert traces["late"]["y"] == ["b", "a"]  # plotly draws the first at the bottom


def test_the_table_has_counts_of_those_that_sent(study):
    figure = fates(study)
    assert figure.table["run"].to_list() == ["a", "b"]
    assert figure.table.drop("run").sum_horizontal().to_list() == [10, 8]
    assert figure.alt.startswith("18 messages of 2 cells")


def test_round_times_are_in_milliseconds_kind_by_kind(tmp_path):
    rows = [
        {"seed": 0, "kind": "td", "update": 1, "round_time_s": [t / 1000 for t in range(101)], "deadline_s": 0.2},
        {"seed": 0, "kind": "gt", "update": 1, "round_time_s": [0.25]},
    ]
    figure = round_times(read_study([write_run(tmp_path / "run", RETURNS, exchanges=rows)]))
    assert figure.switches[0].options == ["TD errors", "parameters and trackers"]
    (trace,) = figure.views[("TD errors",)].traces
    assert trace["x"] == pytest.approx([5.0, 50.0, 95.0])
    row, of_parameters = figure.table.rows()
    assert row == ("run", "td", *map(pytest.approx, (5.0, 50.0, 95.0, 99.0)), 200.0)
    assert of_parameters == ("run", "gt", 250.0, 250.0, 250.0, 250.0, None)


def test_nothing_sent_is_no_figure(tmp_path):
    study = read_study([write_run(tmp_path / "run", RETURNS)])
    assert fates(study) is None
    assert round_times(study) is None
