"""What the records of a run come to: evaluations as curves and as one number, many runs on one grid, exchanges.

Between two evaluations a team's return is taken to be that of the earlier one: nothing better was shown. What a run
comes to is the mean of its last evaluations and the area under its curve; the best checkpoint, which published tables
have, is `dvdn_sim.statistics.best_checkpoint`, and optimistic.
"""

import math
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
    "metrics": (
        "seed", "phase", "env_steps", "updates", "episodes", "sim_time_s", "bytes_sent", "return_mean",
        "disagreement", "tracker_imbalance", "tracked_gradient",
    ),
    "network": (
        "seed", "kind", "update", "env_steps", "round_time_s", "deadline_s", "sent", "held", "late",
        "expired", "lost", "bytes", "a_eff", "jtd_relative_error", "column_sum_error",
    ),
}  # fmt: skip
"""All that a page needs of the records."""
FINAL = 0.1
"""The last share of training whose evaluations count as final."""
BINS = 40
"""Parts of training over which exchanges and gradient tracking are averaged."""
QUANTILES = (0.05, 0.5, 0.95, 0.99)
"""Of round times."""


@dataclass(frozen=True)
class Curve:
    """The evaluations of one seed of a run, ``[T]`` each, in their order; the first is from before training.

    Returns are undiscounted team returns, means over the episodes of each evaluation. `sim_time_s` and `bytes_sent` (on
    the wire, all agents) are None without a network.
    """

    returns: Floats
    env_steps: Floats
    sim_time_s: Floats | None
    bytes_sent: Floats | None

    def along(self, axis: Axis) -> Floats:
        """Return where the evaluations are on an axis, ``[T]``; `ValueError` if the run has no network for it."""
        positions: Floats | None = getattr(self, axis)
        if positions is None:
            raise ValueError(f"a run without a network has no {axis}; use env_steps")
        return positions

    def at(self, axis: Axis, points: npt.ArrayLike) -> Floats:
        """Return the return of the latest evaluation at or before each point ``[P]`` of an axis.

        Raises `ValueError` for a point before the first evaluation, or an axis that the run has not.
        """
        positions, wanted = self.along(axis), np.asarray(points, float)
        latest = np.searchsorted(positions, wanted, side="right") - 1
        if (latest < 0).any():
            raise ValueError(f"{axis} {wanted.min():g} is before the first evaluation, at {positions[0]:g}")
        return self.returns[latest]


