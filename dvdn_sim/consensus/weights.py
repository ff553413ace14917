"""Base weights w_ij of the links, from the degrees of each round's graph and never from what arrived."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts

Weights = Callable[[Facts], npt.NDArray[np.float64]]
"""From facts to the weight of every edge in every round, ``[K, E]``, zero where an edge is not in the graph."""


def metropolis(facts: Facts) -> npt.NDArray[np.float64]:
    """w_ij = 1/(1 + max(d_i, d_j)) (Xiao, Boyd and Lall 2006): needs only the neighbours' degrees.

    For undirected graphs: symmetric, and W with w_ii = 1 - Σ_j w_ij is doubly stochastic with w_ii ≥ 1/N. With one-way
    links w_ii could be negative.

    Returns:
        ``[K, E]``.

    Raises:
        ValueError: A round's graph has a link without its reverse.

    >>> from netmodels.topology import Graph
    >>> from dvdn_sim.consensus.facts import lossless_facts
    >>> metropolis(lossless_facts([Graph.undirected(3, [(0, 1), (1, 2)])])).round(3).tolist()
    [[0.333, 0.333, 0.333, 0.333]]
    """
    senders, receivers = facts.edges.T
    # If all edges have their reverse, then sorting them by receiver first gives the reverses in the order of the edges.
    reverse = np.lexsort((senders, receivers))
    two_way = np.array_equal(facts.edges[reverse, ::-1], facts.edges)
    if not (two_way and np.array_equal(facts.active[:, reverse], facts.active)):
        raise ValueError("Metropolis weights need both directions of every link in every round")
    degrees = facts.degrees
    largest = np.maximum(degrees[:, senders], degrees[:, receivers])
    weights: npt.NDArray[np.float64] = facts.active / (1.0 + largest)
    return weights


WEIGHTS: Mapping[str, Weights] = {"metropolis": metropolis}
"""By the name that scenarios use."""
