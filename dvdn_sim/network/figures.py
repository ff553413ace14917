"""Figures with standard errors, and how each was found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.theory.exact import standard_errors
from dvdn_sim.consensus.theory.trajectory import Trajectory

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """One figure, or one for every round.

    Attributes:
        value: The figure.
        error: Its standard error; 0 where nothing was sampled, not a number where only one sample was taken.
        how: `closed`, `enumerated`, `sampled` or `measured`.
    """

    value: float | tuple[float, ...]
    error: float | tuple[float, ...]
    how: str

    @classmethod
    def of(cls, value: float | Floats, error: float | Floats, how: str) -> "Figure":
        """From numbers or arrays ``[K]``."""
        return cls(_plain(value), _plain(error), how)


def path_figures(paths: Trajectory, how: str) -> dict[str, Figure]:
    """Figures of trajectories ``[n, K]``."""
    return figures_of(mean_path(paths), standard_errors(paths), how)


def figures_of(path: Trajectory, errors: Trajectory, how: str) -> dict[str, Figure]:
    """Figures of a trajectory ``[K]``, by their names in JSON."""
    return {
        "a_eff": Figure.of(path.a_eff[-1], errors.a_eff[-1], how),
        "mse_after_rounds": Figure.of(path.mse, errors.mse, how),
        "disagreement_after_rounds": Figure.of(path.disagreement, errors.disagreement, how),
        "mean_drift_var": Figure.of(path.drift[-1], errors.drift[-1], how),
    }


def mean_figure(samples: Floats, how: str) -> Figure:
    """A mean, and s/√n."""
    error = samples.std(ddof=1) / np.sqrt(len(samples)) if len(samples) > 1 else np.nan
    return Figure.of(samples.mean(), error, how)


def ratio_figure(parts: Floats, wholes: Floats, how: str) -> Figure:
    """Σ parts / Σ wholes, and its standard error by linearisation (Cochran, Sampling Techniques, §2.11)."""
    if not wholes.any():
        return Figure.of(1.0, 0.0, how)
    ratio = parts.sum() / wholes.sum()
    off = parts - ratio * wholes
    error = off.std(ddof=1) / np.sqrt(len(off)) / wholes.mean() if len(off) > 1 else np.nan
    return Figure.of(ratio, error, how)


def quantile_figures(durations_ns: npt.NDArray[np.int64], how: str) -> dict[str, Figure]:
    """The median and the 99% quantile of round times."""
    p50, p99 = np.quantile(durations_ns, [0.5, 0.99], method="inverted_cdf") * 1e-9
    return {"round_time_p50_s": Figure.of(p50, 0.0, how), "round_time_p99_s": Figure.of(p99, 0.0, how)}


def mean_path(paths: Trajectory) -> Trajectory:
    """The mean of trajectories ``[n, K]``."""
    count = len(paths.mse)
    return paths.averaged(np.full(count, 1.0 / count))


def _plain(value: float | Floats | Sequence[float]) -> float | tuple[float, ...]:
    array = np.asarray(value, float)
    return float(array) if array.ndim == 0 else tuple(array.tolist())
