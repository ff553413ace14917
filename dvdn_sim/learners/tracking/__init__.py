"""How agents with equal networks share what they learn: gradient tracking, and averaging of parameters.

    tracker         what a tracker is to the training loop, and the directions in which it may move parameters
    schedule        which updates exchange, and which block of the parameters
    operators       A x, in place
    books           trackers and gradients
    forms           combine then adapt, which is the paper's, and adapt then combine
    running_sum     robust tracking, which no loss puts off
    averaging       no trackers: parameters alone are averaged
    trackers        the catalogue

Equations are for one team, ω, z, g ``[N, P]``, and have a leading axis of R replicas: docs/gradient_tracking.md.
"""

from dvdn_sim.learners.tracking.schedule import Schedule
from dvdn_sim.learners.tracking.tracker import (
    Exchanged,
    Exchanges,
    Optimiser,
    Sgd,
    Tracker,
    TrackingFigures,
    disagreement,
)
from dvdn_sim.learners.tracking.trackers import TRACKERS

__all__ = [
    "TRACKERS",
    "Exchanged",
    "Exchanges",
    "Optimiser",
    "Schedule",
    "Sgd",
    "Tracker",
    "TrackingFigures",
    "disagreement",
]
