"""Base weights w_ij of the links, from the degrees of each round's graph and never from what arrived."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts

Weights = Callable[[Facts], npt.NDArray[np.float64]]
"""From facts to the weight of every edge in every round, ``[K, E]``, zero where an edge is not in the graph."""


def metropolis(facts: Facts) -> npt.NDArray[np.float64]:
    """w_ij = 1/(1 + max(d_i, d_j)) (Xiao, Boyd and Lall 2006): needs only the neighbours' degrees.

    For undirected graphs: symmetric, and W with w_ii = 1 - Σ_j w_ij is doubly stochastic with w_ii ≥ 1/N.

    Returns:
        ``[K, E]``.

    >>> from netmodels.topology import Graph
    >>> from dvdn_sim.consensus.facts import lossless_facts
    >>> metropolis(lossless_facts([Graph.undirected(3, [(0, 1), (1, 2)])])).round(3).tolist()
    [[0.333, 0.333, 0.333, 0.333]]
    """
    degrees = facts.degrees
    senders, receivers = facts.edges.T
    largest = np.maximum(degrees[:, senders], degrees[:, receivers])
    weights: npt.NDArray[np.float64] = facts.active / (1.0 + largest)
    return weights


WEIGHTS: Mapping[str, Weights] = {"metropolis": metropolis}
"""By the name that scenarios use."""
