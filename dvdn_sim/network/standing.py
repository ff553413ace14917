"""Which links stand at an instant, without anything being sent: the topology's, less what faults have taken down.

The same topology, the same draws of the same faults, and the same rule for what a fault takes down as in an exchange:
a transmission that begins at that instant is lost where a link is not up here. Whether it gets through where one is,
its loss and its queue decide, which are no part of this.
"""

from collections.abc import Iterator, Sequence

from dvdn_sim.network.faults import TeamFaults
from dvdn_sim.records import Links, Point
from dvdn_sim.scenario.network import Network
from dvdn_sim.scenario.topologies import Schedule
from netmodels.links.availability import Availability
from netmodels.topology import EdgeMarkov, Range
from netmodels.topology.mobility import Mobility
from netmodels.units import nanoseconds


class Standing:
    """The links of one team over time."""

    def __init__(self, network: Network, *, n_agents: int, seed: int) -> None:
        """Draw when what fails.

        Args:
            network: The scenario's.
            n_agents: N.
            seed: Of the run.
        """
        self._topology, self._n_agents, self._seed = network.topology, n_agents, seed
        keys = range(n_agents)
        self._faults = TeamFaults(network.faults, seed=seed, agent_keys=keys) if network.faults else None
        self._availability: dict[tuple[int, int], Availability | None] = {}

    def at(self, now_ns: int, *, episode: int = 0, update: int = 0) -> Links:
        """Return the links at an instant, those of the first round where a topology changes from round to round.

        Args:
            now_ns: Simulated time.
            episode: Index of the episode, for topologies that change with it.
            update: Index of the update, the same.
        """
        edges = self._topology.graph(self._n_agents, self._seed, episode, update, 0, now_ns=now_ns).edges
        cut = {edge: None for edge in edges if self._is_cut(edge, now_ns)}
        moves = next(_mobilities(self._topology, now_ns), None)
        faults = self._faults
        return Links(
            up=tuple(edge for edge in edges if edge not in cut),
            cut=tuple(cut),
            down=tuple(agent for agent in range(self._n_agents) if self.is_down(agent, now_ns)),
            # A fault is over at its end, as in an exchange that begins at that instant.
            faults=() if faults is None else tuple(faults.under_way(now_ns, now_ns)),
            places=None if moves is None else _points(moves.positions(self._n_agents, self._seed, now_ns).tolist()),
        )

    def is_down(self, agent: int, now_ns: int) -> bool:
        """Whether an agent has crashed and is not back."""
        return self._faults is not None and self._faults.hinders(agent, now_ns, now_ns)

    def _is_cut(self, edge: tuple[int, int], now_ns: int) -> bool:
        if self._faults is None:
            return False
        if edge not in self._availability:
            self._availability[edge] = self._faults.plan.availability(*edge)
        availability = self._availability[edge]
        return availability is not None and availability.fate(now_ns, now_ns) != 0


def _mobilities(topology: object, now_ns: int) -> Iterator[Mobility]:
    """What moves the agents of a topology at an instant; at most one, as kinds within kinds go."""
    if isinstance(topology, Range) and topology.mobility is not None:
        yield topology.mobility
    elif isinstance(topology, EdgeMarkov):
        yield from _mobilities(topology.base, now_ns)
    elif isinstance(topology, Schedule):
        *_, holds = (entry.topology for entry in topology.entries if nanoseconds(entry.at) <= now_ns)
        yield from _mobilities(holds, now_ns)


def _points(places: Sequence[Sequence[float]]) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in places)
