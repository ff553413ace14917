"""What is drawn of every cell is what the statistics say of its seeds; the map has every number at its place."""

import numpy as np
import pytest
from report_folders import study_of

from dvdn_sim.reporting.figures import final_returns, heatmap_of_cells
from dvdn_sim.statistics import estimate

AXES = {"rounds": ["1", "3"], "loss": ["0%", "20%"]}
SCORES = {
    ("1", "0%"): {0: 0.5, 1: 0.75, 2: 1.0},
    ("1", "20%"): {0: 0.25, 1: 0.5, 2: 0.25},
    ("3", "20%"): {0: 0.5, 1: 0.5, 2: 0.5},
}


def lines(figure):
    """Those of estimates; the others are seeds."""
    return [trace for trace in figure.views[("last tenth of training",)].traces if trace.get("hoverinfo") != "skip"]


def test_lines_are_of_the_first_axis_along_the_second_and_a_missing_cell_is_missing():
    one, three = lines(final_returns(study_of(AXES, SCORES)))
    assert (one["name"], one["x"], one["y"]) == ("1", ["0%", "20%"], pytest.approx([0.75, 1 / 3], rel=1e-5))
    assert (three["name"], three["x"], three["y"]) == ("3", ["20%"], [0.5])


def test_intervals_are_drawn_from_the_dots():
    (one, _) = lines(final_returns(study_of(AXES, SCORES)))
    found = estimate([np.array([0.5, 0.75, 1.0])])
    low, high = found.interval
    assert one["error_y"]["array"][0] == pytest.approx(high - found.value)
    assert one["error_y"]["arrayminus"][0] == pytest.approx(found.value - low)


def test_the_baselines_axis_gives_the_lines():
    traces = lines(final_returns(study_of(AXES, SCORES, ("loss", "0%"))))
    assert [(trace["name"], trace["x"]) for trace in traces] == [("0%", ["1"]), ("20%", ["1", "3"])]


def test_every_seed_is_a_dot_beside_its_interval():
    seeds, one, *_ = final_returns(study_of(AXES, SCORES)).views[("last tenth of training",)].traces
    assert list(zip(seeds["x"], seeds["y"], strict=True)) == [
        (label, score) for label in ("0%", "20%") for score in SCORES["1", label].values()
    ]
    assert seeds["offsetgroup"] == one["offsetgroup"] == "1"
    assert seeds["marker"]["symbol"] == one["marker"]["symbol"]


def test_a_third_axis_is_chosen_and_a_choice_without_cells_shows_nothing():
    axes = {**AXES, "graph": ["ring", "star"]}
    scores = {("1", "0%", "ring"): {0: 1.0}, ("3", "20%", "star"): {0: 2.0}}
    figure = final_returns(study_of(axes, scores))
    assert [choice.name for choice in figure.choices] == ["return of", "graph"]
    (trace,) = figure.views["last tenth of training", "star"].traces
    assert (trace["name"], trace["x"], trace["y"]) == ("3", ["20%"], [2.0])
    assert "error_y" not in trace  # one seed
    assert set(figure.views) == set(figure.states())


def test_the_table_has_every_way_of_counting():
    """Means over training of straight lines from 0 are half of their ends; the best checkpoint is the end."""
    row = final_returns(study_of({"arm": ["a"]}, {("a",): {0: 1.0, 1: 0.5}})).table.row(0, named=True)
    assert (row["arm"], row["seeds"], row["return_iqm"], row["area_iqm"]) == ("a", 2, 0.75, 0.375)
    assert (row["best_checkpoint_mean"], row["best_checkpoint_optimism"]) == (0.75, 0.0)
    assert (row["return_ci95_low"], row["return_ci95_high"]) == estimate([np.array([1.0, 0.5])]).interval


SINGLE = {("1", "0%"): {0: 1.0}, ("1", "20%"): {0: 0.5}, ("3", "20%"): {0: 0.75}}
MEANS = {("1", "0%"): {"a_eff": 0.25}, ("3", "20%"): {"a_eff": 0.125}}


def test_rows_are_the_first_axis_and_columns_the_second():
    (trace,) = heatmap_of_cells(study_of(AXES, SINGLE)).views[("return",)].traces
    assert (trace["y"], trace["x"]) == (["1", "3"], ["0%", "20%"])
    assert trace["z"] == [[1.0, 0.5], [None, 0.75]]
    assert trace["text"] == [["1.00", "0.50"], ["", "0.75"]]


def test_numbers_that_no_cell_has_are_not_offered():
    figure = heatmap_of_cells(study_of(AXES, SINGLE, (), None, MEANS))
    assert figure.choices[0].options == ["return", "mean return over training", "a_eff"]
    (trace,) = figure.views[("a_eff",)].traces
    assert trace["z"] == [[0.25, None], [None, 0.125]]


def test_the_table_has_every_number_of_every_cell():
    table = heatmap_of_cells(study_of(AXES, SINGLE, (), None, MEANS)).table
    assert table.height == 3
    assert table["a_eff"].to_list() == [0.25, None, 0.125]
    assert table["mean_return_over_training"].to_list() == [0.5, 0.25, 0.375]
