"""The evaluations of runs: as curves, as one number per run, and many runs on one grid.

Between two evaluations a team's return is taken to be that of the earlier one: nothing better was shown. What a run
comes to is the mean of its last evaluations and the area under its curve; the best checkpoint, which published tables
have, is `dvdn_sim.statistics.best_checkpoint`, and optimistic.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import Columns, Run
from dvdn_sim.statistics import RESAMPLES, Floats, Statistic, estimate, interquartile_mean

Axis = Literal["env_steps", "sim_time_s", "bytes_sent"]
COLUMNS: Columns = {
    "metrics": ("seed", "phase", "env_steps", "sim_time_s", "bytes_sent", "return_mean"),
    "network": (),
}
"""All that curves need of the records."""
FINAL = 0.1
"""The last share of training whose evaluations count as final."""


@dataclass(frozen=True)
class Curve:
    """The evaluations of one seed of a run, in their order; the first is from before training.

    Attributes:
        returns: Undiscounted team returns, means over the episodes of each evaluation, ``[T]``.
        env_steps: Steps of training by then, ``[T]``.
        sim_time_s: Simulated seconds by then, ``[T]``; None without a network.
        bytes_sent: Bytes on the wire by then, all agents, ``[T]``; None without a network.
    """

    returns: Floats
    env_steps: Floats
    sim_time_s: Floats | None
    bytes_sent: Floats | None

    def along(self, axis: Axis) -> Floats:
        """Where the evaluations are on an axis, ``[T]``.

        Raises:
            ValueError: The run had no network, and so has no such axis.
        """
        positions: Floats | None = getattr(self, axis)
        if positions is None:
            raise ValueError(f"a run without a network has no {axis}; use env_steps")
        return positions

    def at(self, axis: Axis, points: npt.ArrayLike) -> Floats:
        """Return of the latest evaluation at or before each point; after the last one, that of the last.

        Args:
            axis: What the points are on.
            points: ``[P]``, in the unit of the axis.

        Raises:
            ValueError: A point before the first evaluation, or no such axis.
        """
        positions, wanted = self.along(axis), np.asarray(points, float)
        latest = np.searchsorted(positions, wanted, side="right") - 1
        if (latest < 0).any():
            raise ValueError(f"{axis} {wanted.min():g} is before the first evaluation, at {positions[0]:g}")
        return self.returns[latest]


def curves_of(run: Run) -> dict[int, Curve]:
    """Return the curve of every seed of a run, which holds `COLUMNS` at least.

    Raises:
        RunFolderError: A seed without evaluations, or with a return that is not a finite number.
    """
    rows = run.metrics.filter(phase="evaluation")
    return {seed: _curve(rows.filter(seed=seed).sort("env_steps"), f"{run.path}, seed {seed}") for seed in run.seeds}


def _curve(rows: pl.DataFrame, whose: str) -> Curve:
    if rows.is_empty():
        raise RunFolderError(f"{whose}: no evaluation was recorded")
    returns, env_steps = rows["return_mean"].to_numpy(), rows["env_steps"].to_numpy()
    unsound = np.flatnonzero(~np.isfinite(returns))
    if unsound.size:
        first = unsound[0]
        raise RunFolderError(f"{whose}: the return at step {env_steps[first]} is {returns[first]}")
    time, sent = (None if rows[name].null_count() else rows[name].to_numpy().astype(float)
                  for name in ("sim_time_s", "bytes_sent"))  # fmt: skip
    return Curve(returns, env_steps.astype(float), time, sent)


def last_return(curve: Curve) -> float:
    """Return of the last evaluation."""
    return float(curve.returns[-1])


def final_mean(curve: Curve, share: float = FINAL) -> float:
    """Mean return of the evaluations in the last share of training, the last one always among them.

    Raises:
        ValueError: A share that is not between 0 and 1.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share of training is {share}; from 0 to 1 expected")
    end = curve.env_steps[-1]
    return float(curve.returns[(curve.env_steps > (1.0 - share) * end) | (curve.env_steps == end)].mean())


