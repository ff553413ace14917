"""An estimate over runs and its 95 % interval, by a stratified bootstrap that knows how few seeds are.

Runs are drawn again with replacement, within each cell, and the statistic θ* is computed of each such resample. The
usual interval ends at its 2.5 % and 97.5 % quantiles (Agarwal et al. 2021). With few seeds that is too narrow:
resamples spread √((n - 1)/n) of what samples do, and an estimated spread asks for Student's quantile. Hesterberg's
expanded percentile interval (2015) moves the ends to the quantiles Φ(∓z), asks for no symmetry and stays within the
scores. Of several cells, with v_c the variance of θ* from cell c (Efron 2014; Welch and Satterthwaite),

    z = √(Σ_c v_c n_c/(n_c - 1) / Σ_c v_c) · t_0.975(ν),    ν = (Σ_c v_c)² / Σ_c v_c²/(n_c - 1)
    v_c = Σ_i cov(how often run i of c was drawn, θ*)²

Percentiles cannot say what no resample shows: where the rarest of those that differ, of probability
Π_c n_c^(-n_c v_c/max v), is likelier than Φ(-z), the interval is Student's, the estimate ± z · sd(θ*). For one cell
that is so below five seeds. `docs/statistics.md` has how often the intervals cover the truth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from dvdn_sim.statistics.scores import Floats, Scores, Strata, checked, strata
from netmodels.streams import stream

RESAMPLES = 10_000
CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1.0 + CONFIDENCE) / 2.0)

Bounds = tuple[float, float]
"""What no score can be below, and above; neither ends an interval. Infinite where nobody knows."""
UNBOUNDED: Bounds = (-math.inf, math.inf)

Ints = npt.NDArray[np.int64]
Method = Literal["expanded", "percentile"]


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval, low and high.

    The interval is None where a cell has a single run, which does not say how far runs are apart.
    """

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Band:
    """Estimates along an axis, ``[P]`` each; `low` and `high` are the ends of the interval at each point by itself.

    They are None where one of the estimates has no interval.
    """

    points: Floats
    value: Floats
    low: Floats | None
    high: Floats | None

    @classmethod
    def of(cls, points: npt.ArrayLike, found: Sequence[Estimate]) -> Self:
        """Return the band of the estimates at these points."""
        value, ends = np.array([each.value for each in found]), [each.interval for each in found]
        low, high = (None, None) if None in ends else np.array(ends, float).reshape(-1, 2).T
        return cls(np.asarray(points, float), value, low, high)


class Statistic(Protocol):
    """A number that many scores come to."""

    def __call__(self, scores: Floats, weights: Ints | None = None) -> Floats:
        """Reduce the last axis, ``[..., N]`` to ``[...]``; ``weights [N]`` are None where all count alike."""


def interquartile_mean(scores: Floats, weights: Ints | None = None) -> Floats:
    """Return the mean of the middle half: ⌊N/4⌋ scores are cut off at each end (Agarwal et al. 2021).

    With weights, the ⌊N/4⌋/N at each end of the total weight.

    >>> float(interquartile_mean(np.array([0.0, 1.0, 2.0, 100.0])))
    1.5
    """
    count = scores.shape[-1]
    cut = count // 4
    if weights is None:
        ordered = np.sort(scores, axis=-1)
        middle: Floats = ordered[..., cut : count - cut].mean(-1)
    else:
        order = np.argsort(scores, axis=-1)
        ordered = np.take_along_axis(scores, order, -1)
        # In whole numbers, so that equal weights cut off what None does.
        upper, total = np.cumsum(weights[order] * count, axis=-1), int(weights.sum())
        kept = np.diff(np.clip(upper, cut * total, (count - cut) * total), axis=-1, prepend=cut * total)
        middle = (ordered * kept).sum(-1) / ((count - 2 * cut) * total)
    # Equal scores have their own mean, to the last bit.
    return np.clip(middle, ordered[..., 0], ordered[..., -1])


def mean(scores: Floats, weights: Ints | None = None) -> Floats:
    """Return the mean of all scores.

    >>> float(mean(np.array([0.0, 1.0, 2.0, 100.0])))
    25.75
    """
    return np.clip(np.average(scores, axis=-1, weights=weights), scores.min(-1), scores.max(-1))


