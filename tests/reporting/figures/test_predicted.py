"""Real runs: what is called predicted is `predict`'s, what is called measured is the run's own summary's."""

import math

import polars as pl
import pytest
from report_folders import SCENARIO, write_run

import dvdn_sim
from dvdn_sim.network import Setting, predict_every
from dvdn_sim.records import load_run
from dvdn_sim.reporting import read_study
from dvdn_sim.reporting.figures import NUMBERS, pairs, predicted
from dvdn_sim.scenario import parse_scenario

CHANGES = {
    "dvdn": ["seeds=[3, 4]"],
    "iql": ["algorithm={kind: iql, hidden: 4}", "training.steps=60"],
    "vdn": ["algorithm={kind: vdn, hidden: 4}", "network=null", "training.steps=60"],
    "k0": ["algorithm.consensus.rounds=0", "training.steps=60"],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A team of each kind, trained; its summaries and the study of all."""
    folder = tmp_path_factory.mktemp("trained")
    scenarios = {name: parse_scenario(SCENARIO, [*changes, f"name={name}"]) for name, changes in CHANGES.items()}
    said = {name: dvdn_sim.run(each, device="cpu", out=folder / name).as_json() for name, each in scenarios.items()}
    return said, read_study([folder])


@pytest.fixture(scope="module")
def dvdn(trained):
    (cell,) = [cell for cell in trained[1].cells if cell.id == "dvdn"]
    return cell


def test_measured_is_what_the_run_said(trained, dvdn):
    said, found = trained[0]["dvdn"], pairs(dvdn)
    assert found["held in time"].measured == said["network"]["delivered_fraction"]
    assert found["median round time"].measured == said["network"]["round_time_s"]["p50"]
    assert found["99 % round time"].measured == said["network"]["round_time_s"]["p99"]
    exchanges = load_run(dvdn.run_dir).network.filter(kind="td").height
    assert found["bytes per update"].measured == said["network"]["bytes"] / exchanges
    assert found["a_eff"].measured == pytest.approx(said["consensus"]["a_eff"], rel=1e-12)
    assert found["error about the true JTD"].measured == pytest.approx(
        said["consensus"]["jtd_relative_error"], rel=1e-12
    )


def test_predicted_is_what_predict_says(dvdn):
    (prediction,) = predict_every(Setting.from_scenario(parse_scenario(dvdn.scenario_text)))
    found = pairs(dvdn)
    assert found.keys() == NUMBERS.keys()
    for name, (key, _, _) in NUMBERS.items():
        assert (found[name].predicted, found[name].how) == (prediction.figures[key].value, prediction.figures[key].how)


def test_they_agree_within_what_so_few_messages_tell(trained, dvdn):
    """A quarter is lost: of n messages √(3/16 n) more or less; four of these, at most."""
    sent = trained[0]["dvdn"]["network"]["sent"]
    assert sent > 200
    held = pairs(dvdn)["held in time"]
    assert held.predicted == 0.75
    assert abs(held.measured - held.predicted) < 4.0 * math.sqrt(0.1875 / sent)


def test_who_exchanges_nothing_has_nothing_to_compare(trained):
    assert {cell.id: bool(pairs(cell)) for cell in trained[1].cells} == {
        "dvdn": True,
        "iql": False,
        "k0": False,
        "vdn": False,
    }


def test_dots_are_in_the_units_of_their_axes(trained, dvdn):
    figure = predicted(trained[1])
    diagonal, dot = figure.views[("median round time",)].traces
    pair = pairs(dvdn)["median round time"]
    assert (dot["x"], dot["y"]) == ([1e3 * pair.predicted], [pytest.approx(1e3 * pair.measured, rel=1e-5)])
    assert diagonal["x"] == diagonal["y"]
    assert diagonal["x"][0] <= min(dot["x"] + dot["y"]) <= max(dot["x"] + dot["y"]) <= diagonal["x"][1]
    row = figure.table.filter(number="round_time_p50_s").row(0, named=True)
    assert (row["predicted"], row["measured"]) == (pair.predicted, pair.measured)
    assert figure.table["run"].unique().to_list() == ["dvdn"]


def test_whoever_waits_is_told_of_every_cell(trained):
    told = []
    predicted(trained[1], lambda *how: told.append(how))
    assert told == [(number, 4) for number in range(4)]


def test_a_team_of_python_has_no_prediction(tmp_path):
    """What was recorded is not what its scenario would do."""
    rows = [{"seed": 0, "kind": "td", "update": 1, "sent": 4, "held": 4, "a_eff": 0.5}]
    study = read_study([write_run(tmp_path / "run", {0: [0.0, 1.0]}, exchanges=rows, env="bells_v0")])
    assert pairs(study.cells[0]) == {}
    assert predicted(study) is None


def test_a_topology_of_the_environments_positions_has_no_prediction(tmp_path):
    """Who is in range of whom, the game decides as it is played."""
    topology = "{kind: random_connected, edges: 2, resample: episode}"
    scenario = SCENARIO.replace(topology, "{kind: range, radius: 2 m}")
    rows = [{"seed": 0, "kind": "td", "update": 1, "sent": 4, "held": 4, "a_eff": 0.5}]
    study = read_study([write_run(tmp_path / "run", {0: [0.0, 1.0]}, exchanges=rows, scenario=scenario)])
    assert predicted(study) is None
    assert study.cells[0].exchanges.over_training.select(pl.col("a_eff").mean()).item() == 0.5
