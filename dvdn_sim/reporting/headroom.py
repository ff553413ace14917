"""What communicating is worth in a task, whether that can be told at all, and how much of it a cell has.

The headroom is the return of *central* less that of *silent*. Where its interval holds 0, no network is better than
another as far as anybody can see, and nothing is ranked.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np

from dvdn_sim.reporting.curves import Curve, final_mean
from dvdn_sim.reporting.study import Cell
from dvdn_sim.statistics import Bounds, Comparison, Estimate, compare, seeds_help, share_of_gap

Runs = tuple[tuple[int, float], ...]
"""Score of every seed."""
CENTRAL, SILENT = "central", "silent"


def headroom(cell: Cell, measure: Callable[[Curve], float] = final_mean) -> Comparison | None:
    """Compare a cell's bounds, central less silent; None where one of them is not known."""
    known = [_runs(cell.bounds[kind], measure) for kind in (CENTRAL, SILENT) if kind in cell.bounds]
    if len(known) < 2 or not {seed for seed, _ in known[0]} & {seed for seed, _ in known[1]}:
        return None
    return _compared(known[0], known[1], cell.returns_within)


def tells(cell: Cell, measure: Callable[[Curve], float] = final_mean) -> bool:
    """Return whether a cell's task can tell networks apart, as far as there are bounds to say so."""
    found = headroom(cell, measure)
    return found is None or (found.difference.interval is not None and found.difference.interval[0] > 0.0)


def share(cell: Cell, measure: Callable[[Curve], float] = final_mean) -> Estimate | None:
    """Return how much of the headroom a cell has: silent 0, central 1; None where no headroom is known or told."""
    if headroom(cell, measure) is None or not tells(cell, measure):
        return None
    known = {SILENT: 0.0, CENTRAL: 1.0}
    for kind, value in known.items():
        if cell.bounds[kind].id == cell.id:
            return Estimate(value, (value, value))
    arms = [dict(_runs(each, measure)) for each in (cell, cell.bounds[SILENT], cell.bounds[CENTRAL])]
    seeds = sorted(set.intersection(*map(set, arms)))
    if not seeds:
        return None
    found = share_of_gap(*(np.array([arm[seed] for seed in seeds]) for arm in arms), paired=seeds_help(arms))
    return None if found.interval is None else found


def levels(cells: Iterable[Cell], value: Callable[[Cell], float]) -> list[tuple[str, float]]:
    """Return what lines of reference are called and where they are: random play, and what bounds come to."""
    found = [("random", each.random_return) for each in cells if each.random_return is not None]
    bounds = [(kind, bound) for cell in cells for kind, bound in cell.bounds.items()]
    return list(dict.fromkeys([*found, *((kind, value(bound)) for kind, bound in bounds)]))


def _runs(cell: Cell, measure: Callable[[Curve], float]) -> Runs:
    return tuple((seed, measure(curve)) for seed, curve in cell.curves.items())


@lru_cache(maxsize=256)
def _compared(runs: Runs, others: Runs, within: Bounds) -> Comparison:
    return compare({"": dict(runs)}, {"": dict(others)}, within)
