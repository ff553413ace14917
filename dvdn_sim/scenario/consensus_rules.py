"""Rules about what a policy needs of the network. Each yields (path, message, remedy)."""

from collections.abc import Callable, Iterator

from dvdn_sim.scenario.algorithm import Dvdn
from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.messages import SENDS_ITS_SHARE
from dvdn_sim.scenario.scenario import Scenario

Broken = tuple[Path, str, str]


def _symmetric_has_acknowledgements(scenario: Scenario) -> Iterator[Broken]:
    algorithm, network = scenario.algorithm, scenario.network
    if network is None or network.acks or not isinstance(algorithm, Dvdn):
        return
    if algorithm.consensus.policy == "symmetric":
        message = "`symmetric` uses only links on which both ends know that they were heard: it needs acknowledgements"
        yield ("algorithm", "consensus", "policy"), message, "write `acks: true` in `network`, or choose `running_sum`"


def _float16_needs_no_memory(scenario: Scenario) -> Iterator[Broken]:
    algorithm = scenario.algorithm
    if not isinstance(algorithm, Dvdn) or algorithm.consensus.wire != "float16":
        return
    policy = algorithm.consensus.policy
    reasons = dict.fromkeys(SENDS_ITS_SHARE, "sends totals that grow with the rounds")
    reasons["stale"] = "compares values of different rounds"
    if policy in reasons:
        message = f"`float16` is not for `{policy}`, which {reasons[policy]}"
        yield ("algorithm", "consensus", "wire"), message, "`float32`, or a policy without memory, such as `self`"


CONSENSUS_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _symmetric_has_acknowledgements,
    _float16_needs_no_memory,
)
