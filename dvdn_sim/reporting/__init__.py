"""From run folders to what they show: a pure function of the folders.

Read in this order:

* ``runs``: which of many folders hold a finished run; the others are named, with what became of them.
* ``curves``: the evaluations of a run over steps, simulated time or bytes; what they come to; many runs on one grid.

What is then computed of scores (interquartile means, differences of arms, profiles) is `dvdn_sim.statistics`.
"""

__all__ = ["curves", "runs"]
