"""How it went over training: the teams' returns, the signal that they learnt from, and gradient tracking."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from dvdn_sim.reporting import plots
from dvdn_sim.reporting.curves import Axis, learning_curve, on_grid
from dvdn_sim.reporting.headroom import levels
from dvdn_sim.reporting.measures import LAST, score
from dvdn_sim.reporting.plots import Choice, Figure, Json, Panels, Seeds, View, Views
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import UNBOUNDED, Band, Bounds, estimate, mean

ALONG: Mapping[str, tuple[Axis, str, float]] = {
    "environment steps": ("env_steps", "environment steps of each seed", 1.0),
    "simulated time": ("sim_time_s", "simulated time (s)", 1.0),
    "bytes sent": ("bytes_sent", "sent by the team, headers included (MB)", 1e-6),
}
"""The horizontal axis: its name in records, its title, and its unit."""
SIGNAL = {
    "error about the true JTD": ("jtd_relative_error", "‖N·Aδ − 1·Σδ‖ / ‖1·Σδ‖", (0.0, math.inf)),
    "a_eff": ("a_eff", "a_eff", UNBOUNDED),
    "held in time": ("delivered_fraction", "share of the messages sent", (0.0, 1.0)),
}
"""What may be chosen: its column, the title of the vertical axis, and what it cannot be below, and above."""
TRACKING = {
    "disagreement of parameters": ("disagreement", "√(mean over agents of ‖ω_i − mean ω‖²)", (0.0, math.inf)),
    "imbalance of trackers": ("imbalance", "‖Σz + in flight − Σg‖ / ‖Σg‖", (0.0, math.inf)),
}
Bands = dict[str, dict[str, tuple[Band, Seeds]]]
"""By what may be chosen, then by cell."""


def learning_curves(study: Study) -> Figure:
    """Draw return against steps, simulated time and megabytes."""
    panels = Panels(study, apart=True)
    found: Bands = {
        against: {
            cell.id: _curve(cell, axis, unit)
            for cell in study.cells
            if all(axis in curve.along for curve in cell.curves.values())
        }
        for against, (axis, _, unit) in ALONG.items()
    }
    found = {against: curves for against, curves in found.items() if curves}

    def layout(against: str, cells: Sequence[Cell]) -> Json:
        lines = levels(cells, lambda bound: score(bound, LAST).value)
        heights = [*(value for cell in cells for value in found[against][cell.id][1].y), *(y for _, y in lines)]
        how = {"yaxis_range": plots.around(heights), "shapes": plots.level_lines(lines)}
        return plots.axes(ALONG[against][1], "return", panels.series, **how)

    return Figure(
        id="learning",
        title="How the teams learnt",
        caption="Interquartile mean of the evaluations over seeds, and a dot for each seed. From five seeds on the"
        " band is its 95 % interval at each point by itself; that of fewer is in the table. Dashed: random play, and"
        " what the bounds end at.",
        alt=f"Learning curves of {len(study.cells)} cells; the ends of all curves are in the table of scores.",
        choices=[Choice("against", list(found)), *panels.choices],
        views=_views(panels, found, layout),
        table=pl.concat(
            plots.rows(cell.at, {"against": ALONG[against][0]}
                       | plots.band_columns("point", "return_iqm", _in(curves[cell.id][0], 1.0 / ALONG[against][2])))
            for against, curves in found.items() for cell in study.cells if cell.id in curves
        ),
    )  # fmt: skip


def _curve(cell: Cell, axis: Axis, unit: float) -> tuple[Band, Seeds]:
    curves = list(cell.curves.values())
    grid, returns = on_grid(curves, axis)
    seeds = Seeds(unit * np.tile(grid, len(curves)), returns.ravel(), len(curves))
    return _in(learning_curve(curves, axis, cell.returns_within), unit), seeds


def _in(band: Band, unit: float) -> Band:
    return replace(band, points=unit * band.points)


def _views(panels: Panels, found: Bands, layout: Callable[[str, Sequence[Cell]], Json]) -> Views:
    """Return the views of a figure whose first choice is what is drawn of the cells that have it."""

    def draw(option: str, cells: list[tuple[int, Cell]]) -> View:
        bands = found[option]
        there = [(number, cell, *bands[cell.id]) for number, cell in cells if cell.id in bands]
        traces = [trace for number, cell, band, seeds in there
                  for trace in plots.banded(band, panels.label(cell), number, seeds=seeds)]  # fmt: skip
        beside = [cell for cell in panels.beside(cells) if cell.id in bands]
        return View(traces, layout(option, beside) if traces else {})

    return panels.views(found, draw)


def training_signal(study: Study) -> Figure | None:
    """Draw how far from the joint temporal difference agents learnt; None where none exchanged TD errors."""
    return _over_training(
        study,
        {cell.id: cell.exchanges.over_training for cell in study.cells if cell.exchanges is not None},
        SIGNAL,
        "signal",
        "How far from the joint temporal difference they learnt",
        "What agents learnt from, N times the mix of their own and their neighbours' TD errors, against the true"
        " joint temporal difference, which the simulator knows and they do not. Mean over seeds, a dot for each; from"
        " five seeds on with its 95 % interval.",
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
        " a message was lost one way. Mean over seeds, a dot for each; from five seeds on with its 95 % interval.",
    )


def _over_training(
    study: Study, found: Mapping[str, pl.DataFrame], numbers: Mapping[str, tuple[str, str, Bounds]], *words: str
) -> Figure | None:
    """Draw numbers over training; `words` are the figure's id, title and caption."""
    name, title, caption = words
    rows = {cell: each for cell, each in found.items() if not each.is_empty()}
    if not rows:
        return None
    panels, bands = Panels(study), Bands()
    for number, (column, _, within) in numbers.items():
        means = {cell: _means(each, column, within) for cell, each in rows.items()}
        if kept := {cell: each for cell, each in means.items() if each[1].count}:
            bands[number] = kept

    def layout(number: str, _: Sequence[Cell]) -> Json:
        return plots.axes("environment steps of each seed", numbers[number][1], panels.series, yaxis_rangemode="tozero")

    return Figure(
        id=name,
        title=title,
        caption=caption,
        alt=f"{', '.join(bands)} over training, of {len(rows)} cells; the numbers are in the table.",
        choices=[Choice("number", list(bands)), *panels.choices],
        views=_views(panels, bands, layout),
        table=pl.concat(plots.rows(cell.at, rows[cell.id].to_dict()) for cell in study.cells if cell.id in rows),
    )


def _means(rows: pl.DataFrame, column: str, within: Bounds) -> tuple[Band, Seeds]:
    """Return the mean over seeds in each part of training, those that are no finite number left out; and the seeds."""
    kept = rows.filter(pl.col(column).is_finite()).sort("bin", "seed")
    kept = kept.with_columns(pl.col("env_steps").max().over("bin"))
    seeds = Seeds(kept["env_steps"].to_numpy().astype(float), kept[column].to_numpy(), kept["seed"].n_unique())
    bins = list(kept.group_by("bin", maintain_order=True))
    found = [estimate([each[column].to_numpy()], mean, resamples=1000, within=within) for _, each in bins]
    return Band.of(np.array([each["env_steps"][0] for _, each in bins], float), found), seeds
