"""Compare arms: differences, whether seeds could have shown them, how often one arm beats another, shares of runs.

A difference is that of interquartile means, a mean over cells. Its interval is the bootstrap's of this package, its p
value Student's of the same standard error and degrees of freedom,

    t = difference/√(c · var(θ*)),    p = max(P(|T_ν| > |t|), least)

with c, ν of `bootstrap`. The second is the least p value that such runs can have, whatever the scores are
(`least_p_value`). Many p values of one study are corrected together (`holm`).

Runs of equal seeds begin alike. Where the scores show it (`seeds_help`), both arms are resampled by the same seeds and
what these share cancels; elsewhere each by its own, for pairs then cost half of the degrees of freedom for nothing. Of
a pair of arms the choice is made by the correlation, which says nothing of the difference of means. Cells in which one
arm has the same runs, to the last bit, are one cell, with the mean of what the other arm has there; cells in which both
arms have the same runs differ by 0, and that is known.

Intervals of proportions are Wilson's (1927). A bootstrap of a proportion near 0 or 1 shows next to no spread: of five
seeds against five, of which one arm wins 98 % in truth, 22 % of its intervals cover that. Wilson's needs how many
independent trials the proportion is worth, which is p(1 - p)/v for an estimated variance v (Kish 1965; Korn and
Graubard 1998), and the number of runs where all are on one side and v = 0. From five seeds on it covers improvements
from 0.5 to 0.98 in 95 to 98 of a hundred experiments, in one cell and in ten, and profiles in 91 to 98
(`tests/soak/coverage.py`).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from dvdn_sim.statistics.bootstrap import (
    UNBOUNDED,
    Band,
    Bounds,
    Estimate,
    Ints,
    Z,
    interquartile_mean,
    picked,
    spread_of,
    student_p_value,
    student_quantile,
)
from dvdn_sim.statistics.scores import Floats, Pairing, Scores, Strata, checked, pair, strata

LEVEL = 0.05
"""How often something is called clear where there is nothing."""
POWER = 0.8
"""How often what is detectable is called clear."""
CHANCE = NormalDist().inv_cdf(0.99)
"""How many standard errors a correlation is above none before it is believed."""


@dataclass(frozen=True)
class Comparison:
    """How much better one arm is than another, and which runs were compared."""

    difference: Estimate
    """Of the interquartile means, a mean over cells."""
    probability_of_improvement: Estimate
    """That a run of the first arm beats one of the second, whatever their seeds; of the runs that have a partner."""
    pairing: Pairing
    paired: bool  # whether runs of equal seeds were resampled together
    sizes: tuple[int, ...]  # pairs of each cell, of runs that are no other's repetition, nor each other's
    error: float | None  # standard error of the difference; None where a cell has a single seed
    dof: float = math.inf  # degrees of freedom of the error

    @property
    def pairs(self) -> int:
        """How many pairs of such runs there are, in all cells."""
        return sum(self.sizes)

    @property
    def least(self) -> float:
        """The least p value that the comparison could have had."""
        return least_p_value(*self.sizes, paired=self.paired)

    @property
    def p_value(self) -> float | None:
        """How probable a difference as large is between equal arms; None where there is no telling."""
        if self.error is None:
            return None
        if self.difference.value == 0.0 or self.error == 0.0:
            return 1.0 if self.difference.value == 0.0 else self.least
        return max(student_p_value(self.difference.value / self.error, self.dof), self.least)

    @property
    def same(self) -> bool:
        """Whether both arms have the same runs, so that there is nothing to find out."""
        return self.difference.value == 0.0 and self.error == 0.0

    def detectable(self, level: float = LEVEL) -> float | None:
        """Return the difference that is found at a level four times in five; None where so few pairs show none."""
        if self.error is None or self.least > level:
            return None
        return self.error * (student_quantile(1.0 - level / 2.0, self.dof) + student_quantile(POWER, self.dof))


def least_p_value(*sizes: int, paired: bool = True) -> float:
    """Return the least p value of so many pairs in each cell.

    In pairs it is that of a sign test, 2/2^n: all differences have one sign. Else it is that of a rank test within
    cells, 2/Π C(2n_c, n_c): all runs of one arm are above all of the other. Five pairs never reach 5 % by either rule,
    because an interval of five runs is their smallest and their largest.

    >>> [least_p_value(pairs) for pairs in (1, 5, 6)]
    [1.0, 0.0625, 0.03125]
    >>> [round(least_p_value(pairs, paired=False), 4) for pairs in (5, 6)]
    [0.0625, 0.0022]
    """
    signs = min(1.0, 2.0 ** (1 - sum(sizes)))
    return signs if paired or signs > LEVEL else 2.0 / math.prod(math.comb(2 * size, size) for size in sizes)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979).

    Whoever calls clear what is then at most 5 % is wrong in at most 5 % of studies, be it once or many times.

    >>> holm([0.5, 0.0125, 0.02, 0.03])
    [0.5, 0.05, 0.06, 0.06]
    """
    found, worst, left = [0.0] * len(p_values), 0.0, len(p_values)
    for index in np.argsort(p_values, kind="stable"):
        worst = max(worst, min(left * p_values[index], 1.0))
        found[index], left = worst, left - 1
    return found


