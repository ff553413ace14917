"""The map has every number at its place, and nothing where there is no cell."""

from report_folders import study_of

from dvdn_sim.reporting.figures.heat import heat, measured

AXES = {"rounds": ["1", "3"], "loss": ["0%", "20%"]}
SCORES = {("1", "0%"): {0: 1.0}, ("1", "20%"): {0: 0.5}, ("3", "20%"): {0: 0.75}}
MEANS = {("1", "0%"): {"a_eff": 0.25}, ("3", "20%"): {"a_eff": 0.125}}


def test_rows_are_the_first_axis_and_columns_the_second():
    (trace,) = heat(study_of(AXES, SCORES)).views[("return",)].traces
    assert (trace["y"], trace["x"]) == (["1", "3"], ["0%", "20%"])
    assert trace["z"] == [[1.0, 0.5], [None, 0.75]]
    assert trace["text"] == [["1.00", "0.50"], ["", "0.75"]]


def test_numbers_that_no_cell_has_are_not_offered():
    figure = heat(study_of(AXES, SCORES, (), None, MEANS))
    assert figure.switches[0].options == ["return", "mean return over training", "a_eff"]
    (trace,) = figure.views[("a_eff",)].traces
    assert trace["z"] == [[0.25, None], [None, 0.125]]


def test_one_axis_has_no_map():
    assert heat(study_of({"rounds": ["1", "3"]}, {("1",): {0: 1.0}, ("3",): {0: 2.0}})) is None


def test_the_table_has_every_number_of_every_cell():
    table = measured(study_of(AXES, SCORES, (), None, MEANS))
    assert table.height == 3
    assert table["a_eff"].to_list() == [0.25, None, 0.125]
    assert table["mean_return_over_training"].to_list() == [0.5, 0.25, 0.375]
