"""What the exchanges of a scenario leave, for invariants to be checked on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dvdn_sim.network import ExchangeReport, MessageCounts, MessageLife
from dvdn_sim.network.faults import renamed
from dvdn_sim.network.simulation import SimulatedNetwork
from dvdn_sim.network.trials import Setting
from netmodels.streams import stream
from netmodels.topology import START, Graph, Instant, Topology

Numbers = npt.NDArray[np.float64]
EXCHANGES = 3
LANDED_STEPS = 10**6
"""Steps of acting after which everything that was sent has arrived."""


class Lives:
    """A probe that keeps what it is told."""

    def __init__(self) -> None:
        self.all: list[MessageLife] = []

    def message(self, life: MessageLife) -> None:
        """See `Probe.message`."""
        self.all.append(life)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Some exchanges in a row over one network, and what became of them.

    Attributes:
        setting: What was exchanged, over what.
        reports: Of the exchanges.
        audits: What the ledger's audit said after each of them, and after everything had landed.
        counts: Fates of all messages, after everything had landed.
        lives: What a probe was told.
        values: What agents held before each exchange ``[N, 2]``.
    """

    setting: Setting
    reports: Sequence[ExchangeReport]
    audits: Sequence[str]
    counts: MessageCounts
    lives: Sequence[MessageLife]
    values: Numbers


def evidence_of(setting: Setting, number: Sequence[int] | None = None) -> Evidence:
    """Exchange a few times.

    Args:
        setting: What is exchanged, over what.
        number: What agents are called: agent i is number[i], with its links, faults and random streams. As they are,
            by default.
    """
    lives = Lives()
    network = _network(setting, list(range(setting.n_agents)) if number is None else list(number), lives)
    reports, audits = [], []
    for index in range(EXCHANGES):
        network.act(1)
        report = network.exchange(
            "td", rounds=setting.rounds, size_bytes=setting.size_bytes, episode=index, update=index
        )
        reports.append(report)
        audits.append(network.counters.audit())
    network.act(LANDED_STEPS)
    audits.append(network.counters.audit())
    return Evidence(
        setting=setting,
        reports=reports,
        audits=audits,
        counts=network.counters.messages,
        lives=lives.all,
        values=stream(setting.seed, "values").standard_normal((setting.n_agents, 2)),
    )


@dataclass(frozen=True)
class _Renumbered:
    """A topology whose agent i is called number[i]."""

    topology: Topology
    number: tuple[int, ...]

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        """See `Topology.graph`."""
        graph = self.topology.graph(n_agents, seed, at)
        return Graph(n_agents, tuple(sorted((self.number[a], self.number[b]) for a, b in graph.edges)))

    def describe(self) -> str:
        """Say which links exist."""
        return self.topology.describe()


def _network(setting: Setting, number: list[int], lives: Lives) -> SimulatedNetwork:
    network = setting.network
    keys = [number.index(agent) for agent in range(setting.n_agents)]
    faults = tuple(renamed(fault, dict(enumerate(number))) for fault in network.faults)
    others = tuple(replace(other, edge=(number[other.edge[0]], number[other.edge[1]])) for other in network.other_links)
    return SimulatedNetwork(
        replace(network, faults=faults, other_links=others),  # type: ignore[arg-type]  # of the same kinds
        n_agents=setting.n_agents,
        seed=setting.seed,
        topology=_Renumbered(network.topology, tuple(number)),
        agent_keys=keys,
        probe=lives,
    )
