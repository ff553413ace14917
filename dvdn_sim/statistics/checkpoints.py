"""The paper's protocol: the best of all checkpoints. It is optimistic, and here is by how much."""

from dataclasses import dataclass

import numpy as np

from dvdn_sim.statistics.bootstrap import Estimate, estimate, mean
from dvdn_sim.statistics.scores import Floats


@dataclass(frozen=True)
class BestCheckpoint:
    """The return at the best checkpoint: optimistic, for comparison with published numbers only.

    Attributes:
        index: Which one it is, counted from 0: that of the highest mean over seeds.
        checkpoints: Of how many; the paper has 41.
        per_seed: Returns at it, ``[seeds]``.
        estimate: Their mean and its percentile interval, which knows nothing of the choice.
        held_out: Each seed's return at the checkpoint that is best for all other seeds, ``[seeds]``: what the choice is
            worth to a seed that had no part in it. None for a single seed.
    """

    index: int
    checkpoints: int
    per_seed: Floats
    estimate: Estimate
    held_out: Floats | None

    @property
    def optimism(self) -> float | None:
        """How much of the estimate is the choice among noisy checkpoints; None for a single seed."""
        return None if self.held_out is None else self.estimate.value - float(self.held_out.mean())


def best_checkpoint(returns: Floats) -> BestCheckpoint:
    """Take all seeds at the checkpoint with the highest mean over seeds, the first of equal ones.

    This is how the paper's tables are made (41 checkpoints of 100 episodes, ten seeds, 10 000 resamples of the mean; it
    is spelt out in "Networked agents in the dark", AAMAS 2025). The highest of many noisy means is above what it
    estimates: on a flat curve, with a spread of 0.03 between seeds, by 0.021 for ten seeds and by 0.029 for five, which
    is as much as the half width of published intervals.

    Args:
        returns: Mean return of each evaluation, ``[seeds, checkpoints]``.

    Raises:
        ValueError: Another shape, no values, or values that are not finite.

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
