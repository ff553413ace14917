"""Return against a_eff: is it the network alone that counts, whatever made it so?

`a_eff` is the weight that agents keep for themselves. Theory (first order, DVDN's error about the joint temporal
difference grows with it) says that cells of one task lie on one curve, whichever mix of rounds, loss, topology and
policy brought them there. The scatter about a line says whether they do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dvdn_sim.reporting import plots
from dvdn_sim.reporting.figures.returns import score_columns
from dvdn_sim.reporting.headroom import levels, tells
from dvdn_sim.reporting.measures import A_EFF, LAST, SCORES, score, seed_scores
from dvdn_sim.reporting.plots import Choice, Dot, Figure, Panels, View
from dvdn_sim.reporting.study import RUN_AXIS, Cell, Study

MIN_CELLS = 4
"""Cells from which on a line is fitted."""


@dataclass(frozen=True)
class Fit:
    """A straight line through cells: return = intercept + slope · a_eff."""

    slope: float
    intercept: float
    scatter: float  # standard deviation of the cells about the line
    noise: float | None  # of that what seeds alone make: RMS of the cells' standard errors; None for single seeds
    explained: float  # share of the cells' variance that the line explains, R²


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
    """Draw return against a_eff; None where fewer than two cells exchange TD errors in a task that tells them apart."""
    known = [(task, [cell for cell in of if A_EFF.of(cell) is not None]) for task, of in study.tasks.items()]
    told = [(task, [cell for cell in of if tells(cell)]) for task, of in known]
    tasks = {task: of for task, of in told if of}
    cells, apart = [cell for of in tasks.values() for cell in of], len(tasks) > 1
    if len(cells) < 2:
        return None
    lines = {counted: fit(cells, counted) if study.one_task else None for counted in SCORES}
    found = " ".join(f"Return of the {name}: {fit_text(line)}" for name, line in lines.items() if line is not None)
    others = (
        ""
        if study.one_task
        else " Here cells have different tasks, whose returns are not to be compared: they are chosen above."
    )
    return Figure(
        id="collapse",
        title="Return against a_eff: do the curves collapse?",
        caption="Each dot is a cell; a_eff is the weight that agents keep for themselves, 0 for a central trainer"
        " (VDN), 1 for independent learning. If cells lie on one curve, nothing else about the network counts here."
        f"{others} {found}".rstrip(),
        alt=f"{len(cells)} cells by a_eff and return. {found}".rstrip(),
        choices=[Choice("return of", list(SCORES)), *([Choice("task", list(tasks))] if apart else [])],
        views={
            (counted, *([task] if apart else [])): _view(study, of, counted, line)
            for counted, line in lines.items()
            for task, of in tasks.items()
        },
        table=plots.table(plots.row(cell.at, {"a_eff": _a_eff(cell), **score_columns(cell)}) for cell in cells),
    )


def _view(study: Study, cells: Sequence[Cell], counted: str, line: Fit | None) -> View:
    panels = Panels(study)

    def label(cell: Cell) -> str:
        """Return what a dot's colour stands for: its label on the first axis, or its sweep, where there are several."""
        own = panels.label(cell)
        return own.partition(": ")[0] if panels.series == RUN_AXIS else own

    series: dict[str, list[Dot]] = {label(cell): [] for cell in study.cells}
    for cell in sorted(cells, key=_a_eff):
        found = score(cell, counted)
        hover = f"{cell.id}<br>a_eff {_a_eff(cell):.3f}, return {found.value:.3f}"
        series[label(cell)].append((_a_eff(cell), found, hover))
    traces = [plots.points(dots, name, number) for number, (name, dots) in enumerate(series.items()) if dots]
    if line is not None:
        span = plots.around([_a_eff(cell) for cell in cells], 0.02)
        traces.append(plots.dashed(span, [line.intercept + line.slope * x for x in span], "straight line"))
    several = [cell for cell in cells if len(cell.curves) > 1]
    seeds = [(label(cell), _a_eff(cell), y) for cell in several for y in seed_scores(cell, counted)]
    for number, name in enumerate(series):
        own = [(x, y) for of, x, y in seeds if of == name]
        traces[:0] = (
            [plots.scattered([x for x, _ in own], plots.plain([y for _, y in own]), name, number)] if own else []
        )
    lines = levels(cells, lambda bound: score(bound, counted).value)
    ends = [end for cell in cells for end in score(cell, counted).interval or (score(cell, counted).value,)]
    how = {"yaxis_range": plots.around([*ends, *(y for *_, y in seeds), *(y for _, y in lines)])}
    axes = plots.axes("a_eff", f"return, {counted}", panels.series, shapes=plots.level_lines(lines), **how)
    return View(traces, axes)


def fit_text(line: Fit) -> str:
    """Return a fit in words."""
    noise = "" if line.noise is None else f"; the seeds alone would scatter them by {line.noise:.3f}"
    change = f"gains {line.slope:.2f}" if line.slope > 0.0 else f"loses {-line.slope:.2f}"
    return (
        f"A straight line {change} of return from a_eff 0 to 1 and explains {line.explained:.0%} of the variance"
        f" between cells; they scatter about it by {line.scatter:.3f}{noise}."
    )


def _a_eff(cell: Cell) -> float:
    return math.nan if (value := A_EFF.of(cell)) is None else value
