"""Rules about how what is exchanged is mixed, and what that needs of the network. Each yields what breaks it."""

from collections.abc import Callable, Iterator

from dvdn_sim.scenario.algorithm import Consensus, Dvdn, DvdnGt, ParameterExchange
from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.messages import SENDS_ITS_SHARE
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.topologies import is_directed
from dvdn_sim.scenario.wires import exchanged, parameter_count

Broken = tuple[Path, str, str]
FOR_ONE_WAY_LINKS = SENDS_ITS_SHARE
"""Policies that need no weights on which both ends of a link agree."""


def _symmetric_has_acknowledgements(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None or network.acks:
        return
    for key, block in exchanged(scenario.algorithm).items():
        if block.policy == "symmetric":
            message = "`symmetric` uses only links on which both ends know that they were heard: it needs "
            other = "`running_sum`" if isinstance(block, Consensus) else "`self`"
            remedy = f"write `acks: true` in `network`, or choose {other}"
            yield ("algorithm", key, "policy"), f"{message}acknowledgements", remedy


def _weights_need_both_directions(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None or not is_directed(network.topology):
        return
    for key, block in exchanged(scenario.algorithm).items():
        if block.policy not in (*FOR_ONE_WAY_LINKS, "auto"):
            message = f"`{block.policy}` mixes with weights that both ends of a link agree on, and some links are "
            other = "`running_sum`, or a" if isinstance(block, Consensus) else "a"
            yield ("algorithm", key, "policy"), f"{message}one-way", f"{other} topology without one-way links"


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


def _running_sums_need_no_symmetry(scenario: Scenario) -> Iterator[Broken]:
    algorithm = scenario.algorithm
    if not isinstance(algorithm, DvdnGt) or algorithm.tracking.form != "running_sum":
        return
    if algorithm.tracking.policy == "symmetric":
        message = "`symmetric` leaves out what was heard one way only, and running sums take in whatever was heard"
        yield ("algorithm", "tracking", "policy"), message, "`self`, or `form: paper`"


def _blocks_are_not_empty(scenario: Scenario) -> Iterator[Broken]:
    for key, block in exchanged(scenario.algorithm).items():
        if isinstance(block, ParameterExchange):
            most = parameter_count(scenario.algorithm, scenario.env)
            if block.blocks > most:
                message = f"{most} parameters cannot be cut into {block.blocks} parts"
                yield ("algorithm", key, "blocks"), message, f"at most {most}"


CONSENSUS_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _symmetric_has_acknowledgements,
    _weights_need_both_directions,
    _float16_needs_no_memory,
    _running_sums_need_no_symmetry,
    _blocks_are_not_empty,
)
