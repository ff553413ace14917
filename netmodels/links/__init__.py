"""Links: what happens to one message on its way from one agent to another.

- `link`: `Link`, one directed link with its state, and its `offer`.
- `spec`: `LinkSpec`, its parameters.
- `transfer`: `Transfer`, what became of one message.
- `queue`: `Server`, which puts packets on the wire one after the other.
- `loss`, `delay`: what is lost on the way, and how long it takes; `kinds` lists them by name.
- `arrivals`: the arithmetic per packet.
"""

from netmodels.links.delay import Constant, DelayModel, Normal
from netmodels.links.link import Link
from netmodels.links.loss import Bernoulli, GilbertElliott, LossModel
from netmodels.links.queue import Server
from netmodels.links.spec import LinkSpec
from netmodels.links.transfer import REASONS, Reason, Transfer

__all__ = [
    "REASONS",
    "Bernoulli",
    "Constant",
    "DelayModel",
    "GilbertElliott",
    "Link",
    "LinkSpec",
    "LossModel",
    "Normal",
    "Reason",
    "Server",
    "Transfer",
]
