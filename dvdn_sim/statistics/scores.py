"""Scores of runs: by cell, then by seed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Scores = Mapping[str, Mapping[int, float]]
"""One score per run of an arm: ``{"loss=10%": {0: 0.71, 1: 0.64}, …}``."""

Strata = Sequence[Floats]
"""The same without names: one array ``[runs]`` per cell."""


def strata(scores: Scores) -> list[Floats]:
    """Return the scores of every cell, ``[runs]`` each; cells by name, runs by seed.

    Raises what `checked` raises, and names the cell and seed of a score that is not finite.

    >>> strata({"b": {1: 0.5, 0: 0.25}, "a": {0: 1.0}})
    [array([1.]), array([0.25, 0.5 ])]
    """
    for cell, runs in scores.items():
        for seed, score in runs.items():
            if not math.isfinite(score):
                raise ValueError(f"score of cell {cell!r}, seed {seed} is {score}; a finite number expected")
    return checked([np.array([scores[cell][seed] for seed in sorted(scores[cell])], float) for cell in sorted(scores)])


def checked(cells: Strata) -> list[Floats]:
    """Return the scores of every cell as float64, ``[runs]`` each.

    Raises `ValueError` if there is no cell, a cell has no runs or another shape, or a score is not finite.
    """
    if len(cells) == 0:
        raise ValueError("no cells: scores of at least one run expected")
    found = [np.asarray(cell, float) for cell in cells]
    for number, cell in enumerate(found):
        if cell.ndim != 1 or not cell.size:
            raise ValueError(f"scores of cell {number} have shape {cell.shape}; [runs] expected, at least one")
        if not np.isfinite(cell).all():
            place = int(np.flatnonzero(~np.isfinite(cell))[0])
            raise ValueError(f"score {place} of cell {number} is {cell[place]}; a finite number expected")
    return found


def normalised(scores: Scores, low: Mapping[str, float], high: Mapping[str, float]) -> dict[str, dict[int, float]]:
    """Return (score - low)/(high - low), so that cells of different tasks can be pooled (Agarwal et al. 2021).

    `low` is the score that becomes 0 in each cell (that of random play, say), `high` the one that becomes 1. Raises
    `ValueError` if a cell lacks a bound, or its bounds are not finite and in this order.

    >>> normalised({"spread": {0: -150.0}}, {"spread": -200.0}, {"spread": -100.0})
    {'spread': {0: 0.5}}
    """
    scaled = {}
    for cell, runs in scores.items():
        if cell not in low or cell not in high:
            raise ValueError(f"cell {cell!r} has no {'lower' if cell not in low else 'upper'} bound to normalise by")
        floor, width = low[cell], high[cell] - low[cell]
        if not 0.0 < width < math.inf:
            raise ValueError(f"cell {cell!r} is to be normalised by {floor} and {high[cell]}; low < high expected")
        scaled[cell] = {seed: (score - floor) / width for seed, score in runs.items()}
    return scaled


@dataclass(frozen=True)
class Pairing:
    """Which runs of two arms have the same cell and seed, and so the same luck: their seeds, by cell."""

    seeds: Mapping[str, tuple[int, ...]]  # with a run in both arms; cells without any are not in it
    alone: Mapping[str, tuple[int, ...]]  # of the first arm, without a partner in the second
    alone_other: Mapping[str, tuple[int, ...]]  # of the second arm, without a partner in the first

    @property
    def pairs(self) -> int:
        """How many there are, in all cells."""
        return sum(map(len, self.seeds.values()))


def pair(scores: Scores, other: Scores) -> Pairing:
    """Return which runs of two arms can be compared seed by seed, and which cannot.

    >>> pair({"a": {0: 1.0, 1: 2.0}}, {"a": {1: 3.0, 4: 1.0}, "b": {0: 0.0}})
    Pairing(seeds={'a': (1,)}, alone={'a': (0,)}, alone_other={'a': (4,), 'b': (0,)})
    """
    both: dict[str, tuple[int, ...]] = {}
    alone: dict[str, tuple[int, ...]] = {}
    alone_other: dict[str, tuple[int, ...]] = {}
    for cell in sorted({*scores, *other}):
        mine, theirs = set(scores.get(cell, ())), set(other.get(cell, ()))
        for kept, seeds in ((both, mine & theirs), (alone, mine - theirs), (alone_other, theirs - mine)):
            if seeds:
                kept[cell] = tuple(sorted(seeds))
    return Pairing(both, alone, alone_other)
