"""Everything that can happen, one by one, for teams so small that it can be listed."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from math import comb

import networkx as nx
import numpy as np
import numpy.typing as npt

from dvdn_sim.consensus.facts import Facts, lossless_facts
from netmodels.topology import Graph, connected_counts

MOST = 2**20


@lru_cache(maxsize=64)
def connected_graphs(n_agents: int, links: int | None = None) -> tuple[Graph, ...]:
    """List all connected labelled graphs.

    Args:
        n_agents: N.
        links: How many undirected links they have; any number if not given.

    Returns:
        The graphs.

    Raises:
        ValueError: More than 2^20 sets of links would have to be looked at.

    >>> [len(connected_graphs(4, links)) for links in (3, 4, 5, 6)], len(connected_graphs(5))
    ([16, 15, 6, 1], 728)
    """
    pairs = list(combinations(range(n_agents), 2))
    sizes = range(n_agents - 1, len(pairs) + 1) if links is None else [links]
    if sum(comb(len(pairs), size) for size in sizes) > MOST:
        raise ValueError(f"n_agents: too many graphs of {n_agents} agents to list")
    found = []
    for size in sizes:
        for chosen in combinations(pairs, size):
            graph: nx.Graph[int] = nx.Graph(chosen)
            graph.add_nodes_from(range(n_agents))
            if nx.is_connected(graph):
                found.append(Graph.undirected(n_agents, chosen))
    return tuple(found)


def count_connected_graphs(n_agents: int, links: int) -> int:
    """Count the connected labelled graphs with a number of links, without listing them.

    >>> count_connected_graphs(5, 6)
    205
    """
    most = n_agents * (n_agents - 1) // 2
    if not n_agents - 1 <= links <= most:
        return 0
    return connected_counts(n_agents, links - n_agents + 1)[n_agents][links - n_agents + 1]


@lru_cache(maxsize=32)
def loss_patterns(messages: int) -> npt.NDArray[np.bool_]:
    """All ways in which messages can be held or not.

    Args:
        messages: M.

    Returns:
        Bool ``[2^M, M]``, True for held; not to be written to.

    Raises:
        ValueError: For more than 20 messages.

    >>> loss_patterns(2).tolist()
    [[False, False], [True, False], [False, True], [True, True]]
    """
    if 2**messages > MOST:
        raise ValueError(f"messages: expected at most 20, got {messages}")
    numbers = np.arange(2**messages)
    patterns = (numbers[:, None] >> np.arange(messages) & 1).astype(bool)
    patterns.flags.writeable = False
    return patterns


def pattern_probabilities(patterns: npt.NDArray[np.bool_], q: float) -> npt.NDArray[np.float64]:
    """Probability of each pattern of independent messages: q^held (1-q)^lost.

    Args:
        patterns: Bool ``[P, M]``, True for held.
        q: Probability that a message is held.

    Returns:
        ``[P]``; the sum over all patterns is 1.

    >>> pattern_probabilities(loss_patterns(2), 0.75).tolist()
    [0.0625, 0.1875, 0.1875, 0.5625]
    """
    held = patterns.sum(1)
    chance: npt.NDArray[np.float64] = q**held * (1.0 - q) ** (patterns.shape[1] - held)
    return chance


def every_loss(graphs: Sequence[Graph], q: float) -> Iterator[tuple[float, Facts]]:
    """Go through all that an exchange without late messages can leave behind.

    Args:
        graphs: Of each round.
        q: Probability that a message is held, independently.

    Yields:
        (probability, facts). Ends know what the other heard: `confirmed` is as with acks that are never lost.

    >>> pair = Graph.undirected(2, [(0, 1)])
    >>> sum(chance for chance, facts in every_loss([pair], 0.9) if facts.held.all())     # 0.9²
    0.81
    """
    whole = lossless_facts(graphs)
    patterns = loss_patterns(int(whole.active.sum()))
    for chance, pattern in zip(pattern_probabilities(patterns, q).tolist(), patterns, strict=True):
        if chance > 0.0:
            held = np.zeros(whole.active.shape, bool)
            held[whole.active] = pattern
            yield chance, facts_of(whole, held)


def facts_of(whole: Facts, held: npt.NDArray[np.bool_]) -> Facts:
    """Facts of an exchange in which every message is held or lost, and none late.

    Args:
        whole: The same without loss.
        held: Bool ``[K, E]``.

    Returns:
        Facts in which ends know what the other heard.

    >>> pair = lossless_facts([Graph.undirected(2, [(0, 1)])])
    >>> facts_of(pair, np.array([[True, False]])).confirmed.tolist()
    [[False, True]]
    """
    numbers = np.where(held, np.arange(whole.rounds)[:, None], -1)
    back = whole.reverse
    return Facts(
        n_agents=whole.n_agents,
        edges=whole.edges,
        active=whole.active,
        latest=np.maximum.accumulate(numbers, axis=0),
        confirmed=held[:, back] & (back >= 0),
    )
