"""How it went over training: the teams' returns, the signal that they learnt from, and gradient tracking."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from dvdn_sim.errors import RunFolderError
from dvdn_sim.reporting.curves import Axis, LearningCurve, checkpoints, learning_curve
from dvdn_sim.reporting.plots import Choice, Figure, Json, Panels, View, around, axes, band, line, row, shown
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import estimate, mean

ALONG: dict[str, tuple[Axis, str, float]] = {
    "environment steps": ("env_steps", "environment steps of each seed", 1.0),
    "simulated time": ("sim_time_s", "simulated time (s)", 1.0),
    "bytes sent": ("bytes_sent", "sent by the team, headers included (MB)", 1e-6),
}
"""The horizontal axis: its name in records, its title, and its unit."""
SIGNAL = {
    "error about the true JTD": ("jtd_relative_error", "‖N·Aδ − 1·Σδ‖ / ‖1·Σδ‖"),
    "a_eff": ("a_eff", "a_eff"),
    "held in time": ("delivered_fraction", "share of the messages sent"),
}
"""What may be chosen: its column, and the title of the vertical axis."""
TRACKING = {
    "disagreement of parameters": ("disagreement", "√(mean over agents of ‖ω_i − mean ω‖²)"),
    "imbalance of trackers": ("imbalance", "‖Σz + in flight − Σg‖ / ‖Σg‖"),
}


def learning_curves(study: Study) -> Figure:
    """Draw return against steps, simulated time and megabytes."""
    panels = Panels(study)
    curves = {
        against: {cell.id: found for cell in study.cells if (found := _curve(cell, axis)) is not None}
        for against, (axis, _, _) in ALONG.items()
    }

    def draw(against: str, cells: list[tuple[int, Cell]]) -> View:
        (_, title, unit), found = ALONG[against], curves[against]
        traces = [
            trace for number, cell in cells if cell.id in found
            for trace in _traces(found[cell.id], panels.label(cell), number, unit)
        ]  # fmt: skip
        heights = around([value for curve in found.values() for value in curve.value]) if traces else None
        return View(traces, axes(title, "return", panels.series, yaxis_range=heights))

    views = panels.views(ALONG, draw)
    return Figure(
        id="learning",
        title="How the teams learnt",
        caption="Interquartile mean of the evaluations over seeds, and its 95 % interval at each point by itself. Bands"
        " that leave the picture belong to few seeds: they say little.",
        alt=f"Learning curves of {len(study.cells)} cells; the ends of all curves are in the table of scores.",
        choices=[Choice("against", shown(ALONG, views)), *panels.choices],
        views=views,
        table=pl.concat(
            _table(cell, ALONG[against][0], found[cell.id])
            for against, found in curves.items() for cell in study.cells if cell.id in found
        ),
    )  # fmt: skip


def _curve(cell: Cell, axis: Axis) -> LearningCurve | None:
    """Return how a cell's seeds learnt; None on an axis that it has not."""
    curves = list(cell.curves.values())
    if any(getattr(curve, axis) is None for curve in curves):
        return None
    try:
        return learning_curve([curves], axis, checkpoints(curves, axis), resamples=2000)
    except ValueError as error:
        raise RunFolderError(f"{cell.run_dir}: {error}") from error


def _traces(found: LearningCurve, name: str, number: int, unit: float) -> list[Json]:
    x = found.points * unit
    return [*band(x, found.low, found.high, name, number), line(x, found.value, name, number)]


def _table(cell: Cell, axis: Axis, found: LearningCurve) -> pl.DataFrame:
    none = [None] * len(found.points)
    columns = {
        "against": axis,
        "point": found.points,
        "return_iqm": found.value,
        "ci95_low": pl.Series(none if found.low is None else found.low, dtype=pl.Float64),
        "ci95_high": pl.Series(none if found.high is None else found.high, dtype=pl.Float64),
    }
    return pl.DataFrame(row(cell.at, columns))  # polars repeats what stands alone


def training_signal(study: Study) -> Figure | None:
    """Draw how far from the joint temporal difference agents learnt; None where none exchanged TD errors."""
    return _over_training(
        study,
        {cell.id: cell.exchanges.over_training for cell in study.cells if cell.exchanges is not None},
        SIGNAL,
        "signal",
        "How far from the joint temporal difference they learnt",
        "What agents learnt from, N times the mix of their own and their neighbours' TD errors, against the true"
        " joint temporal difference, which the simulator knows and they do not. Mean over seeds, 95 % interval.",
    )


def gradient_tracking(study: Study) -> Figure | None:
    """Draw how gradient tracking went; None where there is none."""
    return _over_training(
        study,
        {cell.id: cell.tracking for cell in study.cells if cell.tracking is not None},
        TRACKING,
        "tracking",
        "Gradient tracking",
        "How far apart the agents' parameters are, and how much of the team's gradient is in no tracker: 0 unless"
        " a message was lost one way. Mean over seeds with its 95 % interval.",
    )


def _over_training(
    study: Study,
    found: Mapping[str, pl.DataFrame],
    numbers: Mapping[str, tuple[str, str]],
    *words: str,
) -> Figure | None:
    """Draw numbers over training; `words` are the figure's id, title and caption."""
    name, title, caption = words
    rows = {cell: each for cell, each in found.items() if not each.is_empty()}
    if not rows:
        return None
    panels = Panels(study)

    def draw(number: str, cells: list[tuple[int, Cell]]) -> View:
        column, label = numbers[number]
        traces = [
            trace for line_number, cell in cells if cell.id in rows
            for trace in _means(rows[cell.id], column, panels.label(cell), line_number)
        ]  # fmt: skip
        return View(traces, axes("environment steps of each seed", label, panels.series, yaxis_rangemode="tozero"))

    views = panels.views(numbers, draw)
    drawn = shown(numbers, views)
    return Figure(
        id=name,
        title=title,
        caption=caption,
        alt=f"{', '.join(drawn)} over training, of {len(rows)} cells; the numbers are in the table.",
        choices=[Choice("number", drawn), *panels.choices],
        views=views,
        table=pl.concat(
            pl.DataFrame(row(cell.at, rows[cell.id].to_dict())) for cell in study.cells if cell.id in rows
        ),  # polars repeats what stands alone
    )


def _means(rows: pl.DataFrame, column: str, name: str, number: int) -> list[Json]:
    grouped = rows.filter(pl.col(column).is_finite()).sort("bin", "seed").group_by("bin", maintain_order=True)
    bins = [(each["env_steps"].max(), each[column].to_numpy()) for _, each in grouped]
    if not bins:
        return []
    steps, found = np.array([step for step, _ in bins], float), [estimate([v], mean, resamples=1000) for _, v in bins]
    drawn = line(steps, [each.value for each in found], name, number)
    ends = [each.interval for each in found]
    if any(each is None for each in ends):
        return [drawn]
    low, high = np.array(ends, float).T
    return [*band(steps, low, high, name, number), drawn]
