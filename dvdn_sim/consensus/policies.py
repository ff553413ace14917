"""The catalogue of policies: what an agent makes of the messages it holds, and of those it does not."""

from collections.abc import Callable, Mapping

from dvdn_sim.consensus.mixing import Policy
from dvdn_sim.consensus.push_sum import PushSum
from dvdn_sim.consensus.renormalize import Renormalize
from dvdn_sim.consensus.return_to_self import ReturnToSelf
from dvdn_sim.consensus.running_sum import RunningSum
from dvdn_sim.consensus.stale import Stale
from dvdn_sim.consensus.symmetric import Symmetric
from dvdn_sim.consensus.weights import Weights
from dvdn_sim.consensus.zero_fill import ZeroFill


def _without_weights(policy: Callable[[], Policy]) -> Callable[[Weights], Policy]:
    return lambda _: policy()


POLICIES: Mapping[str, Callable[[Weights], Policy]] = {
    "self": ReturnToSelf,
    "renormalize": Renormalize,
    "symmetric": Symmetric,
    "stale": Stale,
    "running_sum": _without_weights(RunningSum),
    "push_sum": _without_weights(PushSum),
    "zero_fill": ZeroFill,
}
"""By the name that scenarios use; from base weights, of which `running_sum` and `push_sum` make no use."""
