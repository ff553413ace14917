"""Rules about what a policy needs of the network. Each yields (path, message, remedy)."""

from collections.abc import Callable, Iterator

from dvdn_sim.scenario.algorithm import Dvdn
from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.scenario import Scenario

Broken = tuple[Path, str, str]


def _symmetric_has_acknowledgements(scenario: Scenario) -> Iterator[Broken]:
    algorithm, network = scenario.algorithm, scenario.network
    if network is None or network.acks or not isinstance(algorithm, Dvdn):
        return
    if algorithm.consensus.policy == "symmetric":
        message = "`symmetric` uses only links on which both ends know that they were heard: it needs acknowledgements"
        yield ("algorithm", "consensus", "policy"), message, "write `acks: true` in `network`, or choose `running_sum`"


CONSENSUS_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (_symmetric_has_acknowledgements,)
