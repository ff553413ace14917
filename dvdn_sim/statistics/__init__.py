"""What scores of runs say, and how surely: from numbers to estimates with 95 % intervals, numpy alone.

Read in this order:

* ``scores``: one score per run, by cell and seed; what is refused; what has a partner in another arm.
* ``bootstrap``: `estimate`, the interquartile mean or the mean over runs, with an interval from resampling.
* ``proportions``: `probability_of_improvement` and `performance_profile`, with Wilson's interval.
* ``comparison``: `compare`, two arms over equal seeds.
* ``checkpoints``: `best_checkpoint`, the paper's protocol, and how optimistic it is.

A cell is one setting of a sweep (a task, a loss rate), an arm what is compared in all of them (an algorithm). Every
cell counts alike, however many of its runs are there. Draws have names: equal scores give equal intervals.
"""

__all__ = ["bootstrap", "checkpoints", "comparison", "proportions", "scores"]
