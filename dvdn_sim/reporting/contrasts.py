"""Arms against the baseline, over equal seeds: what the answer of a page is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from dvdn_sim.reporting.curves import Curve, final_mean
from dvdn_sim.reporting.study import Cell, Study
from dvdn_sim.statistics import Comparison, Scores, compare


@dataclass(frozen=True)
class Contrast:
    """How much better one label of the compared axis is than the baseline.

    Attributes:
        label: which.
        where: the labels on the other axes; empty for all cells together, or if there is no other axis.
        found: the comparison.
    """

    label: str
    where: str
    found: Comparison

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference leaves out zero."""
        ends = self.found.difference.interval
        return ends is not None and (ends[0] > 0.0 or ends[1] < 0.0)

    @property
    def better(self) -> bool:
        """Whether all of the interval is above zero."""
        ends = self.found.difference.interval
        return ends is not None and ends[0] > 0.0


def contrasts(study: Study, measure: Callable[[Curve], float] = final_mean) -> list[Contrast]:
    """Compare every label with the baseline, in every cell, and over all cells if they have one task.

    None where no baseline is finished. `measure` is what of a run's curve is compared.
    """
    if len(study.compare) != 2 or study.compare[1] not in study.axes.get(study.compare[0], ()):
        return []
    axis, baseline = study.compare
    arms = {label: _scores(study, axis, cells, measure) for label, cells in study.along(axis).items()}
    base = arms.pop(baseline)
    found = []
    for label, scores in arms.items():
        shared = [where for where in base if where in scores and scores[where].keys() & base[where].keys()]
        if len(shared) > 1 and study.one_task:
            found.append(Contrast(label, "", compare(_only(scores, shared), _only(base, shared))))
        found += [Contrast(label, where, compare(_only(scores, [where]), _only(base, [where]))) for where in shared]
    return found


def _only(scores: Scores, cells: list[str]) -> Scores:
    return {cell: scores[cell] for cell in cells}


def _scores(
    study: Study, axis: str, cells: list[Cell], measure: Callable[[Curve], float]
) -> dict[str, dict[int, float]]:
    """Return the scores of one arm, by what its cells are called on the other axes."""
    others = [name for name in study.varied if name != axis]
    return {
        ", ".join(f"{name}={cell.at[name]}" for name in others): {
            seed: measure(curve) for seed, curve in cell.curves.items()
        }
        for cell in cells
    }
