"""What scores of runs say, and how surely: from numbers to estimates with 95 % intervals, numpy alone.

Read in this order:

* ``scores``: one score per run, by cell and seed; which scores are refused; which runs have a partner in another arm.
* ``bootstrap``: `estimate`, the interquartile mean or the mean over runs with an interval from resampling;
  `best_checkpoint`, the paper's protocol, and how optimistic it is.
* ``comparison``: `compare`, two arms over equal seeds, with a p value; `holm` corrects many of these; `seeds_help`;
  `probability_of_improvement` and `performance_profile`.

A cell is one setting of a sweep (a task, a loss rate), an arm what is compared in all of them (an algorithm). Every
cell counts alike, however many of its runs are there. Draws have names: equal scores give equal intervals.
"""

# isort: off
# fmt: off
from dvdn_sim.statistics.bootstrap import (
    UNBOUNDED, Band, BestCheckpoint, Bounds, Estimate, Statistic, best_checkpoint, estimate, estimate_scores,
    interquartile_mean, mean, student_quantile,
)
from dvdn_sim.statistics.comparison import (
    LEVEL, Comparison, compare, holm, least_p_value, performance_profile, probability_of_improvement, seeds_help,
    share_of_gap, wilson,
)
from dvdn_sim.statistics.scores import Floats, Pairing, Scores, Strata, checked, normalised, pair, strata
# fmt: on
# isort: on

__all__ = [
    "LEVEL", "UNBOUNDED", "Band", "BestCheckpoint", "Bounds", "Comparison", "Estimate", "Floats", "Pairing", "Scores",
    "Statistic", "Strata", "best_checkpoint", "checked", "compare", "estimate", "estimate_scores", "holm",
    "interquartile_mean", "least_p_value", "mean", "normalised", "pair", "performance_profile",
    "probability_of_improvement", "seeds_help", "share_of_gap", "strata", "student_quantile", "wilson",
]  # fmt: skip
