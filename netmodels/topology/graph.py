"""The graph at one instant: which directed links exist."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol, Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from netmodels.units import Natural, Spec, count

if TYPE_CHECKING:
    import networkx as nx

MAX_AGENT = 10**6
Agent = Annotated[Natural, Field(le=MAX_AGENT)]
Edge = tuple[int, int]


def _different(edge: Edge) -> Edge:
    if edge[0] == edge[1]:
        raise ValueError(f"expected two different agents, got {edge!r}")
    return edge


Pair = Annotated[tuple[Agent, Agent], AfterValidator(_different)]
"""Field type of two agents."""
Links = NDArray[np.int64]
Positions = Sequence[Sequence[float]] | NDArray[np.float64]


@dataclass(frozen=True, eq=False, init=False)
class Graph:
    """Directed links between agents 0 … n_agents − 1; frozen and hashable.

    They are rows of one array, of 16 bytes each. What else is asked for is worked out once.

    Attributes:
        n_agents: number of agents, at least 1.
        links: (sender, receiver), int64 [E, 2], sorted, each once, none from an agent to itself; read-only.

    >>> path = Graph.undirected(3, [(0, 1), (1, 2)])
    >>> path.links.tolist(), path.degrees, path.neighbours(1)
    ([[0, 1], [1, 0], [1, 2], [2, 1]], (1, 2, 1), (0, 2))
    """

    n_agents: int
    links: Links

    def __init__(self, n_agents: int, edges: Iterable[Edge] | Links) -> None:
        """Take (sender, receiver) pairs, sorted.

        Raises:
            ValueError: for edges that are not as `links` are.
        """
        count(n_agents, "n_agents", minimum=1)
        if isinstance(edges, np.ndarray):
            links = np.array(edges, np.int64, order="C")
            if not _sorted(n_agents, links):
                _check_each(n_agents, map(tuple, links.tolist()))
        else:  # quicker where they are few
            edges = tuple(edges)
            _check_each(n_agents, edges)
            links = np.array(edges, np.int64).reshape(-1, 2)
        links.flags.writeable = False
        object.__setattr__(self, "n_agents", n_agents)
        object.__setattr__(self, "links", links)

    @classmethod
    def undirected(cls, n_agents: int, pairs: Iterable[Edge] | Links) -> Self:
        """Return the graph with both directions of each pair; pairs may repeat.

        >>> Graph.undirected(2, [(1, 0)]).edges
        ((0, 1), (1, 0))
        """
        if not isinstance(pairs, np.ndarray):
            return cls(n_agents, sorted({edge for a, b in pairs for edge in ((a, b), (b, a))}))
        if not _within(n_agents, pairs):
            return cls(n_agents, sorted({(a, b) for a, b in pairs.tolist()}))  # which says what is wrong
        codes = distinct(pairs @ np.array(((n_agents, 1), (1, n_agents))))
        return cls(n_agents, np.stack(np.divmod(codes, n_agents), axis=1))

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Graph):
            return self is other
        return self.n_agents == other.n_agents and np.array_equal(self.links, other.links)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:  # what is read-only stays so, and what is worked out stays behind
        return type(self), (self.n_agents, self.links)

    @cached_property
    def _hash(self) -> int:
        return hash((self.n_agents, crc32(self.links.data)))

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """The links as Python's pairs, which take ten times their memory."""
        return tuple(zip(*self.links.T.tolist(), strict=True))

    @cached_property
    def starts(self) -> Links:
        """Where each agent's links begin, int64 [n_agents + 1]: agent i has ``links[starts[i]:starts[i + 1]]``."""
        return self.links[:, 0].searchsorted(np.arange(self.n_agents + 1))

    @cached_property
    def into(self) -> Links:
        """The links' numbers by receiver, then sender, int64 [E]."""
        return self.links[:, 1].argsort(kind="stable")

    @cached_property
    def into_starts(self) -> Links:
        """Where those to each agent begin in `into`, int64 [n_agents + 1]."""
        return np.asarray(self.links[self.into, 1].searchsorted(np.arange(self.n_agents + 1)))

    @cached_property
    def symmetric(self) -> bool:
        """Whether every link has its reverse."""
        return np.array_equal(self.links[self.into, ::-1], self.links)

    @property
    def degrees(self) -> tuple[int, ...]:
        """Number of agents that each agent sends to."""
        return tuple(np.diff(self.starts).tolist())

    def neighbours(self, agent: int) -> tuple[int, ...]:
        """Return the agents that one agent sends to, in order.

        >>> Graph(2, ((0, 1),)).neighbours(0), Graph(2, ((0, 1),)).neighbours(1)
        ((1,), ())
        """
        return tuple(self.links[self.starts[agent] : self.starts[agent + 1], 1].tolist())

    def senders(self, agent: int) -> tuple[int, ...]:
        """Return the agents that send to one agent, in order; the same as `neighbours` where the graph is symmetric.

        >>> Graph(2, ((0, 1),)).senders(1)
        (0,)
        """
        numbers = self.into[self.into_starts[agent] : self.into_starts[agent + 1]]
        return tuple(self.links[numbers, 0].tolist())

    def adjacency(self) -> NDArray[np.float64]:
        """Return the matrix with 1 at [sender, receiver], float64 [n_agents, n_agents].

        >>> Graph(2, ((0, 1),)).adjacency().tolist()
        [[0.0, 1.0], [0.0, 0.0]]
        """
        matrix = np.zeros((self.n_agents, self.n_agents))
        matrix[*self.links.T] = 1.0
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


def distinct(codes: Links) -> Links:
    """Return numbers sorted, each once: `np.unique` takes a hundred times as long for millions.

    >>> distinct(np.array([[3, 1], [1, 2]])).tolist()
    [1, 2, 3]
    """
    codes = np.sort(codes, axis=None)
    first = np.ones(len(codes), bool)
    first[1:] = codes[1:] != codes[:-1]
    return np.asarray(codes[first])


def _within(n_agents: int, links: Links) -> bool:
    return not links.size or bool(links.min() >= 0 and links.max() < n_agents)


def _sorted(n_agents: int, links: Links) -> bool:
    codes = links.dot(np.array((n_agents, 1)))
    different = links[:, 0] != links[:, 1]
    return _within(n_agents, links) and bool(different.all() and (codes[1:] > codes[:-1]).all())


def _check_each(n_agents: int, edges: Iterable[Edge]) -> None:
    previous: Edge = (-1, -1)
    for edge in edges:
        sender, receiver = edge
        if not (0 <= sender < n_agents and 0 <= receiver < n_agents and sender != receiver):
            raise ValueError(f"edges: expected pairs of different agents below {n_agents}, got {edge!r}")
        if edge <= previous:
            raise ValueError(f"edges: expected sorted pairs, each once, got {edge!r} after {previous!r}")
        previous = edge


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
