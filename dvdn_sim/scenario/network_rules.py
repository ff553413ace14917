"""Rules about the network: what it must be able to carry, and for whom. Each yields (path, message, remedy)."""

from collections.abc import Callable, Iterator
from typing import cast

from dvdn_sim.scenario.algorithm import Dvdn
from dvdn_sim.scenario.document import Path, dotted
from dvdn_sim.scenario.faults import loses
from dvdn_sim.scenario.messages import td_bytes
from dvdn_sim.scenario.network import Network, overrides_of
from dvdn_sim.scenario.partial import Partial, Unknown
from dvdn_sim.scenario.quantities import AUTO
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.topologies import is_directed, within
from netmodels import LinkSpec
from netmodels.faults import Fault
from netmodels.topology import RandomConnected, Range

Broken = tuple[Path, str, str]
FOR_ONE_WAY_LINKS = ("running_sum", "push_sum")
"""Policies that need no weights on which both ends of a link agree."""


def payload_bytes(scenario: Scenario, algorithm: Dvdn) -> int:
    """Return the bytes of the longest message: TD errors of every step of a batch of the longest episodes."""
    return td_bytes(scenario.training.batch * scenario.env.longest_episode, algorithm.consensus)


def _dvdn_has_a_network(scenario: Scenario) -> Iterator[Broken]:
    if isinstance(scenario.algorithm, Dvdn) and scenario.network is None:
        remedy = "write a `network` block (scenarios/lossy_lbf.yaml has one), or choose `algorithm: {kind: vdn}`"
        yield ("network",), "is missing: dvdn's agents exchange TD errors", remedy


def _network_has_agents(scenario: Scenario) -> Iterator[Broken]:
    if scenario.network is not None and scenario.env.n_agents < 2:
        yield ("env",), f"a network needs at least 2 agents, not {scenario.env.n_agents}", "more, or no `network`"


def _topology_needs_no_environment(scenario: Scenario) -> Iterator[Broken]:
    topology = None if scenario.network is None else scenario.network.topology
    if any(isinstance(part, Range) and part.mobility is None for part in within(topology)):
        message = "is missing: positions from the environment are not supported yet"
        yield ("network", "topology", "mobility"), message, "write `mobility: {kind: random_waypoint, ...}`"


def _topology_exists(scenario: Scenario) -> Iterator[Broken]:
    n_agents = scenario.env.n_agents
    topology = None if scenario.network is None else scenario.network.topology
    if n_agents < 2 or topology is None or isinstance(topology, Partial):
        return
    if isinstance(topology, RandomConnected) and topology.edges is not None:
        yield from _enough_edges(n_agents, topology.edges)
    elif not any(isinstance(part, Range) and part.mobility is None for part in within(topology)):
        try:
            topology.graph(n_agents, scenario.seeds[0])
        except ValueError as error:
            name, _, said = str(error).partition(": ")
            path = name.split(".") if name.startswith("topology.") else ["topology"]
            yield ("network", *path), said, f"there are {n_agents} agents, numbered from 0"


def _enough_edges(n_agents: int, edges: int) -> Iterator[Broken]:
    fewest, most = n_agents - 1, n_agents * (n_agents - 1) // 2
    if not fewest <= edges <= most:
        message = f"no connected graph of {n_agents} agents has {edges} links"
        remedy = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        yield ("network", "topology", "edges"), message, f"{remedy}, or leave it out for {fewest}"


def _weights_need_both_directions(scenario: Scenario) -> Iterator[Broken]:
    algorithm, network = scenario.algorithm, scenario.network
    if network is None or not isinstance(algorithm, Dvdn) or not is_directed(network.topology):
        return
    policy = algorithm.consensus.policy
    if policy not in (*FOR_ONE_WAY_LINKS, "auto"):
        message = f"`{policy}` mixes with weights that both ends of a link agree on, and some links are one-way"
        yield ("algorithm", "consensus", "policy"), message, "`running_sum`, or a topology without one-way links"


def _other_links_exist(scenario: Scenario) -> Iterator[Broken]:
    for index, other in enumerate(() if scenario.network is None else scenario.network.other_links):
        first, second = other.edge
        if first == second or max(first, second) >= scenario.env.n_agents:
            message = f"there is no link between agents {first} and {second}"
            remedy = f"two different agents of 0 to {scenario.env.n_agents - 1}"
            yield ("network", "other_links", index, "edge"), message, remedy


def _other_links_fit(scenario: Scenario) -> Iterator[Broken]:
    try:
        links_of(scenario)
    except ValueError as error:
        name, _, said = str(error).partition(": ")
        yield ("network", "other_links"), f"{name}: {said}", "parameters that fit each other and those of `link`"


def links_of(scenario: Scenario) -> dict[Path, LinkSpec]:
    """Return all kinds of links that there are, by where they are written; raises Unknown for one with mistakes."""
    network = scenario.network
    if network is None:
        return {}
    if isinstance(network.link, Partial):
        raise Unknown("link")
    found: dict[Path, LinkSpec] = {("network", "link"): network.link}
    overrides = overrides_of(network)
    for index, other in enumerate(network.other_links):
        first, second = other.edge
        found["network", "other_links", index, "link"] = overrides[first, second]
    return found


