"""Topologies whose links never change."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from netmodels.topology.graph import Edge, Graph, Positions
from netmodels.units import count, listed


@dataclass(frozen=True)
class _Fixed:
    """What these topologies have in common: a graph that depends on the number of agents only."""

    def graph(
        self,
        n_agents: int,
        seed: int,
        episode: int = 0,
        update: int = 0,
        round_index: int = 0,
        *,
        now_ns: int = 0,
        positions: Positions | None = None,
    ) -> Graph:
        """Return the graph, whatever the instant; see `Topology.graph`."""
        del seed, episode, update, round_index, now_ns, positions
        return _graph(self, n_agents)

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        raise NotImplementedError

    def _build(self, n_agents: int) -> Graph:
        return Graph.undirected(n_agents, self._pairs(n_agents))


@lru_cache(maxsize=256)
def _graph(topology: _Fixed, n_agents: int) -> Graph:
    return topology._build(count(n_agents, "n_agents", minimum=1))  # noqa: SLF001  (the cached half of its method)


@dataclass(frozen=True)
class Complete(_Fixed):
    """Every agent has a link to every other.

    >>> Complete().graph(3, seed=0).degrees
    (2, 2, 2)
    """

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        return combinations(range(n_agents), 2)

    def describe(self) -> str:
        """Say which links exist.

        >>> Complete().describe()
        'complete graph'
        """
        return "complete graph"


@dataclass(frozen=True)
class Ring(_Fixed):
    """Agent i has links to i − 1 and i + 1, around a circle.

    >>> Ring().graph(5, seed=0).neighbours(0)
    (1, 4)
    """

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        pairs = ((agent, (agent + 1) % n_agents) for agent in range(n_agents))
        return [pair for pair in pairs if pair[0] != pair[1]]

    def describe(self) -> str:
        """Say which links exist.

        >>> Ring().describe()
        'ring'
        """
        return "ring"


@dataclass(frozen=True)
class Path(_Fixed):
    """Agent i has links to i − 1 and i + 1, with two ends.

    >>> Path().graph(3, seed=0).degrees
    (1, 2, 1)
    """

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        return ((agent, agent + 1) for agent in range(n_agents - 1))

    def describe(self) -> str:
        """Say which links exist.

        >>> Path().describe()
        'path'
        """
        return "path"


@dataclass(frozen=True)
class Star(_Fixed):
    """One agent has links to all others, which have no other.

    Attributes:
        centre: index of that agent.

    >>> Star().graph(4, seed=0).degrees
    (3, 1, 1, 1)
    """

    centre: int = 0

    def __post_init__(self) -> None:
        count(self.centre, "topology.centre")

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        if self.centre >= n_agents:
            raise ValueError(f"topology.centre: expected one of {n_agents} agents, got {self.centre}")
        return ((self.centre, agent) for agent in range(n_agents) if agent != self.centre)

    def describe(self) -> str:
        """Say which links exist.

        >>> Star().describe()
        'star around agent 0'
        """
        return f"star around agent {self.centre}"


@dataclass(frozen=True)
class Grid(_Fixed):
    """Agents row by row on a rectangular grid, each with links to those beside, above and below.

    Attributes:
        columns: agents in a row; ⌈√n_agents⌉ if not given. The last row may be shorter.

    >>> Grid().graph(4, seed=0).edges == Ring().graph(4, seed=0).edges     # no: 0 1 / 2 3
    False
    >>> Grid(columns=2).graph(4, seed=0).neighbours(0)
    (1, 2)
    """

    columns: int | None = None

    def __post_init__(self) -> None:
        if self.columns is not None:
            count(self.columns, "topology.columns", minimum=1)

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        columns = math.isqrt(n_agents - 1) + 1 if self.columns is None else self.columns
        beside = [(agent, agent + 1) for agent in range(n_agents - 1) if (agent + 1) % columns]
        return beside + [(agent, agent + columns) for agent in range(n_agents - columns)]

    def describe(self) -> str:
        """Say which links exist.

        >>> Grid(columns=3).describe()
        'grid with 3 columns'
        """
        return "square grid" if self.columns is None else f"grid with {self.columns} columns"


@dataclass(frozen=True)
class Edges(_Fixed):
    """The links that are listed.

    Attributes:
        edges: pairs of agents, at least none.
        directed: whether a pair is a link from the first to the second only.

    Raises:
        ValueError: when built, for what is no list of pairs of different agents; when asked for a graph, for an agent
            that there is not.

    >>> Edges([(0, 1), (1, 2)]).graph(3, seed=0).degrees
    (1, 2, 1)
    >>> Edges([(0, 1)], directed=True).graph(2, seed=0).edges
    ((0, 1),)
    """

    edges: Sequence[Sequence[int]]
    directed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", tuple(map(_pair, listed(self.edges, "topology.edges"))))
        if not isinstance(self.directed, bool):
            raise ValueError(  # noqa: TRY004  (one kind of error for bad input)
                f"topology.directed: expected true or false, got {self.directed!r}"
            )

    def _build(self, n_agents: int) -> Graph:
        pairs = [(edge[0], edge[1]) for edge in self.edges]
        return Graph(n_agents, tuple(sorted(set(pairs)))) if self.directed else Graph.undirected(n_agents, pairs)

    def describe(self) -> str:
        """Say which links exist.

        >>> Edges([(0, 1)]).describe()
        '1 listed link'
        """
        kind = "directed link" if self.directed else "link"
        return f"{len(self.edges)} listed {kind}{'s' if len(self.edges) != 1 else ''}"


def _pair(edge: object) -> Edge:
    if not isinstance(edge, Sequence) or len(edge) != 2:
        raise ValueError(f"topology.edges: expected pairs of agents, got {edge!r}")
    sender, receiver = (count(agent, "topology.edges") for agent in edge)
    if sender == receiver:
        raise ValueError(f"topology.edges: expected pairs of different agents, got {edge!r}")
    return sender, receiver
