"""How the signal went over training: the error about the true joint temporal difference, and gradient tracking."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from dvdn_sim.reporting.figure import Figure, Switch, View, axes, band, line, row
from dvdn_sim.reporting.panels import Panels
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import estimate, mean

Numbers = dict[str, tuple[str, str]]
"""What may be chosen: its column, and what the vertical axis is called."""

SIGNAL: Numbers = {
    "error about the true JTD": ("jtd_relative_error", "‖N·Aδ − 1·Σδ‖ / ‖1·Σδ‖"),
    "a_eff": ("a_eff", "a_eff"),
    "held in time": ("delivered_fraction", "share of the messages sent"),
}
TRACKING: Numbers = {
    "disagreement of parameters": ("disagreement", "√(mean over agents of ‖ω_i − mean ω‖²)"),
    "imbalance of trackers": ("imbalance", "‖Σz + in flight − Σg‖ / ‖Σg‖"),
}


def signal(study: Study) -> Figure | None:
    """Draw how far from the joint temporal difference agents learnt; None where none exchanged TD errors."""
    return _figure(
        study,
        lambda cell: None if cell.exchanges is None or cell.exchanges.course.is_empty() else cell.exchanges.course,
        SIGNAL,
        id="signal",
        title="How far from the joint temporal difference they learnt",
        said="What agents learnt from, N times the mix of their own and their neighbours' TD errors, against the true"
        " joint temporal difference, which the simulator knows and they do not. Mean over seeds, 95 % interval.",
    )


def tracking(study: Study) -> Figure | None:
    """Draw how gradient tracking went; None where there is none."""
    return _figure(
        study,
        lambda cell: cell.tracking,
        TRACKING,
        id="tracking",
        title="Gradient tracking",
        said="How far apart the agents' parameters are, and how much of the team's gradient is in no tracker: 0 unless"
        " a message was lost one way. Mean over seeds with its 95 % interval.",
    )


def _figure(
    study: Study,
    course: Callable[[Cell], pl.DataFrame | None],
    numbers: Numbers,
    *,
    id: str,  # noqa: A002 (as a figure has it)
    title: str,
    said: str,
) -> Figure | None:
    courses = {cell.id: found for cell in study.cells if (found := course(cell)) is not None}
    if not courses:
        return None
    panels = Panels(study)
    views: dict[tuple[str, ...], View] = {}
    for name, (column, label) in numbers.items():
        for state, cells in panels.items():
            here = [(number, cell) for number, cell in cells if cell.id in courses]
            traces = [each for number, cell in here
                      for each in _traces(courses[cell.id], column, panels.series_of(cell), number)]  # fmt: skip
            if traces:
                views[name, *state] = View(
                    traces,
                    axes("environment steps of each seed", label, yaxis_rangemode="tozero", legend=panels.series),
                )
    shown = [name for name in numbers if any(state[0] == name for state in views)]
    return Figure(
        id=id,
        title=title,
        said=said,
        alt=f"{', '.join(shown)} over training, of {len(courses)} cells; the numbers are in the table.",
        switches=[Switch("number", shown), *panels.switches],
        views=views,
        table=pl.concat([_labelled(cell, courses[cell.id]) for cell in study.cells if cell.id in courses]),
    )


def _traces(course: pl.DataFrame, column: str, name: str, number: int) -> Sequence[dict[str, object]]:
    grouped = course.filter(pl.col(column).is_finite()).sort("bin", "seed").group_by("bin", maintain_order=True)
    bins = [(rows["env_steps"].max(), rows[column].to_numpy()) for _, rows in grouped]
    if not bins:
        return []
    steps, found = np.array([step for step, _ in bins], float), [estimate([v], mean, resamples=1000) for _, v in bins]
    drawn = line(steps, [each.value for each in found], name, number)
    ends = [each.interval for each in found]
    if any(each is None for each in ends):
        return [drawn]
    low, high = np.array(ends, float).T
    return [band(steps, low, high, name, number), drawn]


def _labelled(cell: Cell, course: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(row(cell.at, course.to_dict()))  # polars repeats what stands alone