def estimate_scores(scores: Scores, statistic: Statistic = interquartile_mean) -> Estimate:
    """Estimate a statistic of one arm over all its cells; raises what `strata` raises."""
    return estimate(strata(scores), statistic)


def estimate(
    cells: Strata,
    statistic: Statistic = interquartile_mean,
    *,
    method: Method = "expanded",
    resamples: int = RESAMPLES,
    within: Bounds = UNBOUNDED,
) -> Estimate:
    """Estimate a statistic of the runs of all cells (``[runs]`` each) together; every cell counts alike.

    The interval is `expanded` as this module says, or the usual `percentile` of 2.5 % and 97.5 %, as others publish it;
    it ends where scores must, `within` their bounds, for Student's knows of none.
    Equal scores give equal estimates, in whatever order the runs of a cell come. Raises what `checked` raises.

    >>> estimate([np.array([0.25, 0.5, 0.625, 0.75, 0.875])]).interval
    (0.25, 0.875)
    >>> [round(end, 2) for end in estimate([np.array([0.9, 1.0])], within=(0.0, 1.0)).interval]
    [0.32, 1.0]
    >>> estimate([np.array([0.5])])
    Estimate(value=0.5, interval=None)
    """
    found = [np.sort(cell) for cell in checked(cells)]
    sizes = np.array([len(cell) for cell in found])
    scores, weights = np.concatenate(found), _weights(sizes)
    value = float(statistic(scores, weights))
    if sizes.min() < 2:
        return Estimate(value, None)
    picks = picked(tuple(sizes.tolist()), resamples)
    resampled = statistic(scores[picks], weights)
    if np.ptp(resampled) == 0.0:
        return Estimate(value, (value, value))
    spread = Spread(math.inf, 1.0, 0.0) if method == "percentile" else spread_of(sizes, picks, resampled)
    return Estimate(value, spread.interval(value, resampled, within))


def student_quantile(probability: float, dof: float) -> float:
    """Return the quantile of Student's distribution of a probability from ½ to 1, at one degree of freedom or more.

    >>> round(student_quantile(0.975, 9.0), 3)
    2.262
    """
    angles, mass = _student(dof)
    return math.sqrt(dof) * math.tan(np.interp((2.0 * probability - 1.0) * mass[-1], mass, angles))


def student_p_value(t: float, dof: float) -> float:
    """Return how probably Student's variable is as far from 0 as `t`, on either side.

    >>> round(student_p_value(2.262, 9.0), 3)
    0.05
    """
    angles, mass = _student(dof)
    return float(1.0 - np.interp(math.atan(abs(t) / math.sqrt(dof)), angles, mass) / mass[-1])


def _student(dof: float) -> tuple[Floats, Floats]:
    """Return angles φ, and the mass between -φ and φ of Student's distribution, where t = √ν tan φ.

    The density of φ is proportional to cos^(ν-1) φ, which is summed here by trapezoids.
    """
    angles = np.linspace(0.0, np.pi / 2, 4001)
    density = np.cos(angles) ** (dof - 1.0)
    return angles, np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])


