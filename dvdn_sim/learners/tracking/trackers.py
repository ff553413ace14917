"""The catalogue of trackers: how agents with equal networks share what they learn."""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from dvdn_sim.learners.tracking.averaging import ParameterAveraging
from dvdn_sim.learners.tracking.forms import ADAPT_THEN_COMBINE, PAPER, GradientTracking
from dvdn_sim.learners.tracking.running_sum import RunningSumTracking
from dvdn_sim.learners.tracking.schedule import Schedule
from dvdn_sim.learners.tracking.tracker import Optimiser, Tracker

TRACKERS: Mapping[str, Callable[[Tensor, Optimiser, Schedule], Tracker]] = {
    "paper": partial(GradientTracking, form=PAPER),
    "adapt_then_combine": partial(GradientTracking, form=ADAPT_THEN_COMBINE),
    "running_sum": RunningSumTracking,
    "averaging": ParameterAveraging,
}
"""By the name that scenarios use; from parameters ``[R, N, P]``, a direction and a schedule."""
