"""Base weights w_ij of the links, from the degrees of each round's graph and never from what arrived; and mixing.

All weights are for undirected graphs, on which they are symmetric: W with w_ii = 1 - Σ_j w_ij is then doubly stochastic
with a positive diagonal. With one-way links w_ii could be negative.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts, lossless_facts
from netmodels.topology import Graph

Values = npt.NDArray[np.float64]
Weights = Callable[[Facts], Values]
"""From facts to the weight of every edge in every round, ``[K, E]``, zero where an edge is not in the graph."""


def metropolis(facts: Facts) -> Values:
    """Weigh edges by w_ij = 1/(1 + max(d_i, d_j)) (Xiao, Boyd and Lall 2006); w_ii ≥ 1/N.

    Raises ValueError if a round's graph has a link without its reverse, as all weights here do.

    >>> metropolis(lossless_facts([Graph.undirected(3, [(0, 1), (1, 2)])])).round(3).tolist()
    [[0.333, 0.333, 0.333, 0.333]]
    """
    _refuse_one_way_links(facts)
    senders, receivers = facts.edges.T
    weights = np.empty(facts.active.shape)
    for of_round, active, degrees in zip(weights, facts.active, facts.degrees, strict=True):
        np.divide(active, 1.0 + np.maximum(degrees[senders], degrees[receivers]), out=of_round)
    return weights


def lazy(facts: Facts) -> Values:
    """Take half of Metropolis: W becomes (I + W)/2, which has no negative eigenvalue, so that DVDN does not diverge.

    Slower where W had none to begin with.
    """
    return metropolis(facts) / 2


def max_degree(facts: Facts) -> Values:
    """Weigh edges by w_ij = 1/(1 + d_max), d_max the round's largest degree (Xiao and Boyd 2004, with 1 added).

    The same weight for every link of a round. d_max is of the whole graph: agents do not know it from their neighbours
    and would have to be told. The 1 makes w_ii positive on regular graphs too.
    """
    _refuse_one_way_links(facts)
    of_team = facts.n_agents // facts.teams
    largest = facts.degrees.reshape(facts.rounds, facts.teams, of_team).max(axis=2)
    weights: Values = facts.active / (1.0 + largest[:, facts.edges[:, 0] // of_team])
    return weights


def base_weights(weights: Weights, facts: Facts) -> Values:
    """Return the weight of every edge in every round, ``[K, E]``, read-only; worked out once for the same links."""
    known, key = facts.links.weighed, (weights, facts.teams)
    if key not in known:
        known[key] = weights(facts)
        known[key].flags.writeable = False
    return known[key]


WEIGHTS: Mapping[str, Weights] = {"metropolis": metropolis, "lazy": lazy, "max_degree": max_degree}
"""By the name that scenarios use."""


def _refuse_one_way_links(facts: Facts) -> None:
    if not facts.links.both_ways:
        raise ValueError(
            "these weights need both directions of every link in every round; running_sum and push_sum do without them"
        )


def weight_matrix(weights: Weights, graph: Graph) -> Values:
    """Return the base weights of a graph as a matrix ``[N, N]``, 0 on the diagonal."""
    facts = lossless_facts([graph])
    matrix = np.zeros((graph.n_agents, graph.n_agents))
    matrix[facts.edges[:, 1], facts.edges[:, 0]] = weights(facts)[0]
    return matrix


def sum_by_receiver(facts: Facts, weights: Values) -> Values:
    """Return what the weights ``[K, E]`` of every agent's incoming edges add up to, ``[K, N]``."""
    receivers = facts.edges[:, 1]
    sums = [np.bincount(receivers, row, minlength=facts.n_agents) for row in weights]
    return np.array(sums, np.float64).reshape(facts.rounds, facts.n_agents)


class Messages(NamedTuple):
    """Messages that are used in a round.

    Attributes:
        receivers: Who takes each in, ``[M]``.
        pulls: How much of it, ``[M]``.
        rows: In which row of what was given each is, ``[M]``.
        given: What givers held at some time, ``[any, ...]``.
    """

    receivers: npt.NDArray[np.int64]
    pulls: Values
    rows: npt.NDArray[np.int64]
    given: Values


MANY = 2**16
"""Numbers beyond which they are mixed by compiled code, whose import takes as long as numpy with ten times as many."""


def mixed(own: Values, messages: Messages) -> Values:
    """Return x_i + Σ p (y - x_i) of own x ``[N, ...]`` and messages y with pulls p.

    In this form agreement is a fixed point to the last bit, whichever pulls there are, and what does not pull is never
    touched, so it may be no number.
    """
    after = own.copy()
    pull(after, own, messages)
    return after


def pull(after: Values, own: Values, messages: Messages) -> None:
    """Add p (y - x_i) to what is there after, message by message: see `mixed`."""
    receivers, pulls, rows, given = messages
    columns = own[0].size if len(own) else 0
    if len(rows) * columns < MANY:
        np.add.at(after, receivers, scaled(pulls, given[rows] - own[receivers]))
    else:
        from dvdn_sim.consensus.pulling import pull_each  # noqa: PLC0415  (numba is heavy)

        shape = (-1, columns)
        pull_each(after.reshape(shape), own.reshape(shape), (receivers, pulls, rows, given.reshape(shape)))


def rows_of(rounds: Values) -> Values:
    """Return values ``[rounds, N, ...]`` as rows, a view: that of agent i before round k is kN + i."""
    return rounds.reshape(rounds.shape[0] * rounds.shape[1], *rounds.shape[2:])


def scaled(factors: Values, values: Values) -> Values:
    """Return values ``[M, ...]`` times factors ``[M]``."""
    return factors.reshape(-1, *(1,) * (values.ndim - 1)) * values