def _weights(sizes: Ints) -> Ints | None:
    """Return the weight of each run, ``[N]``, that makes all cells count alike; None if all runs count alike."""
    if (sizes == sizes[0]).all():
        return None
    return np.repeat(np.lcm.reduce(sizes) // sizes, sizes)


@lru_cache(maxsize=8)
def picked(sizes: tuple[int, ...], resamples: int = RESAMPLES) -> Ints:
    """Draw runs, ``[resamples, N]``: as many of each cell as it has. Equal for all scores."""
    draws, starts = stream(0, "bootstrap"), np.cumsum([0, *sizes[:-1]])
    cells = zip(starts, sizes, strict=True)
    return np.concatenate([start + draws.integers(size, size=(resamples, size)) for start, size in cells], axis=1)


@dataclass(frozen=True)
class Spread:
    """How far resamples understate the spread of a statistic.

    Attributes:
        dof: degrees of freedom ν of its estimated variance.
        narrowness: the variance of the statistic over that of resamples.
        rarest: how probable the rarest of the resamples that differ is.
    """

    dof: float
    narrowness: float
    rarest: float

    @property
    def z(self) -> float:
        """How many standard deviations of the resamples an interval goes to each side."""
        reach = Z if math.isinf(self.dof) else student_quantile((1.0 + CONFIDENCE) / 2.0, self.dof)
        return math.sqrt(self.narrowness) * reach

    def interval(self, value: float, resampled: Floats, within: Bounds) -> tuple[float, float]:
        """Return the interval as this module says, of a statistic's value and resamples that differ."""
        level = NormalDist().cdf(-self.z)
        if level < self.rarest:
            half = self.z * float(resampled.std())
            return max(value - half, min(within[0], value)), min(value + half, max(within[1], value))
        low, high = np.quantile(resampled, [level, 1.0 - level])
        return float(low), float(high)


def spread_of(sizes: Ints, picks: Ints, resampled: Floats) -> Spread:
    """Return how far resamples of cells of these sizes understate the spread of their statistic."""
    deviations = resampled - resampled.mean()
    deviations /= np.abs(deviations).max()  # so that squares of squares are numbers, however small or large the scores
    centred = np.repeat(deviations, picks.shape[1])
    influence = np.bincount(picks.ravel(), centred, minlength=picks.shape[1]) / len(picks)
    spread = np.add.reduceat(influence**2, np.cumsum(sizes) - sizes)
    dof = spread.sum() ** 2 / (spread**2 / (sizes - 1)).sum()
    narrowness = (spread * sizes / (sizes - 1)).sum() / spread.sum()
    rarest = np.exp(-(spread / spread.max() * sizes * np.log(sizes)).sum())
    return Spread(float(dof), float(narrowness), float(rarest))


@dataclass(frozen=True)
class BestCheckpoint:
    """The return at the best checkpoint: optimistic, for comparison with published numbers only."""

    index: int  # of the checkpoint with the highest mean over seeds
    checkpoints: int  # how many there were; the paper has 41
    per_seed: Floats  # returns at the best one, [seeds]
    estimate: Estimate  # their mean and its percentile interval, which knows nothing of the choice
    held_out: Floats | None
    """Each seed's return at the checkpoint that is best for all others, ``[seeds]``; None for a single seed."""

    @property
    def optimism(self) -> float | None:
        """The part of the estimate that is due to the choice among noisy checkpoints; None for a single seed."""
        return None if self.held_out is None else self.estimate.value - float(self.held_out.mean())


def best_checkpoint(returns: Floats) -> BestCheckpoint:
    """Choose from returns ``[seeds, checkpoints]`` the checkpoint with the highest mean, the first of equal ones.

    This is how the paper's tables are made (41 checkpoints of 100 episodes, ten seeds, 10 000 resamples of the mean; it
    is spelt out in "Networked agents in the dark", AAMAS 2025). The highest of many noisy means is above what it
    estimates. Raises `ValueError` for another shape, for no values, or for values that are not finite.

    >>> found = best_checkpoint(np.array([[0.1, 0.4, 0.7], [0.3, 0.8, 0.3]]))
    >>> found.index, found.per_seed.tolist(), found.held_out.tolist()
    (1, [0.4, 0.8], [0.4, 0.3])
    """
    if returns.ndim != 2 or not returns.size:
        raise ValueError(f"returns have shape {returns.shape}; [seeds, checkpoints] expected, at least one of each")
    if not np.isfinite(returns).all():
        seed, checkpoint = np.argwhere(~np.isfinite(returns))[0]
        raise ValueError(
            f"return of row {seed} at checkpoint {checkpoint} is {returns[seed, checkpoint]}; a finite number expected"
        )
    total = returns.sum(0)
    index, seeds = int(total.argmax()), np.arange(len(returns))
    return BestCheckpoint(
        index=index,
        checkpoints=returns.shape[1],
        per_seed=returns[:, index],
        estimate=estimate([returns[:, index]], mean, method="percentile"),
        held_out=returns[seeds, (total - returns).argmax(1)] if len(seeds) > 1 else None,
    )
