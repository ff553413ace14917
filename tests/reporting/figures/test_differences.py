"""Differences are drawn at their values, with both ends, and said as people read them; profiles are counted."""

import pytest
from report_folders import study_of

from dvdn_sim.reporting import contrasts
from dvdn_sim.reporting.figures import differences, performance_profiles

AXES = {"rounds": ["1", "3", "5"], "loss": ["0%", "20%"]}
SCORES = {
    ("1", "0%"): {0: 0.5, 1: 0.6, 2: 0.7, 3: 0.1, 4: 0.3},
    ("1", "20%"): {0: 0.1, 1: 0.2, 2: 0.1, 3: 0.4, 4: 0.2},
    ("3", "0%"): {0: 0.8, 1: 0.5, 2: 0.9, 3: 0.3, 4: 0.1},
    ("3", "20%"): {0: 0.4, 1: 0.1, 2: 0.2, 3: 0.4, 4: 0.9},
    ("5", "20%"): {0: 0.0},
}


@pytest.fixture
def study():
    return study_of(AXES, SCORES, ("rounds", "1"))


def test_dots_and_bars_are_the_comparisons(study):
    three, five = differences(study).views[("last tenth of training",)].traces
    found = [each.found.difference for each in contrasts(study)][:3]
    assert three["y"] == ["all cells", "loss=0%", "loss=20%"]
    assert three["x"] == pytest.approx([each.value for each in found], rel=1e-5)
    above, below = ([end - x for x, end in zip(three["x"], ends, strict=True)] for ends in _ends(found))
    assert three["error_x"]["array"] == pytest.approx(above, rel=1e-3)
    assert [-each for each in three["error_x"]["arrayminus"]] == pytest.approx(below, rel=1e-3)
    assert (five["y"], five["x"], five["error_x"]["array"]) == (["loss=20%"], [-0.1], [0.0])


def _ends(found):
    return [each.interval[1] for each in found], [each.interval[0] for each in found]


def test_the_table_has_pairs_and_the_probability_of_improvement(study):
    table = differences(study).table.filter(return_of="last tenth of training", rounds="3")
    assert table["where"].to_list() == ["all cells", "loss=0%", "loss=20%"]
    assert table["pairs"].to_list() == [10, 5, 5]
    assert f"rounds=3 at loss=0%: {contrasts(study)[1].text()}" in differences(study).alt
    better = [each.found.probability_of_improvement.value for each in contrasts(study)][:3]
    assert table["probability_of_improvement"].to_list() == better


def test_a_single_pair_has_no_interval_and_says_none(study):
    lone = contrasts(study)[-1]
    assert lone.text() == "−0.10"
    row = differences(study).table.filter(rounds="5").row(0, named=True)
    assert (row["pairs"], row["difference_ci95_low"], row["improvement_ci95_high"]) == (1, None, None)


def test_of_one_axis_there_is_one_line_for_all(study):
    alone = study_of({"rounds": ["1", "3"]}, {("1",): SCORES["1", "0%"], ("3",): SCORES["3", "0%"]}, ("rounds", "1"))
    figure = differences(alone)
    (trace,) = figure.views[("last tenth of training",)].traces
    assert trace["y"] == ["all cells"]
    assert figure.alt.startswith("rounds=3: +")


def test_without_a_baseline_there_is_no_figure():
    assert differences(study_of(AXES, SCORES)) is None


FOUR_SEEDS = {("a",): {0: 0.0, 1: 1.0, 2: 1.0, 3: 0.5}, ("b",): {0: 0.25, 1: 0.25, 2: 0.75, 3: 0.75}}


def test_shares_are_counted():
    figure = performance_profiles(study_of({"arm": ["a", "b"]}, FOUR_SEEDS))
    for (arm,), scores in FOUR_SEEDS.items():
        rows = figure.table.filter(arm=arm)
        above = [sum(score > t for score in scores.values()) / 4 for t in rows["threshold"]]
        assert rows["fraction"].to_list() == above
        assert (rows["ci95_low"] <= rows["fraction"]).all()
        assert (rows["ci95_high"] >= rows["fraction"]).all()
    lines = [trace for trace in figure.views[()].traces if trace.get("hoverinfo") != "skip"]
    assert [(line["name"], len(line["x"]), line["x"][0], line["x"][-1]) for line in lines] == [
        ("a", 101, 0.0, 1.0),
        ("b", 101, 0.0, 1.0),
    ]


def test_one_seed_has_no_band():
    figure = performance_profiles(study_of({"arm": ["a", "b"]}, {("a",): {0: 0.0}, ("b",): {0: 1.0}}))
    assert len(figure.views[()].traces) == 2
    assert figure.table["ci95_low"].null_count() == 2 * 101


@pytest.mark.parametrize(
    ("scores", "tasks"), [({("a",): {0: 1.0}}, None), (FOUR_SEEDS, {("a",): "another"})], ids=["one arm", "two tasks"]
)
def test_nothing_to_compare_is_no_figure(scores, tasks):
    assert performance_profiles(study_of({"arm": ["a", "b"]}, scores, (), tasks)) is None
