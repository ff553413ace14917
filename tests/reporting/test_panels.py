"""Every cell is in exactly one panel, and has the number of its line."""

from itertools import product

import pytest
from report_folders import study_of

from dvdn_sim.reporting.panels import Panels

AXES = {"rounds": ["1", "3"], "loss": ["0%", "20%", "40%"], "graph": ["ring", "star"], "fixed": ["only"]}
STUDY = study_of(AXES, {labels: {0: 0.0} for labels in product(*AXES.values())}, ("loss", "0%"))


@pytest.mark.parametrize("across", [False, True])
def test_every_cell_is_drawn_once(across):
    drawn = [cell.id for _, cells in Panels(STUDY, across=across).items() for _, cell in cells]
    assert sorted(drawn) == sorted(cell.id for cell in STUDY.cells)


def test_the_baselines_axis_gives_lines_and_the_others_are_chosen():
    panels = Panels(STUDY)
    assert (panels.series, panels.across) == ("loss", None)
    assert [switch.name for switch in panels.switches] == ["rounds", "graph"]  # nothing to choose on `fixed`
    found = dict(panels.items())
    assert [(number, cell.at["loss"]) for number, cell in found["3", "star"]] == [(0, "0%"), (1, "20%"), (2, "40%")]
    assert {(cell.at["rounds"], cell.at["graph"]) for _, cell in found["3", "star"]} == {("3", "star")}


def test_across_takes_the_next_axis_from_the_switches():
    panels = Panels(STUDY, across=True)
    assert (panels.across, [switch.name for switch in panels.switches]) == ("rounds", ["graph"])


def test_a_line_keeps_its_number_where_others_are_missing():
    study = study_of({"arm": ["a", "b"], "at": ["x", "y"]}, {("a", "x"): {0: 0.0}, ("b", "y"): {0: 0.0}})
    assert [(state, [number for number, _ in cells]) for state, cells in Panels(study).items()] == [
        (("x",), [0]),
        (("y",), [1]),
    ]
