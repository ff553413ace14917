"""Topologies that are drawn anew, from the seed and an index."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal, get_args

import networkx as nx
import numpy as np

from netmodels.streams import stream
from netmodels.topology.counting import random_connected_pairs
from netmodels.topology.graph import Edge, Graph, Positions
from netmodels.units import count

Resample = Literal["episode", "update", "round"]

LONELY_AT_MOST = 3.0
"""Expected agents without a link up to which graphs are redrawn until one connects, which then takes under 100 draws or
so; sparser ones are drawn by counting."""

LARGEST_COUNT = 3e9
"""Most digits to calculate with for counting, a few seconds' worth."""


@dataclass(frozen=True)
class RandomConnected:
    """Uniform among the connected graphs with a given number of links, drawn anew all the time.

    Attributes:
        edges: undirected links; the fewest that connect, n_agents − 1, if not given.
        resample: when it is drawn anew: every ``episode`` (as in the paper), ``update`` or ``round``.

    Raises:
        ValueError: when built, for another word or number; when drawn, if no connected graph has that many links.

    >>> RandomConnected().graph(4, seed=0).degrees == RandomConnected().graph(4, seed=0).degrees
    True
    >>> len(RandomConnected(edges=5).graph(4, seed=0, episode=3).edges)       # both directions
    10
    """

    edges: int | None = None
    resample: Resample = "episode"

    def __post_init__(self) -> None:
        if self.edges is not None:
            count(self.edges, "topology.edges")
        if self.resample not in get_args(Resample):
            raise ValueError(f"topology.resample: expected episode, update or round, got {self.resample!r}")

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
        """Return the graph of that episode, update, or round of that update; see `Topology.graph`.

        Raises:
            ValueError: if no connected graph of that many agents has that many links.

        >>> RandomConnected(edges=9).graph(4, seed=0)
        Traceback (most recent call last):
        ValueError: topology.edges: a connected graph of 4 agents has 3 to 6 links, got 9
        """
        del now_ns, positions
        count(n_agents, "n_agents", minimum=1)
        edges = n_agents - 1 if self.edges is None else self.edges
        index = {"episode": (episode,), "update": (update,), "round": (update, round_index)}[self.resample]
        return _random_connected(n_agents, edges, seed, self.resample, index)

    def describe(self) -> str:
        """Say which links exist.

        >>> RandomConnected(edges=2).describe()
        'random connected graph of 2 links, drawn every episode'
        """
        links = "the fewest links" if self.edges is None else f"{self.edges} links"
        return f"random connected graph of {links}, drawn every {self.resample}"


# An exchange asks again for the graphs of its update; nobody asks for old ones.
@lru_cache(maxsize=256)
def _random_connected(n_agents: int, edges: int, seed: int, resample: str, index: tuple[int, ...]) -> Graph:
    refuse_undrawable(n_agents, edges)
    generator = stream(seed, "topology", resample, *index)
    if edges == n_agents - 1:
        return Graph.undirected(n_agents, random_tree(n_agents, generator))
    if _connects_by_chance(n_agents, edges):
        return Graph.undirected(n_agents, _connected_pairs(n_agents, edges, generator))
    return Graph.undirected(n_agents, random_connected_pairs(n_agents, edges - n_agents + 1, generator))


def refuse_undrawable(n_agents: int, edges: int) -> None:
    """Refuse a number of links with which no connected graph can be drawn; draws nothing.

    Args:
        n_agents: number of agents.
        edges: undirected links.

    Raises:
        ValueError: there is no such graph, or drawing it would take too long.

    >>> refuse_undrawable(500, 600)
    Traceback (most recent call last):
    ValueError: topology.edges: expected 499, or at least 1279, for graphs of 500 agents between take too long, got 600
    """
    fewest, most = n_agents - 1, n_agents * (n_agents - 1) // 2
    if not fewest <= edges <= most:
        raise ValueError(
            f"topology.edges: a connected graph of {n_agents} agents has {fewest} to {most} links, got {edges}"
        )
    counted = edges > fewest and not _connects_by_chance(n_agents, edges)
    if counted and n_agents * (n_agents * (edges - fewest + 1)) ** 2 > LARGEST_COUNT:
        enough = math.ceil(n_agents * math.log(n_agents / LONELY_AT_MOST) / 2.0)
        wanted = f"{fewest}, or at least {enough}, for graphs of {n_agents} agents between take too long"
        raise ValueError(f"topology.edges: expected {wanted}, got {edges}")


def _connects_by_chance(n_agents: int, edges: int) -> bool:
    """Whether few graphs with so many links have agents without one: n e^(−2 edges/n) at most."""
    return n_agents * math.exp(-2.0 * edges / n_agents) <= LONELY_AT_MOST


def random_tree(n_agents: int, generator: np.random.Generator) -> list[Edge]:
    """Draw a labelled tree, each of the n^(n−2) with the same probability, by its Prüfer sequence.

    Args:
        n_agents: number of nodes, at least 1.
        generator: source of the draw.

    Returns:
        n_agents − 1 pairs.

    Source: Prüfer 1918; networkx.from_prufer_sequence.

    >>> random_tree(2, np.random.default_rng(0)), random_tree(1, np.random.default_rng(0))
    ([(0, 1)], [])
    """
    if n_agents <= 2:
        return [(0, 1)][: n_agents - 1]
    sequence = generator.integers(n_agents, size=n_agents - 2).tolist()
    return list(nx.from_prufer_sequence(sequence).edges)


def _connected_pairs(n_agents: int, edges: int, generator: np.random.Generator) -> list[Edge]:
    """Draw edge sets until one connects: uniform, because each has the same probability."""
    pairs = list(combinations(range(n_agents), 2))
    while True:
        chosen = [pairs[pick] for pick in generator.choice(len(pairs), size=edges, replace=False)]
        if _connects(n_agents, chosen):
            return chosen


def _connects(n_agents: int, pairs: list[Edge]) -> bool:
    """Union-find: whether the pairs join all agents."""
    root = list(range(n_agents))
    parts = n_agents
    for a, b in pairs:
        while root[a] != a:
            root[a] = root[root[a]]
            a = root[a]  # noqa: PLW2901  (the walk to the root)
        while root[b] != b:
            root[b] = root[root[b]]
            b = root[b]  # noqa: PLW2901
        if a != b:
            root[a] = b
            parts -= 1
    return parts == 1
