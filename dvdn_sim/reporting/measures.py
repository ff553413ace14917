"""What a cell comes to: every number that a table or a map of cells may show, one value for each cell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dvdn_sim.reporting.curves import Axis, Curve, area, checkpoints, final_mean, on_grid
from dvdn_sim.reporting.study import Cell
from dvdn_sim.statistics import BestCheckpoint, Estimate, best_checkpoint, estimate


@lru_cache(maxsize=1024)
def _estimate(scores: tuple[float, ...]) -> Estimate:
    return estimate([np.array(scores)])


LAST, WHOLE = "last tenth of training", "mean over training"
SCORES: Mapping[str, Callable[[Curve], float]] = {LAST: final_mean, WHOLE: area}
"""What a run comes to, in the order in which it is offered."""


def seed_scores(cell: Cell, counted: str) -> list[float]:
    """Return what every seed of a cell came to, by a name in `SCORES`."""
    return [SCORES[counted](curve) for curve in cell.curves.values()]


def score(cell: Cell, counted: str) -> Estimate:
    """Interquartile mean over seeds."""
    return _estimate(tuple(seed_scores(cell, counted)))


def final(cell: Cell) -> Estimate:
    """Interquartile mean over seeds of the return in the last tenth of training."""
    return score(cell, LAST)


def whole(cell: Cell) -> Estimate:
    """The same of the mean return over training, the area under the curve."""
    return score(cell, WHOLE)


def best(cell: Cell) -> BestCheckpoint:
    """The paper's protocol, which is optimistic."""
    curves = list(cell.curves.values())
    return best_checkpoint(on_grid(curves, "env_steps", checkpoints(curves)))


@dataclass(frozen=True)
class Measure:
    """A number of a cell.

    Attributes:
        name: what it is called.
        format: how it is written, as Python formats numbers.
        of: the number; None for a cell that has none.
    """

    name: str
    format: str
    of: Callable[[Cell], float | None]

    def text(self, cell: Cell) -> str:
        """The number as it is shown."""
        value = self.of(cell)
        return "" if value is None else format(value, self.format)


def _mean_of(column: str) -> Callable[[Cell], float | None]:
    def found(cell: Cell) -> float | None:
        return None if cell.exchanges is None else cell.exchanges.means.get(column)

    return found


def _delivered(cell: Cell) -> float | None:
    if cell.exchanges is None:
        return None
    sent, held = (sum(each[name] for each in cell.exchanges.messages.values()) for name in ("sent", "held"))
    return held / sent if sent else None


def _at_the_end(axis: Axis, unit: float) -> Callable[[Cell], float | None]:
    """Return where training ended on an axis, a mean over seeds; None without a network."""

    def found(cell: Cell) -> float | None:
        try:
            return unit * float(np.mean([curve.along(axis)[-1] for curve in cell.curves.values()]))
        except ValueError:
            return None

    return found


A_EFF = Measure("a_eff", ".3f", _mean_of("a_eff"))
MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("return", ".2f", lambda cell: final(cell).value),
        Measure("mean return over training", ".2f", lambda cell: whole(cell).value),
        A_EFF,
        Measure("error about the true JTD", ".0%", _mean_of("jtd_relative_error")),
        Measure("held in time", ".1%", _delivered),
        Measure("megabytes sent by each seed", ".1f", _at_the_end("bytes_sent", 1e-6)),
        Measure("simulated time of each seed (s)", ".0f", _at_the_end("sim_time_s", 1.0)),
    )
}
"""By name, in the order in which they are offered."""