def _message_fits_the_queue(scenario: Scenario) -> Iterator[Broken]:
    if not isinstance(scenario.algorithm, Dvdn):
        return
    size_bytes = payload_bytes(scenario, scenario.algorithm)
    for path, link in _fitting_links(scenario).items():
        packets = link.packets(size_bytes)
        if not link.fits(size_bytes):
            limit = "limit" if packets > link.limit + 1 else "limit_bytes"
            message = f"messages of {packets} packets never arrive whole: {getattr(link, limit)} may wait beside one"
            remedy = f"at least {packets - 1}, or" if limit == "limit" else "more, or"
            yield (*path, limit), f"{message} served", f"{remedy} a smaller `training.batch`"


def _deadline_unless_lossless(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None or network.deadline is not None or not isinstance(scenario.algorithm, Dvdn):
        return
    links = _fitting_links(scenario).values()
    reasons = [_why_lossy(scenario, network, scenario.algorithm, link) for link in links]
    if any(_loses(fault, link) for fault in network.faults for link in links):
        reasons.append("faults lose messages")
    if network.acks:
        reasons.append("there are `acks`, for messages that may be lost")
    for reason in list(filter(None, reasons))[:1]:
        message = f"is missing, and {reason}: an agent would wait for ever for a message that was lost"
        yield ("network", "deadline"), message, "write how long to wait, such as `deadline: 50 ms` or `deadline: auto`"


def _loses(fault: Fault, link: LinkSpec) -> bool:
    try:
        return loses(fault, link)
    except ValueError:  # told by another rule
        return False


def _auto_deadline_has_an_answer(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None or not isinstance(scenario.algorithm, Dvdn):
        return
    for name in ("deadline", "ack_deadline"):
        for path, link in _fitting_links(scenario).items() if getattr(network, name) == AUTO else ():
            if link.loss_model.loss_rate >= 1.0 or cast("float", link.corrupt) >= 1.0:
                message = f"`auto` has no answer: no message ever arrives where `{dotted(path)}` says"
                yield ("network", name), message, "write how long to wait, such as `50 ms`"
                break


def _acks_are_sent(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None:
        return
    for name in ("ack_repeat", "ack_deadline"):
        if not network.acks and getattr(network, name) not in (1, None):
            yield ("network", name), "is given, and nothing is acknowledged", "write `acks: true`, or remove it"


def _broadcast_has_a_transmitter(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    if network is None or not network.broadcast:
        return
    if network.share == "link":
        message = "is true, and every link has a transmitter of its own"
        yield ("network", "broadcast"), message, "choose `share: node` or `share: medium`"
    for path, link in _fitting_links(scenario).items():
        for name in ("mtu", "overhead", "limit", "limit_bytes"):
            if getattr(link, name) != getattr(network.link, name):
                yield (*path, name), "differs, and one copy is broadcast to all links", "the same as in `network.link`"


def _faults_name_agents(scenario: Scenario) -> Iterator[Broken]:
    n_agents, network = scenario.env.n_agents, scenario.network
    for index, fault in enumerate(() if network is None else network.faults):
        strangers = [agent for agent in fault.agents() if agent >= n_agents]
        if strangers:
            message = f"there is no agent {strangers[0]}"
            yield ("network", "faults", index), message, f"agents are numbered from 0 to {n_agents - 1}"


def _degraded_links_fit(scenario: Scenario) -> Iterator[Broken]:
    network = scenario.network
    for index, fault in enumerate(() if network is None else network.faults):
        for link in _fitting_links(scenario).values():
            try:
                loses(fault, link)
            except ValueError as error:
                yield ("network", "faults", index, "link"), str(error), "parameters that fit those of the links"
                break


def _fitting_links(scenario: Scenario) -> dict[Path, LinkSpec]:
    try:
        return links_of(scenario)
    except ValueError:  # told by another rule
        return {}


def _why_lossy(scenario: Scenario, network: Network, algorithm: Dvdn, link: LinkSpec) -> str:
    """Return why a message may be lost; empty where none ever can."""
    if link.loss_model.loss_rate > 0.0 or cast("float", link.corrupt) > 0.0:
        return "links lose packets"
    if _unlimited(link):
        return ""
    queued = link.packets(payload_bytes(scenario, algorithm)) * algorithm.consensus.rounds
    queued *= _rivals(network, scenario.env.n_agents)
    if link.limit_bytes is not None:
        return "`link.limit_bytes` may drop packets"
    return f"up to {queued} packets may meet in a queue of {link.limit}" if queued > link.limit + 1 else ""


def _rivals(network: Network, n_agents: int) -> int:
    """Return how many messages of a round one transmitter may have to send."""
    if network.share == "link":
        return 1
    of_a_node = 1 if network.broadcast else n_agents - 1
    return of_a_node if network.share == "node" else n_agents * of_a_node


def _unlimited(link: LinkSpec) -> bool:
    """Return whether nothing ever waits on the link."""
    return cast("float", link.rate) == float("inf")


NETWORK_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _dvdn_has_a_network,
    _network_has_agents,
    _topology_needs_no_environment,
    _topology_exists,
    _weights_need_both_directions,
    _other_links_exist,
    _other_links_fit,
    _message_fits_the_queue,
    _degraded_links_fit,
    _deadline_unless_lossless,
    _auto_deadline_has_an_answer,
    _acks_are_sent,
    _broadcast_has_a_transmitter,
    _faults_name_agents,
)
