"""The numbers of a cell, one value for each, and arms against the baseline over equal seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from dvdn_sim.reporting.curves import Axis, Curve, area, final_mean, on_grid
from dvdn_sim.reporting.headroom import CENTRAL, SILENT, headroom, share, tells
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import (
    LEVEL,
    BestCheckpoint,
    Bounds,
    Comparison,
    Estimate,
    Scores,
    best_checkpoint,
    compare,
    estimate,
    holm,
    seeds_help,
)  # fmt: skip

LAST, WHOLE = "last tenth of training", "mean over training"
SCORES: Mapping[str, Callable[[Curve], float]] = {LAST: final_mean, WHOLE: area}
"""The ways to count a run, in the order in which they are offered."""


def seed_scores(cell: Cell, counted: str) -> list[float]:
    """Return the score of every seed of a cell, by a name in `SCORES`."""
    return [SCORES[counted](curve) for curve in cell.curves.values()]


def score_table(study: Study) -> pl.DataFrame:
    """Return every score that a study's statistics are made of: of each cell and bound, seed by seed."""
    cells = {cell.id: cell for cell in [*study.cells, *study.bounds]}
    return pl.DataFrame(
        [
            {"cell": name, "seed": seed, "end": final_mean(curve), "area": area(curve)}
            for name, cell in cells.items()
            for seed, curve in cell.curves.items()
        ]
    )


@lru_cache(maxsize=1024)
def _estimate(scores: tuple[float, ...], within: Bounds) -> Estimate:
    return estimate([np.array(scores)], within=within)


def score(cell: Cell, counted: str) -> Estimate:
    """Return the interquartile mean over seeds."""
    return _estimate(tuple(seed_scores(cell, counted)), cell.returns_within)


def best(cell: Cell) -> BestCheckpoint:
    """Return the result by the paper's protocol, which is optimistic."""
    _, returns = on_grid(list(cell.curves.values()))
    return best_checkpoint(returns)


def estimate_text(found: Estimate, digits: int = 3) -> str:
    """Return an estimate with its interval.

    >>> estimate_text(Estimate(0.7, (0.64, 0.78)), 2)
    '0.70 (0.64 to 0.78)'
    """
    ends = "" if found.interval is None else " ({:.{d}f} to {:.{d}f})".format(*found.interval, d=digits)
    return f"{found.value:.{digits}f}{ends}"


def signed(found: Estimate) -> str:
    """Return a difference with its interval.

    >>> signed(Estimate(-0.12, (-0.19, 0.05)))
    '−0.12 (−0.19 to +0.05)'
    """
    ends = "" if found.interval is None else f" ({found.interval[0]:+.2f} to {found.interval[1]:+.2f})"
    return f"{found.value:+.2f}{ends}".replace("-", "−")


@dataclass(frozen=True)
class Measure:
    """A number of a cell: its name, how Python formats it, and the number, None for a cell that has none."""

    name: str
    format: str
    of: Callable[[Cell], float | None]

    def text(self, cell: Cell) -> str:
        """Return the number as it is shown."""
        value = self.of(cell)
        return "" if value is None else format(value, self.format)


def _mean_of(column: str) -> Callable[[Cell], float | None]:
    return lambda cell: None if cell.exchanges is None else cell.exchanges.means.get(column)


def _delivered(cell: Cell) -> float | None:
    if cell.exchanges is None:
        return None
    sent, held = (sum(each[name] for each in cell.exchanges.messages.values()) for name in ("sent", "held"))
    return held / sent if sent else None


def _at_the_end(axis: Axis, unit: float) -> Callable[[Cell], float | None]:
    """Return where training ended on an axis, a mean over seeds; None without a network."""

    def found(cell: Cell) -> float | None:
        ends = [curve.along[axis][-1] for curve in cell.curves.values() if axis in curve.along]
        return unit * float(np.mean(ends)) if len(ends) == len(cell.curves) else None

    return found


def _share(cell: Cell) -> float | None:
    found = share(cell)
    return None if found is None else found.value


A_EFF = Measure("a_eff", ".3f", _mean_of("a_eff"))
MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("return", ".2f", lambda cell: score(cell, LAST).value),
        Measure("mean return over training", ".2f", lambda cell: score(cell, WHOLE).value),
        Measure("share of the headroom", ".0%", _share),
        A_EFF,
        Measure("error about the true JTD", ".0%", _mean_of("jtd_relative_error")),
        Measure("held in time", ".1%", _delivered),
        Measure("megabytes sent by each seed", ".1f", _at_the_end("bytes_sent", 1e-6)),
        Measure("simulated time of each seed (s)", ".0f", _at_the_end("sim_time_s", 1.0)),
    )
}
"""By name, in the order in which they are offered."""


