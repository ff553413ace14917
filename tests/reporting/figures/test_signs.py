"""Signs of trouble are counted by seed, and none is forgotten."""

from report_folders import write_run

from dvdn_sim.records import HEALTH_CHECKS
from dvdn_sim.reporting.figures.signs import signs
from dvdn_sim.reporting.study import read_study

RETURNS = {0: [0.0, 1.0], 1: [0.0, 1.0], 2: [0.0, 1.0]}


def sign(name, seed, env_steps):
    return {"name": name, "seed": seed, "env_steps": env_steps, "message": "seen", "cause": "chance"}


def test_counts_and_first_steps_by_hand(tmp_path):
    write_run(tmp_path / "a", RETURNS, signs=[sign("drift", 0, 70), sign("drift", 2, 50), sign("alone", 1, 10)])
    write_run(tmp_path / "b", RETURNS, signs=[])
    figure = signs(read_study([tmp_path]))
    (trace,) = figure.views[()].traces
    assert (trace["x"], trace["y"]) == (list(HEALTH_CHECKS), ["b", "a"])  # plotly draws the first at the bottom
    assert trace["text"] == [["0 of 3"] * 5, ["1 of 3", "0 of 3", "0 of 3", "2 of 3", "0 of 3"]]
    assert trace["z"] == [[0.0] * 5, [1 / 3, 0.0, 0.0, 2 / 3, 0.0]]
    assert figure.table.filter(run="a", sign="drift").rows() == [("a", "drift", 3, 2, 50, 70)]
    assert figure.table.filter(run="b")["seeds_with_it"].sum() == 0
    assert figure.alt.startswith("Signs of trouble in 1 of 2 cells")


def test_no_sign_is_no_figure(tmp_path):
    write_run(tmp_path / "a", RETURNS, signs=[])
    write_run(tmp_path / "older", RETURNS)
    assert signs(read_study([tmp_path])) is None
