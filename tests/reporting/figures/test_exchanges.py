"""Every message has one outcome, and the shares of a cell are a whole; health checks are counted by seed."""

import pytest
from report_folders import write_run

from dvdn_sim.records import HEALTH_CHECKS
from dvdn_sim.reporting import read_study
from dvdn_sim.reporting.figures import health_checks, message_outcomes, round_times

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
    traces = {trace["name"]: trace for trace in message_outcomes(study).views[()].traces}
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
    figure = message_outcomes(study)
    assert figure.table["run"].to_list() == ["a", "b"]
    assert figure.table.drop("run").sum_horizontal().to_list() == [10, 8]
    assert figure.alt.startswith("18 messages of 2 cells")


def test_round_times_are_in_milliseconds_kind_by_kind(tmp_path):
    rows = [
        {"seed": 0, "kind": "td", "update": 1, "round_time_s": [t / 1000 for t in range(101)], "deadline_s": 0.2},
        {"seed": 0, "kind": "gt", "update": 1, "round_time_s": [0.25]},
    ]
    figure = round_times(read_study([write_run(tmp_path / "run", RETURNS, exchanges=rows)]))
    assert figure.choices[0].options == ["TD errors", "parameters and trackers"]
    (trace,) = figure.views[("TD errors",)].traces
    assert trace["x"] == pytest.approx([5.0, 50.0, 95.0])
    row, of_parameters = figure.table.rows()
    assert row == ("run", "td", *map(pytest.approx, (5.0, 50.0, 95.0, 99.0)), 200.0)
    assert of_parameters == ("run", "gt", 250.0, 250.0, 250.0, 250.0, None)


THREE_SEEDS = {0: [0.0, 1.0], 1: [0.0, 1.0], 2: [0.0, 1.0]}


def sign(name, seed, env_steps):
    return {"name": name, "seed": seed, "env_steps": env_steps, "message": "seen", "cause": "chance"}


def test_counts_and_first_steps_by_hand(tmp_path):
    write_run(tmp_path / "a", THREE_SEEDS, signs=[sign("drift", 0, 70), sign("drift", 2, 50), sign("alone", 1, 10)])
    write_run(tmp_path / "b", THREE_SEEDS, signs=[])
    figure = health_checks(read_study([tmp_path]))
    (trace,) = figure.views[()].traces
    assert (trace["x"], trace["y"]) == (list(HEALTH_CHECKS), ["b", "a"])  # plotly draws the first at the bottom
    assert trace["text"] == [["0 of 3"] * 6, ["1 of 3", "0 of 3", "0 of 3", "2 of 3", "0 of 3", "0 of 3"]]
    assert trace["z"] == [[0.0] * 6, [1 / 3, 0.0, 0.0, 2 / 3, 0.0, 0.0]]
    assert figure.table.filter(run="a", sign="drift").rows() == [("a", "drift", 3, 2, 50, 70)]
    assert figure.table.filter(run="b")["seeds_with_it"].sum() == 0
    assert figure.alt.startswith("Signs of trouble in 1 of 2 cells")


def test_no_sign_is_no_figure(tmp_path):
    write_run(tmp_path / "a", THREE_SEEDS, signs=[])
    write_run(tmp_path / "older", THREE_SEEDS)
    assert health_checks(read_study([tmp_path])) is None
