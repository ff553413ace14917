"""The line through return against a_eff is scipy's, and there is none where it would say nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_folders import study_of
from scipy import stats

from dvdn_sim.reporting import LAST, WHOLE
from dvdn_sim.reporting.figures import collapse, fit, fit_text

POINTS = st.lists(
    st.tuples(st.floats(0.0, 1.0), st.floats(-2.0, 2.0)), min_size=4, max_size=12, unique_by=lambda each: each[0]
)


def study(points, seeds=1, spread=0.0, tasks=None):
    """Cells at (a_eff, return), their seeds at equal distances about the return."""
    labels = [f"c{number}" for number in range(len(points))]
    offsets = [0.0] if seeds == 1 else [spread * (2 * seed / (seeds - 1) - 1) for seed in range(seeds)]
    scores = {
        (name,): {s: y + off for s, off in enumerate(offsets)} for name, (_, y) in zip(labels, points, strict=True)
    }
    means = {(name,): {"a_eff": x} for name, (x, _) in zip(labels, points, strict=True)}
    return study_of({"cell": labels}, scores, (), tasks, means)


@given(POINTS.filter(lambda points: np.ptp([x for x, _ in points]) > 1e-3))
def test_the_line_is_that_of_scipy(points):
    """Slope, intercept, R² and the standard deviation about it, which is SSE/(n − 2)."""
    x, y = np.array(points).T
    oracle, found = stats.linregress(x, y), fit(study(points).cells)
    assert (found.slope, found.intercept) == pytest.approx((oracle.slope, oracle.intercept), rel=1e-6, abs=1e-6)
    rest = y - (oracle.slope * x + oracle.intercept)
    assert found.scatter == pytest.approx(math.sqrt((rest**2).sum() / (len(x) - 2)), rel=1e-6, abs=1e-6)
    if np.ptp(y) > 1e-3:
        assert found.explained == pytest.approx(oracle.rvalue**2, abs=1e-6)


def test_cells_on_a_line_scatter_not_at_all():
    found = fit(study([(0.0, 1.0), (0.25, 0.75), (0.5, 0.5), (1.0, 0.0)]).cells)
    assert (found.slope, found.intercept) == pytest.approx((-1.0, 1.0))
    assert (found.explained, found.scatter) == pytest.approx((1.0, 0.0), abs=1e-12)
    assert found.noise is None  # of one seed nobody knows its noise
    assert fit_text(found) == (
        "A straight line loses 1.00 of return from a_eff 0 to 1 and explains 100% of the variance between cells;"
        " they scatter about it by 0.000."
    )


def test_noise_of_seeds_is_the_root_mean_square_of_standard_errors():
    """Seeds at −0.3, 0, 0.3 of each cell: standard deviation 0.3, error 0.3/√3."""
    found = fit(study([(0.0, 0.0), (0.25, 0.25), (0.5, 0.5), (1.0, 1.0)], seeds=3, spread=0.3).cells)
    assert found.noise == pytest.approx(0.3 / math.sqrt(3))
    assert fit_text(found).startswith("A straight line gains 1.00 of return")
    assert fit_text(found).endswith("; the seeds alone would scatter them by 0.173.")


@pytest.mark.parametrize(
    "points", [[(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)], [(0.5, value) for value in (0.0, 1.0, 2.0, 3.0)]]
)
def test_few_cells_or_all_alike_have_no_line(points):
    assert fit(study(points).cells) is None
    figure = collapse(study(points))
    assert [trace["mode"] for trace in figure.views[(LAST,)].traces] == ["markers"] * len(points)
    assert "straight line" not in figure.caption


def test_returns_of_different_tasks_have_no_line():
    points = [(0.0, 1.0), (0.25, 0.75), (0.5, 0.5), (1.0, 0.0)]
    figure = collapse(study(points, tasks={("c0",): "another"}))
    (lone,), others = (figure.views[LAST, task].traces for task in ("another", "one"))
    assert all(trace["mode"] == "markers" for trace in (lone, *others))
    assert (lone["y"], [trace["y"] for trace in others]) == ([1.0], [[0.75], [0.5], [0.0]])
    assert "different tasks" in figure.caption


def test_dots_line_and_table_are_of_one_piece():
    points = [(0.0, 1.0), (0.25, 0.5), (0.5, 0.75), (1.0, 0.0)]
    figure = collapse(study(points))
    *dots, line = figure.views[(LAST,)].traces
    assert [(trace["x"], trace["y"]) for trace in dots] == [([x], [y]) for x, y in points]
    found = fit(study(points).cells)
    assert line["y"] == [found.intercept + found.slope * x for x in line["x"]]
    assert figure.table.select("a_eff", "return_iqm").rows() == points


def test_the_area_has_a_line_of_its_own():
    """Curves that rise from 0 to the return have half of it as their area, and the line half the slope."""
    shown = study([(0.0, 1.0), (0.25, 0.75), (0.5, 0.5), (1.0, 0.0)])
    figure, found = collapse(shown), fit(shown.cells, WHOLE)
    assert (found.slope, found.intercept, found.explained) == pytest.approx((-0.5, 0.5, 1.0))
    line = figure.views[(WHOLE,)].traces[-1]
    assert line["y"] == [found.intercept + found.slope * x for x in line["x"]]
    assert figure.table["area_iqm"].to_list() == pytest.approx([0.5, 0.375, 0.25, 0.0])
    assert [f"Return of the {name}: A straight line loses" in figure.caption for name in (LAST, WHOLE)] == [True, True]


def test_cells_that_exchange_nothing_are_not_in_it():
    """Independent learners beside DVDN: they have no a_eff, though one may say that it is 1."""
    scores = {(name,): {0: 0.5} for name in ("iql", "a", "b")}
    means = {("a",): {"a_eff": 0.25}, ("b",): {"a_eff": 0.5}}
    figure = collapse(study_of({"algorithm": ["iql", "a", "b"]}, scores, (), None, means))
    assert figure.table["algorithm"].to_list() == ["a", "b"]
    assert collapse(study_of({"algorithm": ["iql", "a", "b"]}, scores, (), None, {("a",): {"a_eff": 0.25}})) is None
