"""How the teams learnt: return against steps, simulated time and megabytes."""

import polars as pl

from dvdn_sim.errors import RunFolderError
from dvdn_sim.reporting.curves import Axis, Curve, LearningCurve, checkpoints, learning_curve
from dvdn_sim.reporting.figure import Figure, Json, Switch, View, around, axes, band, line, row
from dvdn_sim.reporting.panels import Panels
from dvdn_sim.reporting.study import Cell, Study

ALONG: dict[str, tuple[Axis, str, float]] = {
    "environment steps": ("env_steps", "environment steps of each seed", 1.0),
    "simulated time": ("sim_time_s", "simulated time (s)", 1.0),
    "bytes sent": ("bytes_sent", "sent by the team, headers included (MB)", 1e-6),
}
"""What is on the horizontal axis: its name in records, what it is called, and its unit there."""


def learning(study: Study) -> Figure:
    """Draw the learning curves of all cells."""
    panels = Panels(study)
    views: dict[tuple[str, ...], View] = {}
    tables: list[pl.DataFrame] = []
    for against, (axis, title, unit) in ALONG.items():
        drawn = {cell.id: found for cell in study.cells if (found := _curve(cell, axis)) is not None}
        if not drawn:
            continue
        heights = around([value for found in drawn.values() for value in found.value])
        tables += [_table(cell, axis, drawn[cell.id]) for cell in study.cells if cell.id in drawn]
        for state, cells in panels.items():
            traces = [each for number, cell in cells if cell.id in drawn
                      for each in _traces(drawn[cell.id], panels.series_of(cell), number, unit)]  # fmt: skip
            if traces:
                views[against, *state] = View(traces, axes(title, "return", yaxis_range=heights, legend=panels.series))
    return Figure(
        id="learning",
        title="How the teams learnt",
        said="Interquartile mean of the evaluations over seeds, and its 95 % interval at each point by itself. Bands"
        " that leave the picture belong to few seeds: they say little.",
        alt=f"Learning curves of {len(study.cells)} cells; the ends of all curves are in the table of scores.",
        switches=[Switch("against", _shown(views)), *panels.switches],
        views=views,
        table=pl.concat(tables),
    )


def _shown(views: dict[tuple[str, ...], View]) -> list[str]:
    return [against for against in ALONG if any(state[0] == against for state in views)]


def _curve(cell: Cell, axis: Axis) -> LearningCurve | None:
    """Return how a cell's seeds learnt; None on an axis that it has not."""
    curves: list[Curve] = list(cell.curves.values())
    if any(getattr(curve, axis) is None for curve in curves):
        return None
    try:
        return learning_curve([curves], axis, checkpoints(curves, axis), resamples=2000)
    except ValueError as error:
        raise RunFolderError(f"{cell.run_dir}: {error}") from error


def _traces(found: LearningCurve, name: str, number: int, unit: float) -> list[Json]:
    x = found.points * unit
    bands = [] if found.low is None or found.high is None else [band(x, found.low, found.high, name, number)]
    return [*bands, line(x, found.value, name, number)]


def _table(cell: Cell, axis: Axis, found: LearningCurve) -> pl.DataFrame:
    none = [None] * len(found.points)
    columns = {
        "point": found.points,
        "return_iqm": found.value,
        "ci95_low": pl.Series(none if found.low is None else found.low, dtype=pl.Float64),
        "ci95_high": pl.Series(none if found.high is None else found.high, dtype=pl.Float64),
    }
    # polars repeats what stands alone
    return pl.DataFrame(row(cell.at, {"against": axis, **columns}))
