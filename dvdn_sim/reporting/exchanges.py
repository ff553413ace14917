"""What became of a run's messages and of what they carried: totals, and how it went over training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from dvdn_sim.records import Columns, Run

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
BINS = 40
"""Points of a course over training."""
QUANTILES = (0.05, 0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Exchanges:
    """All exchanges of a run.

    Attributes:
        messages: by kind (`td`, `gt`), sums over seeds: exchanges, sent, held, late, expired, lost, bytes.
        round_time_s: by kind, quantiles of the time that an agent took for a round: `QUANTILES`; None if it had none.
        deadline_s: by kind, the longest that an agent may wait; None for no limit.
        means: of all exchanges of TD errors, as a run's summary has them: ``a_eff, jtd_relative_error,
            column_sum_error``; those that are no finite number left out, and all if there are no such exchanges.
        course: of the same over training, one row per seed and bin: ``seed, bin, env_steps, a_eff, jtd_relative_error,
            column_sum_error, delivered_fraction``. No rows if there are none.
    """

    messages: Mapping[str, Mapping[str, int]]
    round_time_s: Mapping[str, tuple[float, ...] | None]
    deadline_s: Mapping[str, float | None]
    means: Mapping[str, float]
    course: pl.DataFrame


def exchanges_of(run: Run) -> Exchanges | None:
    """Return what became of a run's messages; None if there was no exchange.

    Args:
        run: with `COLUMNS` of its records.
    """
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
        course=(
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
    """Which of `BINS` equal parts of training a row belongs to, by a column that grows with it."""
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
