"""Return against a_eff: is it the network alone that counts, whatever made it so?

`a_eff` is the weight that agents keep for themselves. Theory (first order, DVDN's error about the joint temporal
difference grows with it) says that cells of one task lie on one curve, whichever mix of rounds, loss, topology and
policy brought them there. The scatter about a line says whether they do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dvdn_sim.reporting.measures import A_EFF, LAST, SCORES, WHOLE, score, seed_scores
from dvdn_sim.reporting.plots import (
    Choice,
    Figure,
    Panels,
    View,
    around,
    around_estimates,
    axes,
    dashed,
    interval_columns,
    points,
    row,
    table,
)
from dvdn_sim.reporting.study import RUN_AXIS, Cell, Study

MIN_CELLS = 4
"""Cells from which on a line is fitted."""


@dataclass(frozen=True)
class Fit:
    """A straight line through cells: return = intercept + slope · a_eff.

    Attributes:
        slope: Of the return.
        intercept: Of the return.
        scatter: Standard deviation of the cells about the line.
        noise: The part of it that seeds alone make: root mean square of the cells' standard errors; None where a cell
            has a single seed.
        explained: Share of the cells' variance that the line explains, R².
    """

    slope: float
    intercept: float
    scatter: float
    noise: float | None
    explained: float


def fit(cells: Sequence[Cell], counted: str = LAST) -> Fit | None:
    """Fit a line to cells of one task, by a name in `SCORES`; None if they are fewer than `MIN_CELLS` or all alike."""
    x, y = np.array([_a_eff(cell) for cell in cells]), np.array([score(cell, counted).value for cell in cells])
    if len(cells) < MIN_CELLS or np.ptp(x) < 1e-9:
        return None
    slope, intercept = np.polyfit(x, y, 1)
    rest = y - (slope * x + intercept)
    total = float(((y - y.mean()) ** 2).sum())
    return Fit(
        slope=float(slope),
        intercept=float(intercept),
        scatter=math.sqrt(float((rest**2).sum()) / (len(cells) - 2)),
        noise=_noise([seed_scores(cell, counted) for cell in cells]),
        explained=1.0 - float((rest**2).sum()) / total if total else 1.0,
    )


def _noise(cells: Sequence[Sequence[float]]) -> float | None:
    """Root mean square of the standard errors of the cells' means; None where a cell has a single seed."""
    if any(len(seeds) < 2 for seeds in cells):
        return None
    return math.sqrt(float(np.mean([np.var(seeds, ddof=1) / len(seeds) for seeds in cells])))


def collapse(study: Study) -> Figure | None:
    """Draw return against a_eff; None where fewer than two cells exchange TD errors."""
    cells = [cell for cell in study.cells if A_EFF.of(cell) is not None]
    if len(cells) < 2:
        return None
    lines = {counted: fit(cells, counted) if study.one_task else None for counted in SCORES}
    found = " ".join(f"Return of the {name}: {fit_text(line)}" for name, line in lines.items() if line is not None)
    others = "" if study.one_task else " Here cells have different tasks, whose returns are not to be compared."
    return Figure(
        id="collapse",
        title="Return against a_eff: do the curves collapse?",
        caption="Each dot is a cell; a_eff is the weight that agents keep for themselves, 0 for a central trainer"
        " (VDN), 1 for independent learning. If cells lie on one curve, nothing else about the network counts here."
        f"{others} {found}".rstrip(),
        alt=f"{len(cells)} cells by a_eff and return. {found}".rstrip(),
        choices=[Choice("return of", list(SCORES))],
        views={(counted,): _view(study, cells, counted, line) for counted, line in lines.items()},
        table=table(_row(cell) for cell in cells),
    )


def _view(study: Study, cells: Sequence[Cell], counted: str, line: Fit | None) -> View:
    panels = Panels(study)

    def series(cell: Cell) -> str:
        """Return what a dot's colour stands for: its label on the first axis, or its sweep, where there are several."""
        label = panels.label(cell)
        return label.partition(": ")[0] if panels.series == RUN_AXIS else label

    traces = []
    for number, label in enumerate(dict.fromkeys(map(series, study.cells))):
        here = sorted((cell for cell in cells if series(cell) == label), key=_a_eff)
        if here:
            found = [score(cell, counted) for cell in here]
            hover = [f"{cell.id}<br>a_eff {_a_eff(cell):.3f}, return {each.value:.3f}"
                     for cell, each in zip(here, found, strict=True)]  # fmt: skip
            traces.append(points([_a_eff(cell) for cell in here], found, label, number, hover))
    if line is not None:
        span = around([_a_eff(cell) for cell in cells], 0.02)
        traces.append(dashed(span, [line.intercept + line.slope * x for x in span], "straight line"))
    heights = around_estimates(score(cell, counted) for cell in cells)
    return View(traces, axes("a_eff", f"return, {counted}", panels.series, yaxis_range=heights))


def fit_text(line: Fit) -> str:
    """Return a fit in words."""
    noise = "" if line.noise is None else f"; the seeds alone would scatter them by {line.noise:.3f}"
    change = f"gains {line.slope:.2f}" if line.slope > 0.0 else f"loses {-line.slope:.2f}"
    return (
        f"A straight line {change} of return from a_eff 0 to 1 and explains {line.explained:.0%} of the variance"
        f" between cells; they scatter about it by {line.scatter:.3f}{noise}."
    )


def _a_eff(cell: Cell) -> float:
    value = A_EFF.of(cell)
    return math.nan if value is None else value


def _row(cell: Cell) -> dict[str, object]:
    last, whole = score(cell, LAST), score(cell, WHOLE)
    return row(cell.at, {
        "a_eff": _a_eff(cell),
        "return_iqm": last.value,
        **interval_columns("return", last),
        "area_iqm": whole.value,
        **interval_columns("area", whole),
    })  # fmt: skip