def seeds_help(cells: Iterable[Mapping[int, float]]) -> bool:
    """Return whether runs of equal seeds are so alike that comparing them in pairs shows more.

    That is where the mean correlation r over all pairs of C cells is more than the lost degrees of freedom cost, and
    more than chance makes it in one case of a hundred, by Fisher's transform for such means (1925),

        z = ½ ln((1 + (C - 1) r)/(1 - r)),    variance C/(2 (C - 1)(n - 3)) if there is none, with n seeds

    Cells that have the same runs count once.

    >>> luck = [0.1, 0.9, 0.4, 0.6, 0.3, 0.8, 0.2, 0.7]
    >>> shared = [{seed: score + shift for seed, score in enumerate(luck)} for shift in (0.0, 0.1)]
    >>> seeds_help(shared), seeds_help([shared[0], dict(enumerate(luck[::-1]))])
    (True, False)
    """
    distinct = list({tuple(sorted(cell.items())): cell for cell in cells}.values())
    seeds = sorted(set.intersection(*(set(cell) for cell in distinct))) if distinct else []
    if len(seeds) < 4:
        return False
    scores = np.array([[cell[seed] for seed in seeds] for cell in distinct])
    scores = scores[np.ptp(scores, axis=1) > 0.0]
    count, dof = len(scores), len(seeds) - 1
    if count < 2:
        return False
    standard = (scores - scores.mean(1, keepdims=True)) / scores.std(1, ddof=1, keepdims=True)
    correlation = (float((standard.sum(0) ** 2).sum()) / dof - count) / (count * (count - 1))
    cost = 1.0 - (student_quantile(0.975, 2.0 * dof) / student_quantile(0.975, dof)) ** 2
    z = 0.5 * math.log((1.0 + (count - 1) * correlation) / max(1.0 - correlation, 1e-12)) if correlation > cost else 0.0
    return z > CHANCE * math.sqrt(count / (2.0 * (count - 1) * (dof - 2)))


def compare(scores: Scores, other: Scores, within: Bounds = UNBOUNDED, *, paired: bool | None = None) -> Comparison:
    """Compare two arms, first minus second, on the cells and seeds that both have; their scores have bounds, maybe.

    Equal seeds are taken in pairs where that is said, or else where it helps these arms. Raises what `strata` raises,
    and `ValueError` if no run has a partner.

    >>> found = compare({"a": {0: 0.5, 1: 0.75, 2: 1.0}}, {"a": {0: 0.25, 1: 0.5, 5: 0.0}})
    >>> found.difference.value, found.pairing.pairs, found.pairing.alone, found.pairing.alone_other
    (0.25, 2, {'a': (2,)}, {'a': (5,)})
    """
    strata(scores), strata(other)
    pairing = pair(scores, other)
    if not pairing.seeds:
        runs = f"{_runs_in_words(scores)}, and {_runs_in_words(other)}"
        raise ValueError(f"no run of one arm has a partner in the other: {runs}")
    x, y = (strata({cell: {seed: arm[cell][seed] for seed in seeds} for cell, seeds in pairing.seeds.items()})
            for arm in (scores, other))  # fmt: skip
    if paired is None:
        paired = seeds_help([cell for arm in (scores, other) for cell in arm.values()])
    cells = _distinct(list(zip(x, y, strict=True)))
    sizes = tuple(len(a) for a, b in cells if not np.array_equal(a, b))
    improvement = probability_of_improvement(*zip(*cells, strict=True))
    value = float(np.mean([interquartile_mean(a) - interquartile_mean(b) for a, b in cells]))
    if min(len(a) for a, _ in cells) < 2:
        return Comparison(Estimate(value, None), improvement, pairing, paired, sizes, None)
    drawn = resample(cells, paired=paired)
    ends, error, dof = drawn.interval(
        value, drawn.arms[0] - drawn.arms[1], (within[0] - within[1], within[1] - within[0])
    )
    return Comparison(Estimate(value, ends), improvement, pairing, paired, sizes, error, dof)