def area(curve: Curve) -> float:
    """Mean return over training: the area under the curve, by trapezoids, divided by the steps. How fast it learnt.

    A run of no steps has the return of its last evaluation.
    """
    steps = float(np.ptp(curve.env_steps))
    return float(np.trapezoid(curve.returns, curve.env_steps)) / steps if steps > 0.0 else last_return(curve)


def scores_of(
    cells: Mapping[str, Sequence[Run]], measure: Callable[[Curve], float] = final_mean
) -> dict[str, dict[int, float]]:
    """Return one score per run: by cell, then by seed, as `dvdn_sim.statistics` takes them.

    Args:
        cells: The runs of one arm; those of a cell have different seeds.
        measure: What counts: `final_mean`, `area` or `last_return`.

    Raises:
        RunFolderError: What `curves_of` refuses, or two runs of a cell have a seed in common.
    """
    scores: dict[str, dict[int, float]] = {}
    for cell, runs in cells.items():
        found = scores.setdefault(cell, {})
        for run in runs:
            twice = found.keys() & set(run.seeds)
            if twice:
                raise RunFolderError(f"cell {cell}: seed {min(twice)} is in {run.path} and in another run before it")
            found.update({seed: measure(curve) for seed, curve in curves_of(run).items()})
    return scores


def checkpoints(curves: Sequence[Curve], axis: Axis = "env_steps") -> Floats:
    """Return a grid on which every curve has made its k-th evaluation by the k-th point, ``[P]``.

    It has as many points as the curve with the fewest evaluations. Seeds are evaluated after the episode that reaches
    the next multiple of some steps, so that over steps they are aligned evaluation by evaluation.

    Raises:
        ValueError: No curves, or no such axis.
    """
    if not curves:
        raise ValueError("no curves: at least one expected")
    shortest = min(len(curve.returns) for curve in curves)
    grid: Floats = np.max([curve.along(axis)[:shortest] for curve in curves], axis=0)
    return grid


def on_grid(curves: Sequence[Curve], axis: Axis = "env_steps", points: npt.ArrayLike | None = None) -> Floats:
    """Return of every curve at every point, ``[curves, P]``; by default at its `checkpoints`.

    Raises:
        ValueError: A point before a first evaluation, or what `checkpoints` refuses.
    """
    grid = checkpoints(curves, axis) if points is None else points
    return np.array([curve.at(axis, grid) for curve in curves])


@dataclass(frozen=True)
class LearningCurve:
    """How an arm learnt: a statistic of its runs, at each point by itself.

    Attributes:
        points: On the axis, ``[P]``.
        value: Of the runs there are, ``[P]``.
        low: Lower end of the 95 % interval, ``[P]``; None where a cell has a single run.
        high: Its upper end.
    """

    points: Floats
    value: Floats
    low: Floats | None
    high: Floats | None


def learning_curve(
    cells: Sequence[Sequence[Curve]],
    axis: Axis = "env_steps",
    points: npt.ArrayLike | None = None,
    statistic: Statistic = interquartile_mean,
    *,
    resamples: int = RESAMPLES,
) -> LearningCurve:
    """Return how an arm learnt, over the runs of one or several cells.

    Args:
        cells: Curves of one arm, cell by cell.
        axis: What it learnt over.
        points: Where, ``[P]``; by default at the `checkpoints` of all curves.
        statistic: Over runs.
        resamples: Of the bootstrap, at each point.

    Raises:
        ValueError: No curves, a cell without any, a point before a first evaluation, or no such axis.
    """
    if not all(cells):
        raise ValueError(f"no curves in one of {len(cells)} cells: at least one of each expected")
    everyone = [curve for curves in cells for curve in curves]
    grid = checkpoints(everyone, axis) if points is None else np.asarray(points, float)
    returns = [on_grid(curves, axis, grid) for curves in cells]
    found = [
        estimate([each[:, point] for each in returns], statistic, resamples=resamples) for point in range(len(grid))
    ]
    value, ends = np.array([each.value for each in found]), [each.interval for each in found]
    if any(end is None for end in ends):
        return LearningCurve(grid, value, None, None)
    low, high = np.array(ends, float).reshape(-1, 2).T
    return LearningCurve(grid, value, low, high)
