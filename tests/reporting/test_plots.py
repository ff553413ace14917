"""What figures are drawn with: bands that enclose, dots with ends, axes that show all; every cell in one panel."""

import math
import re
from importlib.resources import files
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_folders import study_of

from dvdn_sim.reporting import COLOURS, Panels, around, axes, banded, colour, plain, points
from dvdn_sim.statistics import Band, Estimate

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9)


@given(NUMBERS)
def test_a_range_has_all_values_strictly_inside(values):
    low, high = around(values)
    assert low < min(plain(values)) <= max(plain(values)) < high


def test_a_range_of_one_value_is_not_empty():
    assert around([2.0]) == pytest.approx([1.84, 2.16])
    assert around([0.0]) == pytest.approx([-0.08, 0.08])


def test_numbers_are_cut_to_six_digits():
    assert plain([1 / 3, 123456789.0, -0.00001234567]) == [0.333333, 123457000.0, -1.23457e-05]


def test_a_band_goes_there_above_and_back_below():
    band, line = banded(Band(np.arange(3), np.ones(3), np.zeros(3), np.array([1, 2, 3])), "a", 0)
    assert (band["x"], band["y"]) == ([0, 1, 2, 2, 1, 0], [1, 2, 3, 0, 0, 0])
    assert (line["x"], line["y"]) == ([0, 1, 2], [1, 1, 1])


def test_a_band_of_steps_holds_each_value_until_the_next_point():
    found, _ = banded(Band(np.arange(3), np.zeros(3), -np.arange(3), np.arange(1, 4)), "a", 0, step=True)
    points = list(zip(found["x"], found["y"], strict=True))
    assert points[:5] == [(0, 1), (1, 1), (1, 2), (2, 2), (2, 3)]
    assert points[5:] == [(2, -2), (2, -1), (1, -1), (1, 0), (0, 0)]


def test_the_ninth_series_has_the_first_colour_and_another_dash():
    (first,), (ninth,) = (banded(Band(np.zeros(1), np.zeros(1), None, None), "a", n) for n in (0, COLOURS))
    assert first["line"]["color"] == ninth["line"]["color"] == colour(0) == "series-1"
    assert (first["line"]["dash"], ninth["line"]["dash"]) == ("solid", "dash")
    assert colour(1, 0.5) == "series-2/0.5"


def test_series_are_told_apart_without_their_colour_and_by_it():
    lines = [banded(Band(np.zeros(1), np.zeros(1), None, None), "a", n)[0] for n in range(3 * COLOURS)]
    styles = [(line["line"]["color"], line["line"]["dash"], line["marker"]["symbol"]) for line in lines]
    assert len(set(styles)) == len(styles)
    assert len({style[1:] for style in styles[:COLOURS]}) == COLOURS
    for theme in files("dvdn_sim.reporting").joinpath("templates/document.css").read_text("utf-8").split("}")[:2]:
        found = [tuple(bytes.fromhex(each)) for each in re.findall(r"--series-\d: #([0-9a-f]{6});", theme)]
        assert len(found) == COLOURS
        assert min(math.dist(one, other) for one, other in combinations(found, 2)) > 55.0


def test_dots_have_ends_where_there_are_any():
    found = points([("x", Estimate(1.0, (0.5, 3.0)), ""), ("y", Estimate(2.0, None), "")], "a", 0)
    assert (found["error_y"]["array"], found["error_y"]["arrayminus"]) == ([2.0, 0.0], [0.5, 0.0])
    assert "error_y" not in points([("x", Estimate(1.0, None), "")], "a", 0)


def test_what_begins_with_an_axis_is_of_it():
    assert axes("a", "b", yaxis_range=[0, 1], legend="arm", height=5) == {
        "xaxis": {"title": {"text": "a"}},
        "yaxis": {"title": {"text": "b"}, "range": [0, 1]},
        "legend": {"title": {"text": "arm"}},
        "height": 5,
    }


AXES = {"rounds": ["1", "3"], "loss": ["0%", "20%", "40%"], "graph": ["ring", "star"], "fixed": ["only"]}
STUDY = study_of(AXES, {labels: {0: 0.0} for labels in product(*AXES.values())}, ("loss", "0%"))


@pytest.mark.parametrize("across", [False, True])
def test_every_cell_is_drawn_once(across):
    drawn = [cell.id for _, cells in Panels(STUDY, across=across).items() for _, cell in cells]
    assert sorted(drawn) == sorted(cell.id for cell in STUDY.cells)


def test_the_baselines_axis_gives_lines_and_the_others_are_chosen():
    panels = Panels(STUDY)
    assert (panels.series, panels.across) == ("loss", None)
    assert [choice.name for choice in panels.choices] == ["rounds", "graph"]  # nothing to choose on `fixed`
    found = dict(panels.items())
    assert [(number, cell.at["loss"]) for number, cell in found["3", "star"]] == [(0, "0%"), (1, "20%"), (2, "40%")]
    assert {(cell.at["rounds"], cell.at["graph"]) for _, cell in found["3", "star"]} == {("3", "star")}


def test_across_takes_the_next_axis_from_the_choices():
    panels = Panels(STUDY, across=True)
    assert (panels.across, [choice.name for choice in panels.choices]) == ("rounds", ["graph"])


def test_a_line_keeps_its_number_where_others_are_missing():
    study = study_of({"arm": ["a", "b"], "at": ["x", "y"]}, {("a", "x"): {0: 0.0}, ("b", "y"): {0: 0.0}})
    assert [(state, [number for number, _ in cells]) for state, cells in Panels(study).items()] == [
        (("x",), [0]),
        (("y",), [1]),
    ]
