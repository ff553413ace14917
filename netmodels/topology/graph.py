"""The graph at one instant: which directed links exist."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from netmodels.units import Natural, Spec, count

if TYPE_CHECKING:
    import networkx as nx

Agent = Annotated[Natural, Field(le=10**6)]
Edge = tuple[int, int]


def _different(edge: Edge) -> Edge:
    if edge[0] == edge[1]:
        raise ValueError(f"expected two different agents, got {edge!r}")
    return edge


Pair = Annotated[tuple[Agent, Agent], AfterValidator(_different)]
"""Field type of two agents."""
Positions = Sequence[Sequence[float]] | NDArray[np.float64]


@dataclass(frozen=True)
class Graph:
    """Directed links between agents 0 … n_agents − 1; frozen and hashable.

    Attributes:
        n_agents: number of agents, at least 1.
        edges: (sender, receiver) pairs, sorted, each once, none from an agent to itself.

    Raises:
        ValueError: for edges that are not so.

    >>> path = Graph.undirected(3, [(0, 1), (1, 2)])
    >>> path.edges, path.degrees, path.neighbours(1)
    (((0, 1), (1, 0), (1, 2), (2, 1)), (1, 2, 1), (0, 2))
    """

    n_agents: int
    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        count(self.n_agents, "n_agents", minimum=1)
        previous: Edge = (-1, -1)
        for edge in self.edges:
            sender, receiver = edge
            if not (0 <= sender < self.n_agents and 0 <= receiver < self.n_agents and sender != receiver):
                raise ValueError(f"edges: expected pairs of different agents below {self.n_agents}, got {edge!r}")
            if edge <= previous:
                raise ValueError(f"edges: expected sorted pairs, each once, got {edge!r} after {previous!r}")
            previous = edge

    @classmethod
    def undirected(cls, n_agents: int, pairs: Iterable[Edge]) -> Self:
        """Return the graph with both directions of each pair; pairs may repeat.

        >>> Graph.undirected(2, [(1, 0)]).edges
        ((0, 1), (1, 0))
        """
        return cls(n_agents, tuple(sorted({edge for a, b in pairs for edge in ((a, b), (b, a))})))

    @cached_property
    def symmetric(self) -> bool:
        """Whether every link has its reverse."""
        present = set(self.edges)
        return all((receiver, sender) in present for sender, receiver in self.edges)

    @property
    def degrees(self) -> tuple[int, ...]:
        """Number of agents that each agent sends to."""
        return tuple(map(len, self._receivers))

    def neighbours(self, agent: int) -> tuple[int, ...]:
        """Return the agents that one agent sends to, in order.

        >>> Graph(2, ((0, 1),)).neighbours(0), Graph(2, ((0, 1),)).neighbours(1)
        ((1,), ())
        """
        return self._receivers[agent]

    @cached_property
    def _receivers(self) -> tuple[tuple[int, ...], ...]:
        receivers: list[list[int]] = [[] for _ in range(self.n_agents)]
        for sender, receiver in self.edges:
            receivers[sender].append(receiver)
        return tuple(map(tuple, receivers))

    @cached_property
    def _senders(self) -> tuple[tuple[int, ...], ...]:
        senders: list[list[int]] = [[] for _ in range(self.n_agents)]
        for sender, receiver in self.edges:
            senders[receiver].append(sender)
        return tuple(map(tuple, senders))

    def senders(self, agent: int) -> tuple[int, ...]:
        """Return the agents that send to one agent, in order; the same as `neighbours` where the graph is symmetric.

        >>> Graph(2, ((0, 1),)).senders(1)
        (0,)
        """
        return self._senders[agent]

    def adjacency(self) -> NDArray[np.float64]:
        """Return the matrix with 1 at [sender, receiver], float64 [n_agents, n_agents].

        >>> Graph(2, ((0, 1),)).adjacency().tolist()
        [[0.0, 1.0], [0.0, 0.0]]
        """
        matrix = np.zeros((self.n_agents, self.n_agents))
        if self.edges:
            senders, receivers = zip(*self.edges, strict=True)
            matrix[senders, receivers] = 1.0
        return matrix

    def to_networkx(self) -> "nx.DiGraph[int]":
        """Return the same graph for networkx.

        >>> Graph(2, ((0, 1),)).to_networkx().number_of_edges()
        1
        """
        import networkx as nx

        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(range(self.n_agents))
        graph.add_edges_from(self.edges)
        return graph


class Instant(NamedTuple):
    """When a graph is asked for.

    Attributes:
        episode: index of the episode.
        update: index of the learner's update.
        round_index: index of the communication round within the update.
        now_ns: simulated time.
        positions: where the agents are, in metres, [n_agents, dimensions], for kinds that depend on it.
    """

    episode: int = 0
    update: int = 0
    round_index: int = 0
    now_ns: int = 0
    positions: Positions | None = None


START = Instant()


class Topology(Protocol):
    """Which links exist, as a pure function of the seed and an instant; nothing is remembered."""

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        """Return the graph of so many agents, in the run of that seed, at an instant.

        Raises:
            ValueError: if there is no such graph of that many agents.
        """

    def describe(self) -> str:
        """Say in a few words which links exist."""


class TopologyKind(Spec):
    """What the topologies of scenarios tell besides."""

    if TYPE_CHECKING:

        def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph: ...
        def describe(self) -> str: ...

    @property
    def fixed(self) -> bool:
        """Whether it is one graph, whatever the instant."""
        return True

    @property
    def one_way(self) -> bool:
        """Whether some link may exist in one direction only."""
        return False

    @property
    def exchangeable(self) -> bool:
        """Whether no agent is unlike another, even from one update to the next: none is short of a link for a while."""
        return False

    def parts(self) -> "tuple[TopologyKind, ...]":
        """Return itself and the topologies that it is made of."""
        return (self,)

    def refuse_impossible(self, n_agents: int, seeds: Sequence[int]) -> None:
        """Refuse what has no graph of so many agents at some time in the runs of these seeds; its parts are for others.

        Raises:
            ValueError: it begins with the key at fault, as ``topology.degree: ...``.
        """
        self.graph(n_agents, seeds[0])
