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
import polars as pl

from dvdn_sim.errors import RunFolderError
from dvdn_sim.records import Columns, Run
from dvdn_sim.statistics import UNBOUNDED, Band, Bounds, Floats, estimate

Axis = Literal["env_steps", "sim_time_s", "bytes_sent"]
COUNTED = ("sent", "held", "late", "expired", "lost", "bytes")
MEANS = ("a_eff", "jtd_relative_error", "column_sum_error")
COLUMNS: Columns = {
    "metrics": (
        "seed", "phase", "env_steps", "updates", "episodes", "sim_time_s", "bytes_sent", "return_mean",
        "disagreement", "tracker_imbalance", "tracked_gradient",
    ),
    "network": ("seed", "kind", "update", "env_steps", "round_time_s", "deadline_s", *COUNTED, *MEANS),
}  # fmt: skip
"""All that a page needs of the records."""
FINAL = 0.1
"""The last share of training whose evaluations count as final."""
BINS = 40
"""Parts of training over which exchanges and gradient tracking are averaged."""
QUANTILES = (0.05, 0.5, 0.95, 0.99)
"""Of round times."""
RESAMPLES = 2000
"""Of each point of a learning curve."""


@dataclass(frozen=True)
class Curve:
    """The evaluations of one seed of a run, in their order; the first is from before training."""

    returns: Floats
    """Undiscounted team returns, means over the episodes of each evaluation, ``[T]``."""
    along: Mapping[Axis, Floats]
    """Where the evaluations are on an axis, ``[T]``; without a network there are environment steps alone."""


def curves_of(run: Run) -> dict[int, Curve]:
    """Return the curve of every seed of a run.

    Raises `RunFolderError` for a seed without evaluations, or with a return that is not a finite number.
    """
    rows = run.metrics.filter(phase="evaluation")
    return {seed: _curve(rows.filter(seed=seed).sort("env_steps"), f"{run.path}, seed {seed}") for seed in run.seeds}


def _curve(rows: pl.DataFrame, whose: str) -> Curve:
    if rows.is_empty():
        raise RunFolderError(f"{whose}: no evaluation was recorded")
    if wrong := rows.filter(~pl.col("return_mean").is_finite().fill_null(value=False)).rows(named=True):
        raise RunFolderError(f"{whose}: the return at step {wrong[0]['env_steps']} is {wrong[0]['return_mean']}")
    axes: tuple[Axis, ...] = ("env_steps", "sim_time_s", "bytes_sent")
    along = {axis: rows[axis].to_numpy().astype(float) for axis in axes if not rows[axis].null_count()}
    return Curve(rows["return_mean"].to_numpy(), along)


def final_mean(curve: Curve) -> float:
    """Return the mean return of the evaluations in the last tenth of training, the last one always among them."""
    steps = curve.along["env_steps"]
    return float(curve.returns[(steps > (1.0 - FINAL) * steps[-1]) | (steps == steps[-1])].mean())


def area(curve: Curve) -> float:
    """Return the area under the curve, by trapezoids, divided by the steps: how fast it learnt.

    A run of no steps has the return of its last evaluation.
    """
    steps = curve.along["env_steps"]
    length = float(np.ptp(steps))
    return float(np.trapezoid(curve.returns, steps)) / length if length > 0.0 else float(curve.returns[-1])


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


def on_grid(curves: Sequence[Curve], axis: Axis = "env_steps") -> tuple[Floats, Floats]:
    """Return a grid ``[P]`` and the return of every curve at each of its points, ``[curves, P]``.

    Every curve has made its k-th evaluation by the k-th point; there are as many points as the curve with the fewest
    evaluations has. Seeds are evaluated after the episode that reaches the next multiple of some steps, so that over
    steps they are aligned evaluation by evaluation. Raises `ValueError` if there are no curves.
    """
    if not curves:
        raise ValueError("no curves: at least one expected")
    shortest = min(len(curve.returns) for curve in curves)
    grid = np.max([curve.along[axis][:shortest] for curve in curves], axis=0)
    latest = [np.searchsorted(curve.along[axis], grid, side="right") - 1 for curve in curves]
    return grid, np.array([curve.returns[at] for curve, at in zip(curves, latest, strict=True)])


