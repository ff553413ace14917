"""How often 95 % intervals cover the truth: the tables in docs/statistics.md and dvdn_sim/statistics.

    python tests/soak/coverage.py --samples 4000

A row per kind of scores and per design, cells × seeds; of the interquartile mean, of the mean, of the probability of
improvement and of performance profiles. The standard error of a figure is 0.3 per cent at 95 and 4000 samples.
"""

import argparse
import functools
from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from dvdn_sim.statistics import (
    estimate,
    interquartile_mean,
    mean,
    performance_profile,
    probability_of_improvement,
)

KINDS = {
    "normal": lambda rng, size: rng.normal(size=size),
    "heavy tails: Student's, 2 degrees": lambda rng, size: rng.standard_t(2, size=size),
    "skewed: lognormal": lambda rng, size: np.exp(rng.normal(size=size)),
    "bounded by 1 and near it: Beta(8, 0.8)": lambda rng, size: rng.beta(8, 0.8, size=size),
    "one seed in five fails": lambda rng, size: failing(rng, size, 0.2),
    "one seed in three fails": lambda rng, size: failing(rng, size, 0.35),
}
DESIGNS = ((1, 2), (1, 3), (1, 4), (1, 5), (1, 10), (3, 5), (10, 3), (10, 5), (10, 10))
SHIFTS = (0.0, 1.0, 2.0, 3.0)
SHARES = (0.5, 0.8, 0.95)


def failing(rng: np.random.Generator, size: object, share: float) -> np.ndarray:
    return np.where(rng.random(size) < share, 0.2, 0.9) + 0.03 * rng.normal(size=size)


def levels(draw: Callable, cells: int) -> Callable:
    """Cells whose scores lie apart, and every second of which spreads less."""
    shift, scale = 3.0 * np.arange(cells)[:, None] / max(cells - 1, 1), np.where(np.arange(cells) % 2, 0.2, 1.0)
    return lambda rng, size: shift + scale[:, None] * draw(rng, size)


def covered(intervals: Iterator[tuple[float, float]], truth: float) -> float:
    return 100.0 * float(np.mean([low <= truth <= high for low, high in intervals]))


def of_means(name: str, draw: Callable, design: tuple[int, int], samples: int, rng: np.random.Generator) -> str:
    cells, seeds = design
    many = draw(rng, (cells, 4_000_000 // cells)).ravel()
    drawn = [draw(rng, design) for _ in range(samples)]
    said = [f"{cells:2d} x {seeds:2d}  {name:38s}"]
    for statistic in (interquartile_mean, mean):
        truth = float(statistic(many))
        for method in ("expanded", "percentile"):
            resamples = 4000 if cells == 1 else 2000
            found = (estimate(list(each), statistic, method=method, resamples=resamples).interval for each in drawn)
            said.append(f"{statistic.__name__} {method} {covered(found, truth):5.1f} ")
        if cells == 1 and seeds >= 5 and statistic is interquartile_mean:
            said.append(f"BCa {covered((bca(each[0], rng) for each in drawn), truth):5.1f} ")
    return " ".join(said)


def bca(scores: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    trimmed = functools.partial(stats.trim_mean, proportiontocut=0.25)
    return stats.bootstrap((scores,), trimmed, n_resamples=2000, method="BCa", rng=rng).confidence_interval


def of_proportions(design: tuple[int, int], samples: int, rng: np.random.Generator) -> str:
    cells, seeds = design
    said = [f"{cells:2d} x {seeds:2d}"]
    for shift in SHIFTS:
        drawn = rng.normal(size=(samples, 2, *design))
        drawn[:, 0] += shift
        truth = float(stats.norm.cdf(shift / np.sqrt(2)))
        found = (probability_of_improvement(list(x), list(y)).interval for x, y in drawn)
        said.append(f"improvement {truth:.2f} {covered(found, truth):5.1f} ")
    for share in SHARES:
        profiles = (performance_profile(list(each), [1 - share]) for each in rng.random((samples, *design)))
        found = ((float(each.low[0]), float(each.high[0])) for each in profiles)
        said.append(f"profile {share:.2f} {covered(found, share):5.1f} ")
    return " ".join(said)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    for design in DESIGNS:
        print(of_proportions(design, asked.samples, rng), flush=True)  # noqa: T201
    for design in DESIGNS:
        kinds = dict(KINDS)
        if design[0] > 1:
            kinds["normal, cells apart"] = levels(KINDS["normal"], design[0])
        for name, draw in kinds.items():
            print(of_means(name, draw, design, asked.samples, rng), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
