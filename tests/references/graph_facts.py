"""What is known of a graph before anything is sent over it, worked out by networkx and numpy: an oracle."""

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from netmodels.topology import Graph


def connected(*graphs: Graph) -> bool:
    """Return whether every agent reaches every other in the union of some graphs, such as those of several rounds."""
    return nx.is_strongly_connected(nx.compose_all([graph.to_networkx() for graph in graphs]))


def metropolis(graph: Graph) -> NDArray[np.float64]:
    """Return the Metropolis matrix: w_ij = 1/(1 + max(d_i, d_j)), w_ii = 1 − Σ_j w_ij (Xiao, Boyd, Lall 2006)."""
    assert graph.symmetric
    degrees = np.array(graph.degrees)
    weights = graph.adjacency() / (1.0 + np.maximum(degrees[:, None], degrees[None, :]))
    np.fill_diagonal(weights, 1.0 - weights.sum(axis=1))
    return weights
