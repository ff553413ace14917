"""Rules about what a policy needs of the network. Each yields (path, message, remedy)."""

from collections.abc import Callable, Iterator

from dvdn_sim.scenario.algorithm import Dvdn
from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.scenario import Scenario

Broken = tuple[Path, str, str]


def _symmetric_has_acknowledgements(scenario: Scenario) -> Iterator[Broken]:
    # To be asked of `network.acks` as soon as a network has them.
    algorithm = scenario.algorithm
    if isinstance(algorithm, Dvdn) and algorithm.consensus.policy == "symmetric":
        message = "`symmetric` needs acknowledgements, which the network does not offer yet"
        remedy = "`running_sum`, which finds the mean without them, or `self`"
        yield ("algorithm", "consensus", "policy"), message, remedy


CONSENSUS_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (_symmetric_has_acknowledgements,)
