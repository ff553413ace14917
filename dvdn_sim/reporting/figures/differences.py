"""Arms compared: differences from the baseline with their intervals, and how often an arm is how good."""

import numpy as np
import polars as pl

from dvdn_sim.reporting import plots
from dvdn_sim.reporting.headroom import tells
from dvdn_sim.reporting.measures import LAST, SCORES, Contrast, contrasts, seed_scores
from dvdn_sim.reporting.plots import Choice, Figure, Json, View
from dvdn_sim.reporting.study import Study
from dvdn_sim.statistics import performance_profile

POINTS = 101
"""Thresholds of a performance profile."""


def differences(study: Study) -> Figure | None:
    """Draw how much better every arm is than the baseline, cell by cell; None without one."""
    found = {counted: contrasts(study, measure) for counted, measure in SCORES.items()}
    if not found[LAST]:
        return None
    axis, baseline = study.compare
    tasks = list(dict.fromkeys(each.task for each in found[LAST]))
    return Figure(
        id="differences",
        title=f"Differences from {axis}={baseline}",
        caption="Difference of the interquartile means over seeds with its 95 % interval, each by itself. Clear is what"
        " has a p value of at most 5 % after Holm's correction for all differences of the sweep; both are in the table,"
        " with the difference that these seeds would have shown four times in five.",
        alt="; ".join(
            f"{axis}={each.label}{f' at {each.where}' if each.where else ''}: {each.text()}" for each in found[LAST]
        ),
        choices=[Choice("return of", list(SCORES)), *([Choice("task", tasks)] if len(tasks) > 1 else [])],
        views={
            (counted, *([task] if len(tasks) > 1 else [])): _view(study, [one for one in each if one.task == task])
            for counted, each in found.items()
            for task in tasks
        },
        table=plots.table(_row(axis, counted, each) for counted, those in found.items() for each in those),
    )


def _view(study: Study, found: list[Contrast]) -> View:
    axis, baseline = study.compare
    places = list(dict.fromkeys(_where(each) for each in found))
    traces = [_trace([each for each in found if each.label == label], label, number)
              for number, label in enumerate(study.axes[axis]) if label != baseline]  # fmt: skip
    layout = plots.axes(
        f"return, minus that of {axis}={baseline}", "", axis, height=180 + 26 * len(found),
        yaxis_type="category", yaxis_categoryarray=places[::-1], yaxis_categoryorder="array",
        scattermode="group", scattergap=0.4, xaxis_zeroline=True,
    )  # fmt: skip
    return View(traces, layout)


def _where(each: Contrast) -> str:
    return each.where or "all cells"


def _trace(found: list[Contrast], label: str, number: int) -> Json:
    estimates = [each.found.difference for each in found]
    return {
        "type": "scatter", "mode": "markers", "name": label, "x": plots.plain([each.value for each in estimates]),
        "y": [_where(each) for each in found], "orientation": "h", "marker": plots.marker(number),
        "error_x": plots.error_bars(estimates, number),
        "text": [f"{label}: {each.text()}" for each in found], "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _row(axis: str, counted: str, each: Contrast) -> Json:
    return plots.row({axis: each.label}, {
        "return_of": counted,
        "where": _where(each),
        "pairs": each.found.pairs,
        "paired": each.found.paired,
        **plots.estimate_columns("difference_iqm", "difference", each.found.difference),
        "p_holm": each.p_value,
        "clear": each.clear,
        "detectable": each.detectable,
        **plots.estimate_columns("probability_of_improvement", "improvement", each.found.probability_of_improvement),
    })  # fmt: skip


def performance_profiles(study: Study) -> Figure | None:
    """Draw the performance profile of every arm over its cells; None for one arm, or tasks that cannot be pooled."""
    axis = study.varied[0]
    scores = {label: [np.array(seed_scores(cell, LAST)) for cell in cells]
              for label, cells in study.along(axis).items() if cells}  # fmt: skip
    if len(scores) < 2 or not study.one_task or not all(tells(cell) for cell in study.cells):
        return None
    everything = np.concatenate([each for cells in scores.values() for each in cells])
    thresholds = np.linspace(everything.min(), everything.max(), POINTS)
    traces, tables = [], []
    for number, (label, cells) in enumerate(scores.items()):
        found = performance_profile(cells, thresholds)
        traces += plots.banded(found, label, number, step=True)
        tables.append(plots.rows({axis: label}, plots.band_columns("threshold", "fraction", found)))
    return Figure(
        id="profiles",
        title="How many runs are how good",
        caption=f"Share of the runs whose return in the last tenth of training is above a threshold, over all cells of"
        f" each {axis}, with 95 % intervals.",
        alt=f"Performance profiles of {len(scores)} arms; the numbers are in the table.",
        choices=[],
        views={(): View(traces, plots.axes("return above", "share of runs", axis, yaxis_range=[-0.03, 1.03]))},
        table=pl.concat(tables),
    )
