"""Topologies whose links never change."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Protocol

from netmodels.topology.graph import Graph

Position = tuple[float, ...]


class Topology(Protocol):
    """Which links exist, as a pure function of the seed and an index; nothing is remembered."""

    def graph(
        self,
        n_agents: int,
        seed: int,
        episode: int = 0,
        update: int = 0,
        round_index: int = 0,
        *,
        now_ns: int = 0,
        positions: Mapping[int, Position] | None = None,
    ) -> Graph:
        """Return the graph at an instant.

        Args:
            n_agents: number of agents.
            seed: seed of the run.
            episode: index of the episode.
            update: index of the learner's update.
            round_index: index of the communication round within the update.
            now_ns: simulated time.
            positions: where the agents are, in metres, for kinds that depend on it.
        """

    def describe(self) -> str:
        """Say in a few words which links exist."""


@dataclass(frozen=True)
class Complete:
    """Every agent has a link to every other.

    >>> Complete().graph(3, seed=0).degrees
    (2, 2, 2)
    """

    def graph(
        self,
        n_agents: int,
        seed: int,
        episode: int = 0,
        update: int = 0,
        round_index: int = 0,
        *,
        now_ns: int = 0,
        positions: Mapping[int, Position] | None = None,
    ) -> Graph:
        """Return the complete graph, whatever the instant; see `Topology.graph`.

        >>> Complete().graph(2, seed=0).edges
        ((0, 1), (1, 0))
        """
        return _complete(n_agents)

    def describe(self) -> str:
        """Say which links exist.

        >>> Complete().describe()
        'complete graph'
        """
        return "complete graph"


@dataclass(frozen=True)
class Ring:
    """Agent i has links to i − 1 and i + 1, around a circle.

    >>> Ring().graph(5, seed=0).neighbours(0)
    (1, 4)
    """

    def graph(
        self,
        n_agents: int,
        seed: int,
        episode: int = 0,
        update: int = 0,
        round_index: int = 0,
        *,
        now_ns: int = 0,
        positions: Mapping[int, Position] | None = None,
    ) -> Graph:
        """Return the ring, whatever the instant; see `Topology.graph`.

        >>> Ring().graph(2, seed=0).edges
        ((0, 1), (1, 0))
        """
        return _ring(n_agents)

    def describe(self) -> str:
        """Say which links exist.

        >>> Ring().describe()
        'ring'
        """
        return "ring"


@lru_cache(maxsize=64)
def _complete(n_agents: int) -> Graph:
    return Graph.undirected(n_agents, combinations(range(n_agents), 2))


@lru_cache(maxsize=64)
def _ring(n_agents: int) -> Graph:
    pairs = ((agent, (agent + 1) % n_agents) for agent in range(n_agents))
    return Graph.undirected(n_agents, [pair for pair in pairs if pair[0] != pair[1]])