def curves_of(run: Run) -> dict[int, Curve]:
    """Return the curve of every seed of a run.

    Raises `RunFolderError` for a seed without evaluations, or with a return that is not a finite number.
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
    """Return the return of the last evaluation."""
    return float(curve.returns[-1])


def final_mean(curve: Curve, share: float = FINAL) -> float:
    """Return the mean return of the evaluations in the last share of training, the last one always among them."""
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share of training is {share}; from 0 to 1 expected")
    end = curve.env_steps[-1]
    return float(curve.returns[(curve.env_steps > (1.0 - share) * end) | (curve.env_steps == end)].mean())


def area(curve: Curve) -> float:
    """Return the area under the curve, by trapezoids, divided by the steps: how fast it learnt.

    A run of no steps has the return of its last evaluation.
    """
    steps = float(np.ptp(curve.env_steps))
    return float(np.trapezoid(curve.returns, curve.env_steps)) / steps if steps > 0.0 else last_return(curve)


def scores_of(
    cells: Mapping[str, Sequence[Run]], measure: Callable[[Curve], float] = final_mean
) -> dict[str, dict[int, float]]:
    """Return one score per run of an arm: by cell, then by seed, as `dvdn_sim.statistics` takes them.

    Raises what `curves_of` raises, and `RunFolderError` if two runs of a cell have a seed in common.
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
    the next multiple of some steps, so that over steps they are aligned evaluation by evaluation. Raises `ValueError`
    if there are no curves, or one has no such axis.
    """
    if not curves:
        raise ValueError("no curves: at least one expected")
    shortest = min(len(curve.returns) for curve in curves)
    grid: Floats = np.max([curve.along(axis)[:shortest] for curve in curves], axis=0)
    return grid


def on_grid(curves: Sequence[Curve], axis: Axis = "env_steps", points: npt.ArrayLike | None = None) -> Floats:
    """Return the return of every curve at every point, ``[curves, P]``; by default at its `checkpoints`."""
    grid = checkpoints(curves, axis) if points is None else points
    return np.array([curve.at(axis, grid) for curve in curves])


@dataclass(frozen=True)
class LearningCurve:
    """How an arm learnt: a statistic of its runs at each point by itself, with the ends of its 95 % interval.

    All are ``[P]``; the ends are None where a cell has a single run.
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
    """Return how an arm learnt, over the runs of one or several cells; by default at the `checkpoints` of all curves.

    Raises `ValueError` for no curves, a cell without any, a point before a first evaluation, or an axis it has not.
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


@dataclass(frozen=True)
class Exchanges:
    """All exchanges of a run.

    Attributes:
        messages: By kind (`td`, `gt`), sums over seeds: exchanges, sent, held, late, expired, lost, bytes.
        round_time_s: By kind, `QUANTILES` of the time that an agent took for a round; None if it had none.
        deadline_s: By kind, the longest that an agent may wait; None for no limit.
        means: Of all exchanges of TD errors, as a run's summary has them: ``a_eff, jtd_relative_error,
            column_sum_error``; those that are no finite number left out, and all if there are no such exchanges.
        over_training: The same, one row per seed and bin: ``seed, bin, env_steps, a_eff, jtd_relative_error,
            column_sum_error, delivered_fraction``. No rows if there are none.
    """

    messages: Mapping[str, Mapping[str, int]]
    round_time_s: Mapping[str, tuple[float, ...] | None]
    deadline_s: Mapping[str, float | None]
    means: Mapping[str, float]
    over_training: pl.DataFrame


def exchanges_of(run: Run) -> Exchanges | None:
    """Return what became of a run's messages; None if there was no exchange."""
    rows = run.network
    if rows.is_empty():
        return None
    kinds = rows["kind"].unique().sort().to_list()
    of_kind = {kind: rows.filter(kind=kind) for kind in kinds}
    counted = ("sent", "held", "late", "expired", "lost", "bytes")
    td = rows.filter(kind="td")
    return Exchanges(
        messages={
            kind: {"exchanges": each.height, **each.select(pl.col(counted).sum()).row(0, named=True)}
            for kind, each in of_kind.items()
        },
        round_time_s={kind: _quantiles(each["round_time_s"]) for kind, each in of_kind.items()},
        deadline_s={kind: _largest(each["deadline_s"]) for kind, each in of_kind.items()},
        means=_finite(td.select(*_means()).row(0, named=True)),
        over_training=(
            td.with_columns(_bin("update"))
            .group_by("seed", "bin")
            .agg(pl.col("env_steps").max(), *_means(), _held())
            .sort("seed", "bin")
        ),
    )


def tracking_of(run: Run) -> pl.DataFrame | None:
    """Return how gradient tracking went, one row per seed and bin of training; None if parameters are not exchanged.

    ``seed, bin, env_steps, disagreement`` (of parameters, root of the mean square), and ``imbalance``: what is missing
    in the sum of all trackers, over the norm of the gradients' sum.
    """
    rows = run.metrics.filter(pl.col("phase") == "train", pl.col("disagreement").is_not_null())
    if rows.is_empty():
        return None
    share = (pl.col("tracker_imbalance") / pl.col("tracked_gradient").clip(1e-12)).mean().alias("imbalance")
    return (
        rows.with_columns(_bin("env_steps"))
        .group_by("seed", "bin")
        .agg(pl.col("env_steps").max(), pl.col("disagreement").mean(), share)
        .sort("seed", "bin")
    )


def _bin(column: str) -> pl.Expr:
    """Return which of `BINS` equal parts of training a row belongs to, by a column that grows with it."""
    return (pl.col(column) * BINS // (pl.col(column).max() + 1)).alias("bin")


def _means() -> tuple[pl.Expr, ...]:
    return tuple(pl.col(name).mean() for name in ("a_eff", "jtd_relative_error", "column_sum_error"))


def _held() -> pl.Expr:
    return (pl.col("held").sum() / pl.col("sent").sum()).alias("delivered_fraction")


def _finite(means: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in means.items() if value is not None and math.isfinite(value)}


def _quantiles(round_time_s: pl.Series) -> tuple[float, ...] | None:
    times = round_time_s.explode().drop_nulls()
    if times.is_empty():
        return None
    return tuple(float(times.quantile(each, "linear")) for each in QUANTILES)  # type: ignore[arg-type]


def _largest(deadline_s: pl.Series) -> float | None:
    largest = deadline_s.max()
    return float(largest) if isinstance(largest, float) else None
