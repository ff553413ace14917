"""A performance profile is the share of runs above a threshold, counted."""

import pytest
from report_folders import study_of

from dvdn_sim.reporting.figures.profiles import POINTS, profiles

SCORES = {("a",): {0: 0.0, 1: 1.0, 2: 1.0, 3: 0.5}, ("b",): {0: 0.25, 1: 0.25, 2: 0.75, 3: 0.75}}


def test_shares_are_counted():
    figure = profiles(study_of({"arm": ["a", "b"]}, SCORES))
    for (arm,), scores in SCORES.items():
        rows = figure.table.filter(arm=arm)
        above = [sum(score > t for score in scores.values()) / 4 for t in rows["threshold"]]
        assert rows["fraction"].to_list() == above
        assert (rows["ci95_low"] <= rows["fraction"]).all()
        assert (rows["ci95_high"] >= rows["fraction"]).all()
    lines = [trace for trace in figure.views[()].traces if trace.get("hoverinfo") != "skip"]
    assert [(line["name"], len(line["x"]), line["x"][0], line["x"][-1]) for line in lines] == [
        ("a", POINTS, 0.0, 1.0),
        ("b", POINTS, 0.0, 1.0),
    ]


def test_one_seed_has_no_band():
    figure = profiles(study_of({"arm": ["a", "b"]}, {("a",): {0: 0.0}, ("b",): {0: 1.0}}))
    assert len(figure.views[()].traces) == 2
    assert figure.table["ci95_low"].null_count() == 2 * POINTS


@pytest.mark.parametrize(
    ("scores", "tasks"), [({("a",): {0: 1.0}}, None), (SCORES, {("a",): "another"})], ids=["one arm", "two tasks"]
)
def test_nothing_to_compare_is_no_figure(scores, tasks):
    assert profiles(study_of({"arm": ["a", "b"]}, scores, (), tasks)) is None
