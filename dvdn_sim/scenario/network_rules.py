"""Rules about the network: what it must be able to carry, and for whom. Each yields (path, message, remedy)."""

from collections.abc import Callable, Iterator
from typing import cast

from dvdn_sim.scenario.algorithm import Dvdn
from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.messages import td_bytes
from dvdn_sim.scenario.network import Network
from dvdn_sim.scenario.scenario import Scenario
from netmodels import LinkSpec
from netmodels.topology import RandomConnected

Broken = tuple[Path, str, str]


def payload_bytes(scenario: Scenario) -> int:
    """Return the bytes of the longest message: a header, and a TD error per step of a batch of the longest episodes."""
    return td_bytes(scenario.training.batch * scenario.env.max_episode_steps)


def _dvdn_has_a_network(scenario: Scenario) -> Iterator[Broken]:
    if isinstance(scenario.algorithm, Dvdn) and scenario.network is None:
        remedy = "write a `network` block (scenarios/lossy_lbf.yaml has one), or choose `algorithm: {kind: vdn}`"
        yield ("network",), "is missing: dvdn's agents exchange TD errors", remedy


def _network_has_agents(scenario: Scenario) -> Iterator[Broken]:
    if scenario.network is not None and scenario.env.players < 2:
        yield ("env", "players"), "a network needs at least 2 agents, not 1", "more players, or no `network`"


def _topology_exists(scenario: Scenario) -> Iterator[Broken]:
    players = scenario.env.players
    topology = None if scenario.network is None else scenario.network.topology
    if players < 2 or not isinstance(topology, RandomConnected) or topology.edges is None:
        return
    fewest, most = players - 1, players * (players - 1) // 2
    if not fewest <= topology.edges <= most:
        message = f"no connected graph of {players} agents has {topology.edges} links"
        remedy = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        yield ("network", "topology", "edges"), message, f"{remedy}, or leave it out for {fewest}"


def _message_fits_the_queue(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None or not isinstance(scenario.algorithm, Dvdn) or _unlimited(network.link):
        return
    packets = network.link.packets(payload_bytes(scenario))
    if packets > network.link.limit + 1:
        message = f"messages of {packets} packets never arrive whole: {network.link.limit} may wait beside one served"
        yield ("network", "link", "limit"), message, f"at least {packets - 1}, or a smaller `training.batch`"


def _deadline_unless_lossless(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None or network.deadline is not None or not isinstance(scenario.algorithm, Dvdn):
        return
    reason = _why_lossy(scenario, network, scenario.algorithm)
    if reason:
        message = f"is missing, and {reason}: an agent would wait for ever for a message that was lost"
        yield ("network", "deadline"), message, "write how long to wait, such as `deadline: 50 ms`"


def _why_lossy(scenario: Scenario, network: Network, algorithm: Dvdn) -> str:
    """Return why a message may be lost; empty where none ever can."""
    link = network.link
    if link.loss_model.loss_rate > 0.0:
        return "links lose packets"
    if _unlimited(link):
        return ""
    queued = link.packets(payload_bytes(scenario)) * algorithm.consensus.rounds
    queued *= scenario.env.players - 1 if network.share == "node" else 1
    if link.limit_bytes is not None:
        return "`link.limit_bytes` may drop packets"
    return f"up to {queued} packets may meet in a queue of {link.limit}" if queued > link.limit + 1 else ""


def _unlimited(link: LinkSpec) -> bool:
    """Return whether nothing ever waits on the link."""
    return cast("float", link.rate) == float("inf")


NETWORK_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _dvdn_has_a_network,
    _network_has_agents,
    _topology_exists,
    _message_fits_the_queue,
    _deadline_unless_lossless,
)
