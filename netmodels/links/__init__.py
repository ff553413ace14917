"""Links: what happens to one message on its way from one agent to another.

- `link`: `Link`, one directed link with its state, and its `offer`; `degraded`: one that is worse for a while.
- `spec`: `LinkSpec`, its parameters; `closed_forms`: what follows from them without sampling.
- `transfer`: `Transfer`, what became of one message.
- `transmitter`, `queue`: cutting into packets, waiting, and putting them on the wire by a `Server`, perhaps shared.
- `queueing`: mean waits of Poisson messages.
- `availability`: when a link is down; `retransmission`: sending again what was lost.
- `loss`, `delay`, `tails`, `recorded`: what is lost on the way, and how long it takes; `kinds` lists them by name.
- `fates`, `arrivals`: the arithmetic per packet.
"""

from netmodels.links.availability import Availability
from netmodels.links.degraded import Degradation, DegradedLink
from netmodels.links.delay import Constant, DelayModel, Normal, Uniform
from netmodels.links.link import Link
from netmodels.links.loss import Bernoulli, GilbertElliott, LossModel
from netmodels.links.queue import Server
from netmodels.links.queueing import md1_mean_wait, mm1_mean_wait
from netmodels.links.recorded import DelayTrace, Empirical, LossTrace
from netmodels.links.spec import LinkSpec
from netmodels.links.tails import Exponential, Lognormal, Pareto
from netmodels.links.transfer import REASONS, Reason, Transfer
from netmodels.links.transmitter import Emission

__all__ = [
    "REASONS",
    "Availability",
    "Bernoulli",
    "Constant",
    "Degradation",
    "DegradedLink",
    "DelayModel",
    "DelayTrace",
    "Emission",
    "Empirical",
    "Exponential",
    "GilbertElliott",
    "Link",
    "LinkSpec",
    "Lognormal",
    "LossModel",
    "LossTrace",
    "Normal",
    "Pareto",
    "Reason",
    "Server",
    "Transfer",
    "Uniform",
    "md1_mean_wait",
    "mm1_mean_wait",
]