def learning_curve(curves: Sequence[Curve], axis: Axis = "env_steps", within: Bounds = UNBOUNDED) -> Band:
    """Return how the runs of a cell learnt: their interquartile mean on their grid, each point by itself."""
    grid, returns = on_grid(curves, axis)
    return Band.of(grid, [estimate([each], resamples=RESAMPLES, within=within) for each in returns.T])


@dataclass(frozen=True)
class Exchanges:
    """All exchanges of a run; by kind (`td`, `gt`) where nothing else is said."""

    messages: Mapping[str, Mapping[str, int]]
    """Sums over seeds: exchanges, sent, held, late, expired, lost, bytes."""
    round_time_s: Mapping[str, tuple[float, ...] | None]
    """`QUANTILES` of the time that an agent took for a round; None if it had none."""
    deadline_s: Mapping[str, float | None]
    """The longest that an agent may wait; None for no limit."""
    means: Mapping[str, float]
    """`MEANS` of all exchanges of TD errors, as a run's summary has them, as far as they are finite numbers."""
    over_training: pl.DataFrame
    """The same, one row per seed and bin, with ``seed, bin, env_steps`` and ``delivered_fraction``."""


def exchanges_of(run: Run) -> Exchanges | None:
    """Return what became of a run's messages; None if there was no exchange."""
    rows = run.network
    if rows.is_empty():
        return None
    of_kind = {kind: rows.filter(kind=kind) for kind in rows["kind"].unique().sort()}
    td, means = rows.filter(pl.col("seed").is_in(run.seeds), kind="td"), [pl.col(name).mean() for name in MEANS]
    delivered = (pl.col("held").sum() / pl.col("sent").sum()).alias("delivered_fraction")
    found = td.select(*means).row(0, named=True)
    return Exchanges(
        messages={
            kind: {"exchanges": each.height, **each.select(pl.col(COUNTED).sum()).row(0, named=True)}
            for kind, each in of_kind.items()
        },
        round_time_s={kind: _quantiles(each["round_time_s"]) for kind, each in of_kind.items()},
        deadline_s={kind: each.select(pl.col("deadline_s").max()).item() for kind, each in of_kind.items()},
        means={name: value for name, value in found.items() if value is not None and math.isfinite(value)},
        over_training=_by_bin(td, "update", *means, delivered),
    )


def tracking_of(run: Run) -> pl.DataFrame | None:
    """Return how gradient tracking went, one row per seed and bin of training; None if parameters are not exchanged.

    ``seed, bin, env_steps, disagreement`` (of parameters, root of the mean square), and ``imbalance``: what is missing
    in the sum of all trackers, over the norm of the gradients' sum.
    """
    rows = run.metrics.filter(pl.col("phase") == "train", pl.col("disagreement").is_not_null())
    rows = rows.filter(pl.col("seed").is_in(run.seeds))
    if rows.is_empty():
        return None
    share = (pl.col("tracker_imbalance") / pl.col("tracked_gradient").clip(1e-12)).mean().alias("imbalance")
    return _by_bin(rows, "env_steps", pl.col("disagreement").mean(), share)


def _by_bin(rows: pl.DataFrame, column: str, *found: pl.Expr) -> pl.DataFrame:
    """Return what is found in each of `BINS` equal parts of training, told by a column that grows with it."""
    part = (pl.col(column) * BINS // (pl.col(column).max() + 1)).alias("bin")
    grouped = rows.with_columns(part).group_by("seed", "bin")
    return grouped.agg(pl.col("env_steps").max(), *found).sort("seed", "bin")


def _quantiles(round_time_s: pl.Series) -> tuple[float, ...] | None:
    times = round_time_s.explode().drop_nulls().to_frame("s")
    quantiles = [pl.col("s").quantile(each, "linear").alias(str(each)) for each in QUANTILES]
    return None if times.is_empty() else times.select(*quantiles).row(0)
