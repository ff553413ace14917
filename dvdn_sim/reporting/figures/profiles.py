"""How often an arm is how good."""

import numpy as np
import polars as pl

from dvdn_sim.reporting.figure import Figure, View, axes, band, line, row
from dvdn_sim.reporting.measures import LAST, seed_scores
from dvdn_sim.reporting.study import Study
from dvdn_sim.statistics import performance_profile

POINTS = 101


def profiles(study: Study) -> Figure | None:
    """Draw the performance profile of every arm, over all its cells; None for a single arm, or tasks that differ."""
    axis = study.varied[0]
    arms = {label: cells for label, cells in study.along(axis).items() if cells}
    if len(arms) < 2 or not study.one_task:
        return None
    scores = {label: [np.array(seed_scores(cell, LAST)) for cell in cells] for label, cells in arms.items()}
    everything = np.concatenate([each for cells in scores.values() for each in cells])
    thresholds = np.linspace(everything.min(), everything.max(), POINTS)
    traces, tables = [], []
    for number, (label, cells) in enumerate(scores.items()):
        found = performance_profile(cells, thresholds)
        if found.low is not None and found.high is not None:
            traces.append(band(thresholds, found.low, found.high, label, number, step=True))
        traces.append(line(thresholds, found.fraction, label, number, step=True))
        numbers = {"threshold": thresholds, "fraction": found.fraction, "ci95_low": found.low, "ci95_high": found.high}
        tables.append(pl.DataFrame(row({axis: label}, numbers),
                                   schema_overrides={"ci95_low": pl.Float64, "ci95_high": pl.Float64}))  # fmt: skip
    return Figure(
        id="profiles",
        title="How many runs are how good",
        said=f"Share of the runs whose return in the last tenth of training is above a threshold, over all cells of"
        f" each {axis}, with 95 % intervals.",
        alt=f"Performance profiles of {len(arms)} arms; the numbers are in the table.",
        switches=[],
        views={(): View(traces, axes("return above", "share of runs", yaxis_range=[-0.03, 1.03], legend=axis))},
        table=pl.concat(tables),
    )