@dataclass(frozen=True)
class Contrast:
    """How much better one label of the compared axis is than the baseline."""

    label: str
    where: str  # labels on the other axes; empty for all cells together, or if there is no other axis
    task: str  # what is played there, in words
    found: Comparison
    p_value: float | None = None  # corrected for all that is compared in the study; None where there is none
    level: float = LEVEL  # at which the first of them is clear

    @property
    def clear(self) -> bool:
        """True if the corrected p value is at most 5 %, and the interval of the difference leaves out zero."""
        ends = self.found.difference.interval
        told = ends is not None and (ends[0] > 0.0 or ends[1] < 0.0)
        return told and self.p_value is not None and self.p_value <= LEVEL

    @property
    def detectable(self) -> float | None:
        """The difference that these seeds would have shown four times in five; None where they can show none."""
        return self.found.detectable(self.level)

    def text(self) -> str:
        """Return the difference with its interval: ``+0.12 (+0.05 to +0.19)``."""
        return signed(self.found.difference)


def contrasts(study: Study, measure: Callable[[Curve], float] = final_mean) -> list[Contrast]:
    """Compare every label with the baseline, in every cell, and over all cells if they have one task.

    Runs of equal seeds are paired if that helps the study as a whole; p values are corrected for all comparisons but
    those of a run with itself. Cells whose task cannot tell networks apart are in none. Empty where no baseline is
    finished.
    """
    if len(study.compare) != 2 or study.compare[1] not in study.axes.get(study.compare[0], ()):
        return []
    axis, baseline = study.compare
    told = {label: [cell for cell in cells if tells(cell, measure)] for label, cells in study.along(axis).items()}
    arms = {label: _scores(study, cells, measure) for label, cells in told.items()}
    paired = seeds_help(cell for scores in arms.values() for cell in scores.values())
    base = arms.pop(baseline)
    found = []
    for label, scores in arms.items():
        shared = [where for where in base if where in scores and scores[where].keys() & base[where].keys()]
        together = {"": shared} if len(shared) > 1 and study.one_task else {}
        for where, cells in (together | {where: [where] for where in shared}).items():
            mine, theirs = ({cell: each[cell] for cell in cells} for each in (scores, base))
            task = next(name for name, of in study.tasks.items() if any(_where(study, each) == cells[0] for each in of))
            found.append(Contrast(label, where, task, compare(mine, theirs, study.returns_within, paired=paired)))
    return corrected(found)


def against_silent(study: Study) -> list[Contrast]:
    """Compare every cell whose task can tell networks apart with its silent bound; the p values are corrected."""
    found = []
    for cell in study.cells:
        silent = cell.bounds.get(SILENT)
        if silent is not None and CENTRAL in cell.bounds and tells(cell):
            both = ({seed: final_mean(curve) for seed, curve in each.curves.items()} for each in (cell, silent))
            mine, theirs = ({"": each} for each in both)
            if mine[""].keys() & theirs[""].keys():
                found.append(Contrast(cell.id, "", "", compare(mine, theirs, cell.returns_within)))
    return corrected(found)


def bounds_as_json(study: Study) -> list[dict[str, Any]]:
    """Return what cells are held against and what they have of it, as `dvdn-sim report --json` prints it."""
    worse = {each.label for each in against_silent(study) if each.clear and each.found.difference.value < 0.0}
    found = []
    for cell in study.cells:
        if (worth := headroom(cell)) is not None:
            part, gap = share(cell), worth.difference
            found.append({
                "cell": cell.id,
                **{kind: {"cell": each.id, "return": score(each, LAST).value} for kind, each in cell.bounds.items()},
                "random": cell.random_return,
                "headroom": {"value": gap.value, "ci95": gap.interval, "tells": tells(cell)},
                "share": None if part is None else {"value": part.value, "ci95": part.interval},
                "worse_than_silent": cell.id in worse,
            })  # fmt: skip
    return found


def corrected(found: Sequence[Contrast]) -> list[Contrast]:
    """Return comparisons with their p values corrected for their number."""
    told = {n: p for n, each in enumerate(found) if (p := each.found.p_value) is not None and not each.found.same}
    p_values = dict(zip(told, holm(list(told.values())), strict=True))
    return [replace(each, p_value=p_values.get(n), level=LEVEL / max(len(told), 1)) for n, each in enumerate(found)]


def _where(study: Study, cell: Cell) -> str:
    """Return what a cell is called on all axes but the compared one."""
    return ", ".join(f"{name}={cell.at[name]}" for name in study.varied if name != study.compare[0])


def _scores(study: Study, cells: list[Cell], measure: Callable[[Curve], float]) -> Scores:
    """Return the scores of one arm, by what its cells are called on the other axes."""
    return {_where(study, cell): {seed: measure(curve) for seed, curve in cell.curves.items()} for cell in cells}
