"""Rules about the network: what there is, and whether its parts fit. Each yields (path, message, remedy)."""

from collections.abc import Callable, Iterator

from dvdn_sim.scenario.document import Path
from dvdn_sim.scenario.faults import loses
from dvdn_sim.scenario.network import overrides_of
from dvdn_sim.scenario.partial import Partial, Unknown
from dvdn_sim.scenario.scenario import Scenario
from dvdn_sim.scenario.topologies import within
from netmodels import LinkSpec
from netmodels.faults import Degrade
from netmodels.topology import RandomConnected, Range, refuse_undrawable

Broken = tuple[Path, str, str]
MOST_DEGRADED = 20_000
"""Kinds of links, each as it is under each fault: seconds' worth."""


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
    path = ("network", "topology", "edges")
    if not fewest <= edges <= most:
        message = f"no connected graph of {n_agents} agents has {edges} links"
        remedy = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        yield path, message, f"{remedy}, or leave it out for {fewest}"
        return
    try:
        refuse_undrawable(n_agents, edges)
    except ValueError as error:
        yield path, str(error).partition(": ")[2], ""


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
    for path, link in fitting_links(scenario).items():
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
    faults = [] if network is None else [each for each in enumerate(network.faults) if isinstance(each[1], Degrade)]
    links = dict.fromkeys(fitting_links(scenario).values())
    if len(faults) * len(links) > MOST_DEGRADED:
        message = f"{len(faults)} degradations of {len(links)} kinds of links are too many"
        yield ("network", "faults"), message, f"at most {max(MOST_DEGRADED // len(links), 1)}, or fewer `other_links`"
        return
    for index, fault in faults:
        for link in links:
            try:
                loses(fault, link)
            except ValueError as error:
                yield ("network", "faults", index, "link"), str(error), "parameters that fit those of the links"
                break


def _episodes_are_acted_one_by_one(scenario: Scenario) -> Iterator[Broken]:
    network, count = scenario.network, scenario.training.episodes_per_iteration
    if network is None or count == 1:
        return
    remedy, together = "1 as `training.episodes_per_iteration`, or", f"{count} episodes are acted side by side"
    if network.schedule == "overlap":
        message = f"`overlap` acts an episode while the update before it is under way; {together}, before their updates"
        yield ("network", "schedule"), message, f"{remedy} `blocking`"
    if network.acting == "noop":
        message = f"`noop` depends on who is down when an episode is acted; {together}, as if at one time"
        yield ("network", "acting"), message, f"{remedy} `frozen`"


def fitting_links(scenario: Scenario) -> dict[Path, LinkSpec]:
    """Return all kinds of links that there are, as `links_of` does; none where some do not fit each other."""
    try:
        return links_of(scenario)
    except ValueError:  # told by another rule
        return {}


NETWORK_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _topology_needs_no_environment,
    _topology_exists,
    _other_links_exist,
    _other_links_fit,
    _degraded_links_fit,
    _acks_are_sent,
    _broadcast_has_a_transmitter,
    _faults_name_agents,
    _episodes_are_acted_one_by_one,
)
