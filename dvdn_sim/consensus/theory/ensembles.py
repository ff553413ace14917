"""Which graphs the exchanges of a run meet: one, all that there are, or a sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.theory.enumeration import connected_graphs, count_connected_graphs
from netmodels.topology import (
    BarabasiAlbert,
    Complete,
    Edges,
    ErdosRenyi,
    Graph,
    Grid,
    KRegular,
    Path,
    RandomConnected,
    RandomGeometric,
    Ring,
    Star,
    Topology,
    WattsStrogatz,
)

How = Literal["closed", "enumerated", "sampled"]
Sequences = Callable[[int], Sequence[Graph]]
"""From the index of a draw to the graph of each round."""

STATIC: Final = (
    Complete, Ring, Path, Star, Grid, Edges, KRegular, ErdosRenyi, BarabasiAlbert, WattsStrogatz, RandomGeometric,
)  # fmt: skip
MOST_GRAPHS = 2000
MOST_AGENTS = 7
"""Beyond it there are too many sets of links to look at, even where few of them connect."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Graphs with their probabilities.

    Attributes:
        sequences: The graph of each round, for each of ``[S]`` ways in which an exchange may go; if they are drawn anew
            each round, of one round only.
        chance: Probability of each, ``[S]``.
        anew: Whether every round draws afresh from the sequences.
        how: `closed` for one graph, `enumerated` for all there are, `sampled` for a sample.
    """

    sequences: tuple[tuple[Graph, ...], ...]
    chance: npt.NDArray[np.float64]
    anew: bool
    how: How

    def draw(self, generator: np.random.Generator, rounds: int, count: int) -> list[tuple[Graph, ...]]:
        """Some exchanges' graphs: the sample itself, the one graph once, or a draw from all."""
        if self.how != "enumerated":
            return list(self.sequences[:count])
        per_draw = rounds if self.anew else 1
        picks = generator.choice(len(self.sequences), size=(count, per_draw), p=self.chance)
        if self.anew:
            return [tuple(self.sequences[pick][0] for pick in row) for row in picks]
        return [self.sequences[row[0]] for row in picks]


def is_static(topology: Topology) -> bool:
    """Say whether a topology is one graph, whatever the time, episode, update and round.

    >>> is_static(Ring()), is_static(RandomConnected())
    (True, False)
    """
    return isinstance(topology, STATIC)


def ensemble_of(topology: Topology, n_agents: int, rounds: int, sequences: Sequences, draws: int) -> Ensemble:
    """Find the graphs that exchanges of K rounds meet.

    Args:
        topology: Of the scenario.
        n_agents: N.
        rounds: K.
        sequences: Draws from it, for topologies whose graphs cannot be listed.
        draws: How many to draw then.

    Returns:
        The ensemble.

    >>> two_links = ensemble_of(RandomConnected(edges=2, resample="round"), 3, 5, lambda index: [], 0)
    >>> len(two_links.sequences), two_links.anew, two_links.how
    (3, True, 'enumerated')
    """
    if is_static(topology):
        return Ensemble((tuple(sequences(0)),), np.ones(1), anew=False, how="closed")
    if isinstance(topology, RandomConnected) and n_agents <= MOST_AGENTS:
        links = n_agents - 1 if topology.edges is None else topology.edges
        if 0 < count_connected_graphs(n_agents, links) <= MOST_GRAPHS:
            return _every(n_agents, links, rounds, anew=topology.resample == "round")
    drawn = tuple(tuple(sequences(index)) for index in range(draws))
    return Ensemble(drawn, np.full(draws, 1.0 / draws), anew=False, how="sampled")


def _every(n_agents: int, links: int, rounds: int, *, anew: bool) -> Ensemble:
    graphs = connected_graphs(n_agents, links)
    length = 1 if anew else rounds
    chance = np.full(len(graphs), 1.0 / len(graphs))
    return Ensemble(tuple((graph,) * length for graph in graphs), chance, anew=anew and rounds > 1, how="enumerated")
