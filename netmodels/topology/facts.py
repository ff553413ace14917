"""What is known of a graph before anything is sent over it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from netmodels.topology.graph import Graph


@dataclass(frozen=True)
class GraphFacts:
    """Facts of one graph.

    Attributes:
        connected: every agent reaches every other along directed links.
        diameter: links on the longest shortest path; infinite if not connected.
        degrees: agents that each agent sends to.
        spectral_gap: 1 − the second largest |eigenvalue| of the Metropolis matrix; 0 if not connected, ``nan`` for a
            graph that is not symmetric.
        lambda_min: its smallest eigenvalue; ``nan`` for a graph that is not symmetric. If it is negative, DVDN may
            diverge on this graph held fixed; lazy weights (I + W)/2 mend that.
    """

    connected: bool
    diameter: float
    degrees: tuple[int, ...]
    spectral_gap: float
    lambda_min: float

    def describe(self) -> str:
        """Say what the graph is like.

        >>> graph_facts(Graph.undirected(2, [(0, 1)])).describe()
        '2 agents with 1 to 1 links each, connected, diameter 1, spectral gap 1'
        """
        degrees = f"{len(self.degrees)} agents with {min(self.degrees)} to {max(self.degrees)} links each"
        if not self.connected:
            return f"{degrees}, not connected"
        text = f"{degrees}, connected, diameter {self.diameter:.0f}"
        if math.isnan(self.spectral_gap):
            return f"{text}, directed"
        warning = f", λ_min {self.lambda_min:.3f} < 0: lazy weights advised" if self.lambda_min < -1e-9 else ""
        return f"{text}, spectral gap {self.spectral_gap:.3g}{warning}"


def metropolis(graph: Graph) -> NDArray[np.float64]:
    """Return the Metropolis matrix: w_ij = 1/(1 + max(d_i, d_j)) on links, w_ii = 1 − Σ_j w_ij.

    Args:
        graph: a symmetric graph.

    Returns:
        Symmetric, doubly stochastic, float64 [n_agents, n_agents].

    Raises:
        ValueError: if the graph is not symmetric.

    Source: Xiao, Boyd, Lall 2006.

    >>> metropolis(Graph.undirected(2, [(0, 1)])).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    if not graph.symmetric:
        raise ValueError(f"graph: Metropolis weights need both directions of every link, got {graph.edges!r}")
    degrees = np.array(graph.degrees)
    weights: NDArray[np.float64] = graph.adjacency() / (1.0 + np.maximum(degrees[:, None], degrees[None, :]))
    np.fill_diagonal(weights, 1.0 - weights.sum(axis=1))
    return weights


@lru_cache(maxsize=1024)
def graph_facts(graph: Graph) -> GraphFacts:
    """Work out the facts of a graph.

    Args:
        graph: any graph.

    Returns:
        Its facts.

    >>> ring = Graph.undirected(4, [(0, 1), (1, 2), (2, 3), (3, 0)])
    >>> facts = graph_facts(ring)
    >>> facts.connected, facts.diameter, round(facts.lambda_min, 3), round(facts.spectral_gap, 3)
    (True, 2.0, -0.333, 0.667)
    """
    directed = graph.to_networkx()
    connected = nx.is_strongly_connected(directed)
    gap, lambda_min = math.nan, math.nan
    if graph.symmetric:
        eigenvalues = np.linalg.eigvalsh(metropolis(graph))
        lambda_min = float(eigenvalues[0])
        others = np.abs(eigenvalues[:-1])
        gap = 1.0 - float(others.max()) if connected and len(others) else float(connected)
    return GraphFacts(
        connected=connected,
        diameter=float(nx.diameter(directed)) if connected else math.inf,
        degrees=graph.degrees,
        spectral_gap=gap,
        lambda_min=lambda_min,
    )


def jointly_connected(graphs: Iterable[Graph]) -> bool:
    """Say whether the union of some graphs, such as those of a window of rounds, is connected.

    Args:
        graphs: graphs over the same agents, at least one.

    Returns:
        Whether every agent reaches every other in the union.

    Raises:
        ValueError: for no graph, or graphs of different sizes.

    >>> jointly_connected([Graph.undirected(3, [(0, 1)]), Graph.undirected(3, [(1, 2)])])
    True
    """
    window = list(graphs)
    sizes = {graph.n_agents for graph in window}
    if len(sizes) != 1:
        raise ValueError(f"graphs: expected at least one graph, all over the same agents, got sizes {sorted(sizes)!r}")
    union = Graph(window[0].n_agents, tuple(sorted({edge for graph in window for edge in graph.edges})))
    return bool(nx.is_strongly_connected(union.to_networkx()))
