"""Topologies whose links never change: those of the textbook, those that are listed, and random ones drawn once."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import field
from functools import lru_cache
from itertools import combinations
from typing import Annotated

import numpy as np
from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from netmodels.streams import stream
from netmodels.topology.graph import START, Agent, Edge, Graph, Instant, Pair, TopologyKind
from netmodels.units import CLOSED, Count, Flag, Probability, count

MAX_DRAWS = 10_000
"""Redraws before a connected graph is given up; fewer of many agents, so that it takes seconds at most."""
MAX_PAIRS = 10_000_000
"""Pairs of agents in all of them, of which each may be a link."""
UNLIKELY = 1e-12
"""Probability with which a run may have no connected graph though it was said that it has."""
MAX_STEPS = 150_000
"""Steps of 10 to 20 µs that one draw may take."""


class _Fixed(TopologyKind):
    """What depends on the number of agents only."""

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        return _fixed_graph(self, n_agents)

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        raise NotImplementedError

    def _build(self, n_agents: int) -> Graph:
        return Graph.undirected(n_agents, self._pairs(n_agents))


@lru_cache(maxsize=256)
def _fixed_graph(topology: _Fixed, n_agents: int) -> Graph:
    return topology._build(count(n_agents, "n_agents", minimum=1))  # noqa: SLF001  (the cached half of its method)


class Complete(_Fixed, kind="complete"):
    """Every agent has a link to every other."""

    @property
    def exchangeable(self) -> bool:
        return True

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        return combinations(range(n_agents), 2)

    def describe(self) -> str:
        return "complete graph"


class Ring(_Fixed, kind="ring"):
    """Agent i has links to i − 1 and i + 1, around a circle."""

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        pairs = ((agent, (agent + 1) % n_agents) for agent in range(n_agents))
        return [pair for pair in pairs if pair[0] != pair[1]]

    def describe(self) -> str:
        return "ring"


class Path(_Fixed, kind="path"):
    """Agent i has links to i − 1 and i + 1, with two ends."""

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        return ((agent, agent + 1) for agent in range(n_agents - 1))

    def describe(self) -> str:
        return "path"


class Star(_Fixed, kind="star"):
    """One agent has links to all others, which have no other.

    Attributes:
        centre: index of that agent.
    """

    centre: Agent = 0

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        if self.centre >= n_agents:
            raise ValueError(f"topology.centre: expected one of {n_agents} agents, got {self.centre}")
        return ((self.centre, agent) for agent in range(n_agents) if agent != self.centre)

    def describe(self) -> str:
        return f"star around agent {self.centre}"


class Grid(_Fixed, kind="grid"):
    """Agents row by row on a rectangular grid, each with links to those beside, above and below.

    Attributes:
        columns: agents in a row; ⌈√n_agents⌉ if not given. The last row may be shorter.

    >>> Grid(columns=2).graph(4, seed=0).neighbours(0)         # 0 1 / 2 3
    (1, 2)
    """

    columns: Annotated[Count, Field(le=10**6)] | None = None

    def _pairs(self, n_agents: int) -> Iterable[Edge]:
        columns = math.isqrt(n_agents - 1) + 1 if self.columns is None else self.columns
        beside = [(agent, agent + 1) for agent in range(n_agents - 1) if (agent + 1) % columns]
        return beside + [(agent, agent + columns) for agent in range(n_agents - columns)]

    def describe(self) -> str:
        return "square grid" if self.columns is None else f"grid with {self.columns} columns"


class Edges(_Fixed, kind="edges"):
    """The links that are listed.

    Attributes:
        edges: pairs of agents, at least none.
        directed: whether a pair is a link from the first to the second only.

    >>> Edges([(0, 1)], directed=True).graph(2, seed=0).edges
    ((0, 1),)
    """

    edges: tuple[Pair, ...]
    directed: Flag = False

    @property
    def one_way(self) -> bool:
        present = set(self.edges)
        return self.directed and any((receiver, sender) not in present for sender, receiver in present)

    def _build(self, n_agents: int) -> Graph:
        if self.directed:
            return Graph(n_agents, tuple(sorted(set(self.edges))))
        return Graph.undirected(n_agents, self.edges)

    def describe(self) -> str:
        kind = "directed link" if self.directed else "link"
        return f"{len(self.edges)} listed {kind}{'s' if len(self.edges) != 1 else ''}"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class _Drawn(TopologyKind):
    """What networkx draws once; or, if it has to be connected, until it is.

    Attributes:
        connected: draw until the graph is connected.
    """

    kind: str = field(default="", repr=False)
    connected: Flag = False

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        return _drawn_graph(self, n_agents, seed)[0]

    def refuse_impossible(self, n_agents: int, seeds: Sequence[int]) -> None:
        if self.connected:
            _refuse_rare(self, n_agents, seeds)
        else:  # what has no graph for one seed has none for any
            self.graph(n_agents, seeds[0])

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        raise NotImplementedError

    def _until(self) -> str:
        return ", drawn until connected" if self.connected else ""


@lru_cache(maxsize=256)
def _drawn_graph(topology: _Drawn, n_agents: int, seed: int) -> tuple[Graph, int]:
    """Return the graph, and how many were drawn in vain before it."""
    import networkx as nx

    count(n_agents, "n_agents", minimum=1)
    generator = stream(seed, "topology", type(topology).__name__)
    draws = _most_draws(n_agents)
    for misses in range(draws):
        pairs = topology._draw(n_agents, generator)  # noqa: SLF001  (the cached half of its method)
        graph = Graph.undirected(n_agents, pairs)
        if not topology.connected or nx.is_strongly_connected(graph.to_networkx()):
            return graph, misses
    raise ValueError(
        f"topology.connected: seed {seed} finds no connected graph of {n_agents} agents in {draws} draws "
        f"({topology.describe()})"
    )


def _most_draws(n_agents: int) -> int:
    return min(MAX_DRAWS, max(20, MAX_PAIRS // n_agents**2))


def _refuse_rare(topology: _Drawn, n_agents: int, seeds: Sequence[int]) -> None:
    """Refuse what has no connected graph for some seed; look at as few seeds as it takes to be sure of all."""
    draws, misses = _most_draws(n_agents), 0
    # Were connected graphs so rare, it would be unlikely that every seed finds one.
    rare = math.log(len(seeds) / UNLIKELY) / draws
    for found, seed in enumerate(seeds, start=1):
        misses += _drawn_graph(topology, n_agents, seed)[1]
        expected = rare * (misses + found)
        # Chernoff: with which probability so many are found where so many are expected, at most.
        if found > expected and found * math.log(found / expected) - found + expected > -math.log(UNLIKELY):
            return
        if misses > 10 * draws:
            often = f"one draw in {1 + misses // found} is connected"
            raise ValueError(
                f"topology.connected: {often} ({topology.describe()}): too few for {len(seeds)} seeds to be sure of one"
            )


def _refuse_long_draw(steps: int, name: str, given: int) -> None:
    if steps > MAX_STEPS:
        raise ValueError(f"{name}: expected fewer, for a graph of so many agents and links takes too long, got {given}")


class KRegular(_Drawn, kind="k_regular"):
    """Uniform among graphs in which every agent has the same number of links, asymptotically.

    Attributes:
        degree: links of each agent, fewer than there are agents; times the number of agents an even number.

    Source: networkx.random_regular_graph (Steger, Wormald 1999).
    """

    degree: Agent

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        import networkx as nx

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
        return f"random graph with {self.degree} links at every agent{self._until()}"


class ErdosRenyi(_Drawn, kind="erdos_renyi"):
    """Every link exists with the same probability, independently.

    Attributes:
        p: that probability.

    Source: networkx.gnp_random_graph (Gilbert 1959; Erdős, Rényi 1959).
    """

    p: Probability

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        import networkx as nx

        return list(nx.gnp_random_graph(n_agents, self.p, seed=generator).edges)

    def describe(self) -> str:
        return f"each link with probability {100 * self.p:.3g}%{self._until()}"


class BarabasiAlbert(_Drawn, kind="barabasi_albert"):
    """Grown by preferential attachment: each new agent links to earlier ones in proportion to their links.

    Attributes:
        links: links of each new agent, at least 1, fewer than there are agents.
        connected: always so.

    Source: networkx.barabasi_albert_graph (Barabási, Albert 1999).

    >>> len(BarabasiAlbert(links=2).graph(10, seed=0).edges)        # 2 · (10 − 2) links, both directions
    32
    """

    links: Annotated[Count, Field(le=10**6)]

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        import networkx as nx

        if self.links >= n_agents:
            raise ValueError(f"topology.links: expected fewer than the {n_agents} agents, got {self.links}")
        _refuse_long_draw(self.links * (n_agents - self.links), "topology.links", self.links)
        return list(nx.barabasi_albert_graph(n_agents, self.links, seed=generator).edges)

    def describe(self) -> str:
        return f"grown by preferential attachment of {self.links} links{self._until()}"


class WattsStrogatz(_Drawn, kind="watts_strogatz"):
    """A small world: a ring on which some links are rewired.

    Attributes:
        neighbours: nearest agents on the ring that each is linked to, even, fewer than there are agents.
        p: probability of rewiring each link.

    Source: networkx.watts_strogatz_graph (Watts, Strogatz 1998).
    """

    neighbours: Agent
    p: Probability

    @field_validator("neighbours")
    @classmethod
    def _even(cls, neighbours: int) -> int:
        if neighbours % 2:
            raise ValueError(f"expected an even number, got {neighbours}")
        return neighbours

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        import networkx as nx

        if self.neighbours >= n_agents:
            raise ValueError(f"topology.neighbours: expected fewer than the {n_agents} agents, got {self.neighbours}")
        # Where nearly all are neighbours, hardly any pick of a new end is a new one.
        rewired = self.p * n_agents * self.neighbours // 2
        steps = int(rewired * n_agents / (n_agents - self.neighbours))
        _refuse_long_draw(steps, "topology.neighbours", self.neighbours)
        return list(nx.watts_strogatz_graph(n_agents, self.neighbours, self.p, seed=generator).edges)

    def describe(self) -> str:
        share = f"{100 * self.p:.3g}%"
        return f"ring of {self.neighbours} nearest neighbours with {share} of links rewired{self._until()}"


class RandomGeometric(_Drawn, kind="random_geometric"):
    """Agents uniform in the unit square, linked where they are near each other.

    Attributes:
        radius: greatest distance of a link, where the side of the square is 1; a number above 0.

    Source: networkx.random_geometric_graph (Penrose 2003).
    """

    radius: Annotated[float, Field(strict=True, gt=0.0)]

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Iterable[Edge]:
        import networkx as nx

        return list(nx.random_geometric_graph(n_agents, self.radius, seed=generator).edges)

    def describe(self) -> str:
        return f"links up to {self.radius:.3g} between random places in the unit square{self._until()}"


Static = (
    Complete
    | Ring
    | Path
    | Star
    | Grid
    | Edges
    | KRegular
    | ErdosRenyi
    | BarabasiAlbert
    | WattsStrogatz
    | RandomGeometric
)
"""All of these kinds."""
