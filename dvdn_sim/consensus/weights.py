"""Base weights w_ij of the links, from the degrees of each round's graph and never from what arrived.

All are for undirected graphs, on which they are symmetric: W with w_ii = 1 - Σ_j w_ij is then doubly stochastic with a
positive diagonal. With one-way links w_ii could be negative.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts

Weights = Callable[[Facts], npt.NDArray[np.float64]]
"""From facts to the weight of every edge in every round, ``[K, E]``, zero where an edge is not in the graph."""


def metropolis(facts: Facts) -> npt.NDArray[np.float64]:
    """w_ij = 1/(1 + max(d_i, d_j)) (Xiao, Boyd and Lall 2006): needs only the neighbours' degrees; w_ii ≥ 1/N.

    Returns:
        ``[K, E]``.

    Raises:
        ValueError: A round's graph has a link without its reverse.

    >>> from netmodels.topology import Graph
    >>> from dvdn_sim.consensus.facts import lossless_facts
    >>> metropolis(lossless_facts([Graph.undirected(3, [(0, 1), (1, 2)])])).round(3).tolist()
    [[0.333, 0.333, 0.333, 0.333]]
    """
    _refuse_one_way_links(facts)
    senders, receivers = facts.edges.T
    degrees = facts.degrees
    largest = np.maximum(degrees[:, senders], degrees[:, receivers])
    weights: npt.NDArray[np.float64] = facts.active / (1.0 + largest)
    return weights


def lazy(facts: Facts) -> npt.NDArray[np.float64]:
    """Half of Metropolis: W becomes (I + W)/2, which has no negative eigenvalue, so that DVDN does not diverge.

    Slower where W had none to begin with. Returns and raises as `metropolis` does.

    >>> from netmodels.topology import Graph
    >>> from dvdn_sim.consensus.facts import lossless_facts
    >>> lazy(lossless_facts([Graph.undirected(2, [(0, 1)])])).tolist()
    [[0.25, 0.25]]
    """
    return metropolis(facts) / 2


def max_degree(facts: Facts) -> npt.NDArray[np.float64]:
    """w_ij = 1/(1 + d_max), d_max the largest degree in the round's graph (Xiao and Boyd 2004, with 1 added).

    The same weight for every link of a round. d_max is of the whole graph: agents do not know it from their neighbours
    and would have to be told. The 1 makes w_ii positive on regular graphs too. Returns and raises as `metropolis` does.

    >>> from netmodels.topology import Graph
    >>> from dvdn_sim.consensus.facts import lossless_facts
    >>> max_degree(lossless_facts([Graph.undirected(4, [(0, 1), (1, 2), (1, 3)])])).tolist()
    [[0.25, 0.25, 0.25, 0.25, 0.25, 0.25]]
    """
    _refuse_one_way_links(facts)
    largest = facts.degrees.max(axis=1, keepdims=True)
    weights: npt.NDArray[np.float64] = facts.active / (1.0 + largest)
    return weights


def sum_by_receiver(facts: Facts, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What the weights ``[K, E]`` of every agent's incoming edges add up to, ``[K, N]``."""
    receivers = facts.edges[:, 1]
    sums = [np.bincount(receivers, row, minlength=facts.n_agents) for row in weights]
    return np.array(sums, np.float64).reshape(facts.rounds, facts.n_agents)


def _refuse_one_way_links(facts: Facts) -> None:
    reverse = facts.reverse
    if (reverse < 0).any() or not np.array_equal(facts.active[:, reverse], facts.active):
        raise ValueError(
            "these weights need both directions of every link in every round; running_sum and push_sum do without them"
        )


WEIGHTS: Mapping[str, Weights] = {"metropolis": metropolis, "lazy": lazy, "max_degree": max_degree}
"""By the name that scenarios use."""
