"""Random graphs of the textbook, drawn once from the seed by networkx."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import networkx as nx
import numpy as np

from netmodels.streams import stream
from netmodels.topology.graph import Edge, Graph, Positions
from netmodels.units import count, positive, probability

DRAWS_AT_MOST = 10_000
"""Redraws before a connected graph is given up; fewer of many agents, so that it takes seconds at most."""
PAIRS_AT_MOST = 10_000_000
"""Pairs of agents in all of them, of which each may be a link."""
STEPS_AT_MOST = 150_000
"""Steps of 10 to 20 µs that one draw may take."""


@dataclass(frozen=True)
class _Drawn:
    """What these topologies have in common: drawn once, or, if it has to be connected, until it is.

    Attributes:
        connected: draw until the graph is connected.
    """

    connected: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.connected, bool):
            raise ValueError(  # noqa: TRY004  (one kind of error for bad input)
                f"topology.connected: expected true or false, got {self.connected!r}"
            )

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
        """Return the graph that the seed draws, whatever the instant; see `Topology.graph`."""
        del episode, update, round_index, now_ns, positions
        return _graph(self, n_agents, seed)

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        raise NotImplementedError

    def describe(self) -> str:
        """Say in a few words which links exist."""
        raise NotImplementedError

    def _until(self) -> str:
        return ", drawn until connected" if self.connected else ""


@lru_cache(maxsize=256)
def _graph(topology: _Drawn, n_agents: int, seed: int) -> Graph:
    count(n_agents, "n_agents", minimum=1)
    generator = stream(seed, "topology", type(topology).__name__)
    draws = min(DRAWS_AT_MOST, max(20, PAIRS_AT_MOST // n_agents**2))
    for _ in range(draws):
        pairs = topology._draw(n_agents, generator)  # noqa: SLF001  (the cached half of its method)
        graph = Graph.undirected(n_agents, pairs)
        if not topology.connected or nx.is_strongly_connected(graph.to_networkx()):
            return graph
    raise ValueError(f"topology.connected: {topology!r} gave no connected graph of {n_agents} in {draws} draws")


def _refuse_long_draw(steps: int, name: str, given: int) -> None:
    if steps > STEPS_AT_MOST:
        raise ValueError(f"{name}: expected fewer, for a graph of so many agents and links takes too long, got {given}")


@dataclass(frozen=True, kw_only=True)
class KRegular(_Drawn):
    """Uniform among graphs in which every agent has the same number of links, asymptotically.

    Attributes:
        degree: links of each agent, fewer than there are agents; times the number of agents an even number.
        connected: draw until the graph is connected.

    Source: networkx.random_regular_graph (Steger, Wormald 1999).

    >>> set(KRegular(degree=3).graph(8, seed=0).degrees)
    {3}
    """

    degree: int

    def __post_init__(self) -> None:
        super().__post_init__()
        count(self.degree, "topology.degree")

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        if self.degree >= n_agents or self.degree * n_agents % 2:
            wanted = f"fewer than the {n_agents} agents, and an even number of link ends"
            raise ValueError(f"topology.degree: expected {wanted}, got {self.degree}")
        # Where a graph is dense its complement, the links that it has not, is drawn far faster, and as uniformly.
        dense = 2 * self.degree >= n_agents
        degree = n_agents - 1 - self.degree if dense else self.degree
        _refuse_long_draw(degree**3 // 13, "topology.degree", self.degree)
        drawn = list(nx.random_regular_graph(degree, n_agents, seed=generator).edges)
        lacking = {(min(pair), max(pair)) for pair in drawn}
        return [pair for pair in combinations(range(n_agents), 2) if pair not in lacking] if dense else drawn

    def describe(self) -> str:
        """Say which links exist.

        >>> KRegular(degree=3).describe()
        'random graph with 3 links at every agent'
        """
        return f"random graph with {self.degree} links at every agent{self._until()}"


@dataclass(frozen=True, kw_only=True)
class ErdosRenyi(_Drawn):
    """Every link exists with the same probability, independently.

    Attributes:
        p: that probability.
        connected: draw until the graph is connected.

    Source: networkx.gnp_random_graph (Gilbert 1959; Erdős, Rényi 1959).

    >>> ErdosRenyi(p="100%").graph(3, seed=0).degrees
    (2, 2, 2)
    """

    p: float | str

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "p", probability(self.p, "topology.p"))

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        return list(nx.gnp_random_graph(n_agents, float(self.p), seed=generator).edges)

    def describe(self) -> str:
        """Say which links exist.

        >>> ErdosRenyi(p=0.5, connected=True).describe()
        'each link with probability 50%, drawn until connected'
        """
        return f"each link with probability {100 * float(self.p):.3g}%{self._until()}"


@dataclass(frozen=True, kw_only=True)
class BarabasiAlbert(_Drawn):
    """Grown by preferential attachment: each new agent links to earlier ones in proportion to their links.

    Attributes:
        links: links of each new agent, at least 1, fewer than there are agents.
        connected: always so.

    Source: networkx.barabasi_albert_graph (Barabási, Albert 1999).

    >>> len(BarabasiAlbert(links=2).graph(10, seed=0).edges)        # 2 · (10 − 2) links, both directions
    32
    """

    links: int

    def __post_init__(self) -> None:
        super().__post_init__()
        count(self.links, "topology.links", minimum=1)

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        if self.links >= n_agents:
            raise ValueError(f"topology.links: expected fewer than the {n_agents} agents, got {self.links}")
        _refuse_long_draw(self.links * (n_agents - self.links), "topology.links", self.links)
        return list(nx.barabasi_albert_graph(n_agents, self.links, seed=generator).edges)

    def describe(self) -> str:
        """Say which links exist.

        >>> BarabasiAlbert(links=2).describe()
        'grown by preferential attachment of 2 links'
        """
        return f"grown by preferential attachment of {self.links} links{self._until()}"


@dataclass(frozen=True, kw_only=True)
class WattsStrogatz(_Drawn):
    """A small world: a ring on which some links are rewired.

    Attributes:
        neighbours: nearest agents on the ring that each is linked to, even, fewer than there are agents.
        p: probability of rewiring each link.
        connected: draw until the graph is connected.

    Source: networkx.watts_strogatz_graph (Watts, Strogatz 1998).

    >>> set(WattsStrogatz(neighbours=4, p=0.0).graph(9, seed=0).degrees)
    {4}
    """

    neighbours: int
    p: float | str

    def __post_init__(self) -> None:
        super().__post_init__()
        if count(self.neighbours, "topology.neighbours") % 2:
            raise ValueError(f"topology.neighbours: expected an even number, got {self.neighbours}")
        object.__setattr__(self, "p", probability(self.p, "topology.p"))

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        if self.neighbours >= n_agents:
            raise ValueError(f"topology.neighbours: expected fewer than the {n_agents} agents, got {self.neighbours}")
        # Where nearly all are neighbours, hardly any pick of a new end is a new one.
        rewired = float(self.p) * n_agents * self.neighbours // 2
        steps = int(rewired * n_agents / (n_agents - self.neighbours))
        _refuse_long_draw(steps, "topology.neighbours", self.neighbours)
        return list(nx.watts_strogatz_graph(n_agents, self.neighbours, float(self.p), seed=generator).edges)

    def describe(self) -> str:
        """Say which links exist.

        >>> WattsStrogatz(neighbours=4, p="10%").describe()
        'ring of 4 nearest neighbours with 10% of links rewired'
        """
        share = f"{100 * float(self.p):.3g}%"
        return f"ring of {self.neighbours} nearest neighbours with {share} of links rewired{self._until()}"


@dataclass(frozen=True, kw_only=True)
class RandomGeometric(_Drawn):
    """Agents uniform in the unit square, linked where they are near each other.

    Attributes:
        radius: greatest distance of a link, where the side of the square is 1; a number above 0.
        connected: draw until the graph is connected.

    Source: networkx.random_geometric_graph (Penrose 2003).

    >>> RandomGeometric(radius=1.5).graph(3, seed=0).degrees
    (2, 2, 2)
    """

    radius: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "radius", positive(self.radius, "topology.radius"))

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        return list(nx.random_geometric_graph(n_agents, self.radius, seed=generator).edges)

    def describe(self) -> str:
        """Say which links exist.

        >>> RandomGeometric(radius=0.3).describe()
        'links up to 0.3 between random places in the unit square'
        """
        return f"links up to {self.radius:.3g} between random places in the unit square{self._until()}"
