"""How it went over training: the teams' returns, the signal that they learnt from, and gradient tracking."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from dvdn_sim.reporting import plots
from dvdn_sim.reporting.curves import Axis, learning_curve
from dvdn_sim.reporting.plots import Choice, Figure, Json, Panels, View, Views
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
Bands = dict[str, dict[str, Band]]
"""By what may be chosen, then by cell."""


def learning_curves(study: Study) -> Figure:
    """Draw return against steps, simulated time and megabytes."""
    panels = Panels(study)
    found: Bands = {
        against: {
            cell.id: learning_curve(list(cell.curves.values()), axis, cell.returns_within)
            for cell in study.cells
            if all(axis in curve.along for curve in cell.curves.values())
        }
        for against, (axis, _, _) in ALONG.items()
    }
    found = {against: curves for against, curves in found.items() if curves}
    scaled = {
        against: {cell: replace(curve, points=ALONG[against][2] * curve.points) for cell, curve in curves.items()}
        for against, curves in found.items()
    }

    def layout(against: str) -> Json:
        heights = plots.around([value for curve in found[against].values() for value in curve.value])
        return plots.axes(ALONG[against][1], "return", panels.series, yaxis_range=heights)

    return Figure(
        id="learning",
        title="How the teams learnt",
        caption="Interquartile mean of the evaluations over seeds, and its 95 % interval at each point by itself. Bands"
        " that leave the picture belong to few seeds: they say little.",
        alt=f"Learning curves of {len(study.cells)} cells; the ends of all curves are in the table of scores.",
        choices=[Choice("against", list(found)), *panels.choices],
        views=_views(panels, scaled, layout),
        table=pl.concat(
            plots.rows(cell.at, {"against": ALONG[against][0]}
                       | plots.band_columns("point", "return_iqm", curves[cell.id]))
            for against, curves in found.items() for cell in study.cells if cell.id in curves
        ),
    )  # fmt: skip


def _views(panels: Panels, found: Bands, layout: Callable[[str], Json]) -> Views:
    """Return the views of a figure whose first choice is what is drawn of the cells that have it."""

    def draw(option: str, cells: list[tuple[int, Cell]]) -> View:
        bands = found[option]
        traces = [trace for number, cell in cells if cell.id in bands
                  for trace in plots.banded(bands[cell.id], panels.label(cell), number)]  # fmt: skip
        return View(traces, layout(option))

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
        if kept := {cell: band for cell, band in means.items() if band.points.size}:
            bands[number] = kept

    def layout(number: str) -> Json:
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


def _means(rows: pl.DataFrame, column: str, within: Bounds) -> Band:
    """Return the mean over seeds in each part of training, those that are no finite number left out."""
    grouped = rows.filter(pl.col(column).is_finite()).sort("bin", "seed").group_by("bin", maintain_order=True)
    bins = list(grouped)
    found = [estimate([each[column].to_numpy()], mean, resamples=1000, within=within) for _, each in bins]
    return Band.of(np.array([each["env_steps"].max() for _, each in bins], float), found)
