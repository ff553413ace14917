"""Networks of small teams, said as a scenario says them."""

from collections.abc import Mapping

from dvdn_sim.network import Exchange, Phase, SimulatedNetwork, TeamFaults, Transport
from dvdn_sim.scenario import ConstantTime, LognormalTime, Network, NormalTime, OtherLink
from netmodels import LinkSpec
from netmodels.topology import Complete

__all__ = [
    "MS", "ConstantTime", "Given", "Lives", "LognormalTime", "NormalTime", "exchange_of", "faults_of", "network_of",
    "spec_of", "transport_of",
]  # fmt: skip

MS = 1_000_000
ENGINE = "auto"
"""Of networks that do not say which."""
NONE: Mapping = {}


class Given:
    """A topology of given graphs, by update and round, both over and over again."""

    def __init__(self, *updates) -> None:
        self.updates = updates

    def graph(self, n_agents, seed, at):
        rounds = self.updates[at.update % len(self.updates)]
        return rounds[at.round_index % len(rounds)]

    def describe(self) -> str:
        return "given"

    __repr__ = describe


class Lives(list):
    """A probe that keeps what it is told."""

    message = list.append


def spec_of(other_links=NONE, **fields) -> Network:
    """A complete graph whose links take 1 ms on the wire for a full packet, and 5 ms to travel; agents compute nothing.

    `other_links` has what differs, by (sender, receiver).
    """
    defaults = {
        "topology": Complete(), "link": LinkSpec(rate="12 Mbit/s", delay="5 ms"), "control_period": 0.1,
        "compute": ConstantTime(0.0), "engine": ENGINE,
    }  # fmt: skip
    others = tuple(OtherLink(edge=edge, one_way=True, link=changes) for edge, changes in other_links.items())
    return Network(**defaults | fields, other_links=others)


def network_of(n_agents, *, seed=1, topology=None, agent_keys=None, probe=None, **fields) -> SimulatedNetwork:
    """The network of a team; `topology` may be any object that has graphs."""
    spec = spec_of(**fields)
    network = SimulatedNetwork(spec, n_agents=n_agents, seed=seed, agent_keys=agent_keys, probe=probe)
    if topology is not None:  # of a kind that no scenario has
        network._topology = topology
    return network


def faults_of(faults, n_agents, seed=0) -> TeamFaults:
    """The faults of a team, as mappings."""
    return TeamFaults(spec_of(faults=faults).faults, seed=seed, agent_keys=range(n_agents))


def exchange_of(
    clock, transport, counters, graphs, *, size_bytes, deadline_ns, kind="td", acks=None, faults=None, **options
) -> Exchange:
    """An exchange over given graphs; the same deadline for all, and of acknowledgements `acks`: (deadline, repeat)."""
    n_agents = graphs[0].n_agents

    def waits(time_ns):
        return None if time_ns is None else [[time_ns] * n_agents] * len(graphs)

    phases = Phase.of_rounds(kind, graphs, size_bytes, waits(deadline_ns))
    if acks is not None:
        of_acks = Phase.of_rounds("ack", graphs, 24, waits(acks[0]), acks[1])
        phases = [phase for both in zip(phases, of_acks, strict=True) for phase in both]
    return Exchange(clock, transport, counters, phases, faults=faults or faults_of((), n_agents), **options)


def transport_of(agent_keys, *, seed=0, faults=None, **fields) -> Transport:
    """The links of a team, by the keys of its agents or their number."""
    keys = range(agent_keys) if isinstance(agent_keys, int) else agent_keys
    return Transport(spec_of(**fields), seed=seed, agent_keys=keys, faults=faults)