def _distinct(cells: Sequence[tuple[Floats, Floats]]) -> list[tuple[Floats, Floats]]:
    """Return the cells with those made one in which an arm has the same runs; runs that are all alike show nothing."""
    groups: list[list[tuple[Floats, Floats]]] = []
    for cell in cells:
        alike = [group for group in groups if any(_share_an_arm(cell, other) for other in group)]
        groups = [group for group in groups if not any(group is each for each in alike)]
        groups.append([cell, *(each for group in alike for each in group)])
    return [(_mean_of_distinct(x for x, _ in group), _mean_of_distinct(y for _, y in group)) for group in groups]


def _share_an_arm(cell: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> bool:
    return any(np.array_equal(mine, its) and np.ptp(mine) > 0.0 for mine, its in zip(cell, other, strict=True))


def _mean_of_distinct(arms: Iterable[Floats]) -> Floats:
    found: Floats = np.unique(np.array(list(arms)), axis=0).mean(0)
    return found


@dataclass(frozen=True)
class Resampled:
    """Interquartile means of some arms, means over cells, in every resample.

    Attributes:
        arms: by arm, ``[arms, resamples]``.
        sizes: runs that were drawn from each other, of every group.
        picks: which were drawn.
    """

    arms: Floats
    sizes: Ints
    picks: Ints

    def interval(self, value: float, resampled: Floats, within: Bounds) -> tuple[tuple[float, float], float, float]:
        """Return the interval of what is made of the arms, its standard error and the error's degrees of freedom."""
        if np.ptp(resampled) == 0.0:
            return (value, value), 0.0, math.inf
        spread = spread_of(self.sizes, self.picks, resampled)
        error = math.sqrt(spread.narrowness) * float(resampled.std())
        return spread.interval(value, resampled, within), error, spread.dof


def resample(cells: Sequence[Sequence[Floats]], *, paired: bool) -> Resampled:
    """Draw the runs of all arms again, ``[runs]`` for each arm and cell; by the same seeds if paired.

    So are arms of a cell that have the same runs.
    """
    groups = [
        group
        for arms in cells
        for group in (
            [list(enumerate(arms))]
            if paired or all(np.array_equal(arms[0], arm) for arm in arms)
            else [[(number, np.sort(arm))] for number, arm in enumerate(arms)]
        )
    ]
    sizes = np.array([len(group[0][1]) for group in groups])
    picks = picked(tuple(sizes.tolist()))
    means = np.zeros((len(cells[0]), len(picks)))
    for group, end, size in zip(groups, np.cumsum(sizes), sizes, strict=True):
        drawn = picks[:, end - size : end] - (end - size)
        for number, arm in group:
            means[number] += interquartile_mean(arm[drawn]) / len(cells)
    return Resampled(means, sizes, picks)


def share_of_gap(scores: Floats, low: Floats, high: Floats, *, paired: bool) -> Estimate:
    """Estimate (score - low)/(high - low) of interquartile means of runs, ``[runs]`` each, in one order of seeds.

    The interval is Fieller's (1954): all shares s of which score - low - s (high - low) may be 0, by its bootstrapped
    variance V - 2 s C + s² W, and Student's quantile. There is none where the gap itself may be 0: any share would do.

    >>> low, high = np.array([0.0, 0.1, 0.2, 0.1]), np.array([0.9, 1.0, 1.1, 1.0])
    >>> found = share_of_gap(np.array([0.5, 0.6, 0.55, 0.55]), low, high, paired=False)
    >>> f"{found.value:.2f}, {found.interval[0]:.2f} to {found.interval[1]:.2f}"
    '0.50, 0.39 to 0.61'
    """
    score, least, most = (float(interquartile_mean(each)) for each in (scores, low, high))
    gain, gap = score - least, most - least
    value = gain / gap if gap else math.nan
    if min(map(len, (scores, low, high))) < 2 or gap <= 0.0:
        return Estimate(value, None)
    drawn = resample([[scores, low, high]], paired=paired)
    gains, gaps = drawn.arms[0] - drawn.arms[1], drawn.arms[2] - drawn.arms[1]
    rest = gains - value * gaps
    if np.ptp(rest) == 0.0:
        return Estimate(value, (value, value))
    reach = spread_of(drawn.sizes, drawn.picks, rest).z ** 2
    (gain_var, covariance), (_, gap_var) = reach * np.cov(gains, gaps)
    a, b, c = gap**2 - gap_var, gain * gap - covariance, gain**2 - gain_var
    if a <= 0.0:
        return Estimate(value, None)
    half = math.sqrt(max(b**2 - a * c, 0.0)) / a
    return Estimate(value, (b / a - half, b / a + half))


def _runs_in_words(scores: Scores) -> str:
    return "; ".join(f"{cell!r} with seeds {', '.join(map(str, sorted(runs)))}" for cell, runs in scores.items())


def performance_profile(cells: Strata, thresholds: npt.ArrayLike) -> Band:
    """Return the share of an arm's runs that score more than each threshold, a mean over cells (Agarwal et al. 2021).

    Scores of all cells, ``[runs]`` each, are on one scale. Raises what `checked` raises.

    >>> performance_profile([np.array([0.2, 0.6]), np.array([0.6, 0.9])], [0.0, 0.6]).value.tolist()
    [1.0, 0.25]
    """
    found, points = checked(cells), np.asarray(thresholds, float)
    shares = np.array([(cell[:, None] > points).mean(0) for cell in found])
    fraction, sizes = shares.mean(0), np.array([[len(cell)] for cell in found])
    if sizes.min() < 2:
        return Band.of(points, [Estimate(share, None) for share in fraction])
    variance = (shares * (1.0 - shares) / (sizes - 1)).sum(0) / len(found) ** 2
    runs = int(sizes.sum())
    pairs = zip(fraction, variance, strict=True)
    return Band.of(points, [Estimate(share, wilson(share, spread, runs)) for share, spread in pairs])


def probability_of_improvement(cells: Strata, others: Strata) -> Estimate:
    """Return how probably a run of one arm beats one of another, in a cell drawn at random (Agarwal et al. 2021).

    Over all pairs of runs of a cell, a tie counting half: the statistic of Mann and Whitney (1947), divided by the
    number of pairs, and its mean over cells. The variance of a cell is DeLong, DeLong and Clarke-Pearson's (1988), that
    of Brunner and Munzel's test (2000),

        var_i(mean_j w_ij)/n + var_j(mean_i w_ij)/m,    w_ij = 1 if x_i > y_j, ½ if x_i = y_j, else 0

    which takes the arms as independent; arms that share their luck are closer than that, and the interval wider than
    it need be.

    Scores are ``[n]`` and ``[m]`` per cell, of the same cells in the same order. Raises what `checked` raises, and
    `ValueError` if the arms have different numbers of cells.

    >>> probability_of_improvement([np.array([0.5, 0.8])], [np.array([0.5, 0.1])]).value
    0.875
    """
    mine, theirs = checked(cells), checked(others)
    if len(mine) != len(theirs):
        raise ValueError(f"arms have {len(mine)} and {len(theirs)} cells; the same cells expected")
    wins = [(np.sign(x[:, None] - y) + 1.0) / 2.0 for x, y in zip(mine, theirs, strict=True)]
    value = float(np.mean([each.mean() for each in wins]))
    if min(min(each.shape) for each in wins) < 2:
        return Estimate(value, None)
    parts = [w.mean(1).var(ddof=1) / w.shape[0] + w.mean(0).var(ddof=1) / w.shape[1] for w in wins]
    variance = float(np.sum(parts)) / len(wins) ** 2
    return Estimate(value, wilson(value, variance, sum(min(each.shape) for each in wins)))


def wilson(proportion: float, variance: float, runs: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a proportion with the given variance.

    Where nothing differs (variance 0), it counts as that many `runs`.

    >>> low, high = wilson(1.0, 0.0, 5)
    >>> round(low, 3), high
    (0.566, 1.0)
    """
    trials = proportion * (1.0 - proportion) / variance if variance > 0.0 else runs
    centre = (proportion + Z**2 / (2.0 * trials)) / (1.0 + Z**2 / trials)
    half = Z * math.sqrt(proportion * (1.0 - proportion) / trials + (Z / (2.0 * trials)) ** 2) / (1.0 + Z**2 / trials)
    return max(0.0, centre - half), min(1.0, centre + half)
