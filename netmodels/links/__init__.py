"""Links: what happens to one message on its way from one agent to another.

- `link`: `Link`, one directed link with its state, and its `offer`.
- `spec`: `LinkSpec`, its parameters; `theory`: what follows from them without sampling.
- `transfer`: `Transfer`, what became of one message.
- `queue`: waiting, and being put on the wire by a `Server`, perhaps shared.
- `availability`: when a link is down.
- `loss`, `delay`: what is lost on the way, and how long it takes.
"""

# isort: off
# fmt: off
from netmodels.links.availability import FOREVER_NS, Availability
from netmodels.links.delay import (
    Constant, DelayTrace, Empirical, Exponential, Lognormal, Normal, Pareto, Uniform, delay_draws,
)
from netmodels.links.link import Link, Regime
from netmodels.links.loss import Bernoulli, GilbertElliott, LossTrace, loss_draws
from netmodels.links.queue import Server
from netmodels.links.spec import DELAYS, LOSSES, AnyDelay, AnyLoss, LinkChange, LinkSpec
from netmodels.links.theory import PASSAGES
from netmodels.links.transfer import REASONS, Transfer
# fmt: on
# isort: on

__all__ = [
    "DELAYS", "FOREVER_NS", "LOSSES", "PASSAGES", "REASONS", "AnyDelay", "AnyLoss", "Availability", "Bernoulli",
    "Constant", "DelayTrace", "Empirical", "Exponential", "GilbertElliott", "Link", "LinkChange", "LinkSpec",
    "Lognormal", "LossTrace", "Normal", "Pareto", "Regime", "Server", "Transfer", "Uniform", "delay_draws",
    "loss_draws",
]  # fmt: skip
