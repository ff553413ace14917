"""What a cell comes to: every number that a table or a map of cells may show, one value for each cell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dvdn_sim.reporting.curves import area, checkpoints, final_mean, on_grid
from dvdn_sim.reporting.study import Cell
from dvdn_sim.statistics.bootstrap import Estimate, estimate
from dvdn_sim.statistics.checkpoints import BestCheckpoint, best_checkpoint


@lru_cache(maxsize=1024)
def _estimate(scores: tuple[float, ...]) -> Estimate:
    return estimate([np.array(scores)])


def final(cell: Cell) -> Estimate:
    """Interquartile mean over seeds of the return in the last tenth of training."""
    return _estimate(tuple(final_mean(curve) for curve in cell.curves.values()))


def whole(cell: Cell) -> Estimate:
    """The same of the mean return over training, the area under the curve."""
    return _estimate(tuple(area(curve) for curve in cell.curves.values()))


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


def _megabytes(cell: Cell) -> float | None:
    ends = [curve.bytes_sent for curve in cell.curves.values()]
    return (
        None
        if any(each is None for each in ends)
        else float(np.mean([each[-1] for each in ends if each is not None])) / 1e6
    )


def _simulated(cell: Cell) -> float | None:
    ends = [curve.sim_time_s for curve in cell.curves.values()]
    return (
        None if any(each is None for each in ends) else float(np.mean([each[-1] for each in ends if each is not None]))
    )


RETURN = Measure("return", ".2f", lambda cell: final(cell).value)
A_EFF = Measure("a_eff", ".3f", _mean_of("a_eff"))
MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        RETURN,
        Measure("mean return over training", ".2f", lambda cell: whole(cell).value),
        A_EFF,
        Measure("error about the true JTD", ".0%", _mean_of("jtd_relative_error")),
        Measure("held in time", ".1%", _delivered),
        Measure("megabytes sent by each seed", ".1f", _megabytes),
        Measure("simulated time of each seed (s)", ".0f", _simulated),
    )
}
"""By name, in the order in which they are offered."""
