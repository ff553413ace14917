"""Two arms over equal seeds.

Runs of the same cell and seed share their luck, whatever of it does not depend on what differs: environments, initial
weights, graphs, losses. What they share cancels in their difference, so that few seeds show a small one.
"""

from dataclasses import dataclass

import numpy as np

from dvdn_sim.statistics.bootstrap import Estimate, estimate, mean
from dvdn_sim.statistics.proportions import probability_of_improvement
from dvdn_sim.statistics.scores import Pairing, Scores, pair, strata


@dataclass(frozen=True)
class Comparison:
    """How much better one arm is than another.

    Attributes:
        difference: Interquartile mean of the differences of pairs. It leaves a quarter of the pairs out at each end: if
            arms differ in a few of many cells only, look at the mean, or at these cells.
        mean_difference: Mean of the differences.
        probability_of_improvement: That a run of the first arm beats one of the second, whatever their seeds; of the
            runs that have a partner.
        pairing: Which runs were compared, and which could not be.
    """

    difference: Estimate
    mean_difference: Estimate
    probability_of_improvement: Estimate
    pairing: Pairing


def compare(scores: Scores, other: Scores) -> Comparison:
    """Compare two arms, first minus second, on the cells and seeds that both have.

    Args:
        scores: Of the first arm. For one cell alone, give that cell alone.
        other: Of the second, in the same units.

    Raises:
        ValueError: What `strata` refuses, or no run has a partner.

    >>> found = compare({"a": {0: 0.5, 1: 0.75, 2: 1.0}}, {"a": {0: 0.25, 1: 0.5, 5: 0.0}})
    >>> found.difference.value, found.pairing.pairs, found.pairing.alone, found.pairing.alone_other
    (0.25, 2, {'a': (2,)}, {'a': (5,)})
    """
    strata(scores), strata(other)
    pairing = pair(scores, other)
    if not pairing.seeds:
        raise ValueError(f"no run of one arm has a partner in the other: {_said(scores)}, and {_said(other)}")
    x, y = (strata({cell: {seed: arm[cell][seed] for seed in seeds} for cell, seeds in pairing.seeds.items()})
            for arm in (scores, other))  # fmt: skip
    differences = [np.subtract(mine, theirs) for mine, theirs in zip(x, y, strict=True)]
    return Comparison(
        difference=estimate(differences),
        mean_difference=estimate(differences, mean),
        probability_of_improvement=probability_of_improvement(x, y),
        pairing=pairing,
    )


def _said(scores: Scores) -> str:
    return "; ".join(f"{cell!r} with seeds {', '.join(map(str, sorted(runs)))}" for cell, runs in scores.items())
