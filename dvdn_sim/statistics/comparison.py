"""Compare arms: differences over equal seeds, how often one arm beats another, how many runs are better than what.

Runs of the same cell and seed share their luck, whatever of it does not depend on what differs: environments, initial
weights, graphs, losses. What they share cancels in their difference, so that few seeds show a small one.

Intervals of proportions are Wilson's (1927). A bootstrap of a proportion near 0 or 1 shows next to no spread: of five
seeds against five, of which one arm wins 98 % in truth, 22 % of its intervals cover that. Wilson's needs how many
independent trials the proportion is worth, which is p(1 - p)/v for an estimated variance v (Kish 1965; Korn and
Graubard 1998), and the number of runs where all are on one side and v = 0. From five seeds on it covers improvements
from 0.5 to 0.98 in 95 to 98 of a hundred experiments, in one cell and in ten, and profiles in 91 to 98
(`tests/soak/coverage.py`).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dvdn_sim.statistics.bootstrap import UNBOUNDED, Band, Bounds, Estimate, Z, estimate
from dvdn_sim.statistics.scores import Pairing, Scores, Strata, checked, pair, strata


@dataclass(frozen=True)
class Comparison:
    """How much better one arm is than another, and which runs were compared."""

    difference: Estimate
    """Interquartile mean of the differences of pairs, which leaves a quarter of the pairs out at each end."""
    probability_of_improvement: Estimate
    """That a run of the first arm beats one of the second, whatever their seeds; of the runs that have a partner."""
    pairing: Pairing


def compare(scores: Scores, other: Scores, within: Bounds = UNBOUNDED) -> Comparison:
    """Compare two arms, first minus second, on the cells and seeds that both have; their scores have bounds, maybe.

    Raises what `strata` raises, and `ValueError` if no run has a partner.

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
    differences = [np.subtract(mine, theirs) for mine, theirs in zip(x, y, strict=True)]
    widest = within[1] - within[0]
    return Comparison(estimate(differences, within=(-widest, widest)), probability_of_improvement(x, y), pairing)


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
