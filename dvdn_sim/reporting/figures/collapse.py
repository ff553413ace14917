"""Return against a_eff: is it the network alone that counts, whatever made it so?

`a_eff` is the weight that agents keep for themselves. Theory (first order, DVDN's error about the joint temporal
difference grows with it) says that cells of one task lie on one curve, whichever mix of rounds, loss, topology and
policy brought them there. The scatter about a line says whether they do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from dvdn_sim.reporting.figure import Figure, View, around, axes, points, row
from dvdn_sim.reporting.measures import A_EFF, final
from dvdn_sim.reporting.panels import Panels
from dvdn_sim.reporting.study import RUN_AXIS, Cell, Study

FEWEST = 4
"""Cells from which on a line is laid through them."""


@dataclass(frozen=True)
class Fit:
    """A straight line through cells.

    Attributes:
        slope: return per unit of a_eff.
        intercept: return at a_eff = 0.
        scatter: standard deviation of the cells about it.
        noise: what of that seeds alone make: root mean square of the cells' standard errors; None where a cell has a
            single seed.
        explained: share of the cells' variance that the line explains, R².
    """

    slope: float
    intercept: float
    scatter: float
    noise: float | None
    explained: float


def fit(cells: Sequence[Cell]) -> Fit | None:
    """Lay a line through the cells that have an a_eff; None if they are fewer than `FEWEST` or all alike."""
    x = np.array([A_EFF.of(cell) for cell in cells], float)
    y = np.array([final(cell).value for cell in cells])
    if len(cells) < FEWEST or np.ptp(x) < 1e-9:
        return None
    slope, intercept = np.polyfit(x, y, 1)
    rest = y - (slope * x + intercept)
    total = float(((y - y.mean()) ** 2).sum())
    errors = [_standard_error(cell) for cell in cells]
    known = [each for each in errors if each is not None]
    return Fit(
        slope=float(slope),
        intercept=float(intercept),
        scatter=math.sqrt(float((rest**2).sum()) / (len(cells) - 2)),
        noise=math.sqrt(float(np.mean(np.square(known)))) if len(known) == len(errors) else None,
        explained=1.0 - float((rest**2).sum()) / total if total else 1.0,
    )


def _standard_error(cell: Cell) -> float | None:
    from dvdn_sim.reporting.curves import final_mean  # noqa: PLC0415

    scores = [final_mean(curve) for curve in cell.curves.values()]
    return float(np.std(scores, ddof=1)) / math.sqrt(len(scores)) if len(scores) > 1 else None


def collapse(study: Study) -> Figure | None:
    """Draw return against a_eff; None where fewer than two cells exchange TD errors."""
    cells = [cell for cell in study.cells if A_EFF.of(cell) is not None]
    if len(cells) < 2:
        return None
    panels = Panels(study)
    traces = []
    for number, label in enumerate(dict.fromkeys(_series(panels, cell) for cell in study.cells)):
        here = sorted((cell for cell in cells if _series(panels, cell) == label), key=_a_eff)
        if here:
            found = [final(cell) for cell in here]
            hover = [f"{cell.id}<br>a_eff {_a_eff(cell):.3f}, return {each.value:.3f}"
                     for cell, each in zip(here, found, strict=True)]  # fmt: skip
            ends = [each.interval for each in found]
            heights = [each.value for each in found]
            traces.append(points([_a_eff(cell) for cell in here], heights, label, number, ends=ends, hover=hover))
    line = fit(cells) if study.one_task else None
    said = (
        "Each dot is a cell; a_eff is the weight that agents keep for themselves, 0 for a central trainer (VDN), 1 for"
    )
    said += " independent learning. If cells lie on one curve, nothing else about the network counts here."
    if not study.one_task:
        said += " Here cells have different tasks, whose returns are not to be compared."
    if line is not None:
        span = around([_a_eff(cell) for cell in cells], 0.02)
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": span, "y": [line.intercept + line.slope * x for x in span],
                "line": {"color": "muted", "width": 1, "dash": "dash"}, "name": "straight line", "hoverinfo": "skip",
            }
        )  # fmt: skip
        said += f" {text(line)}"
    heights = around([end for each in map(final, cells) for end in (each.value, *(each.interval or ()))])
    layout = axes("a_eff", "return in the last tenth of training", yaxis_range=heights, legend=panels.series)
    return Figure(
        id="collapse",
        title="Return against a_eff: do the curves collapse?",
        said=said,
        alt=f"{len(cells)} cells by a_eff and return. {'' if line is None else text(line)}",
        switches=[],
        views={(): View(traces, layout)},
        table=pl.DataFrame([_row(cell) for cell in cells], infer_schema_length=None),
    )


def _series(panels: Panels, cell: Cell) -> str:
    """Return what a dot's colour says: its label on the first axis; its sweep, where there are several."""
    label = panels.series_of(cell)
    return label.partition(": ")[0] if panels.series == RUN_AXIS else label


def text(line: Fit) -> str:
    """Say what a line says."""
    noise = "" if line.noise is None else f"; the seeds alone would scatter them by {line.noise:.3f}"
    said = f"A straight line loses {-line.slope:.2f} of return from a_eff 0 to 1"
    if line.slope > 0.0:
        said = f"A straight line gains {line.slope:.2f} of return from a_eff 0 to 1"
    return f"{said} and explains {line.explained:.0%} of the variance between cells; they scatter about it by" \
        f" {line.scatter:.3f}{noise}."  # fmt: skip


def _a_eff(cell: Cell) -> float:
    value = A_EFF.of(cell)
    return math.nan if value is None else value


def _row(cell: Cell) -> dict[str, object]:
    found = final(cell)
    low, high = (None, None) if found.interval is None else found.interval
    return row(cell.at, {"a_eff": _a_eff(cell), "return_iqm": found.value, "ci95_low": low, "ci95_high": high})
