"""Connected labelled graphs, counted, and hence drawn uniformly however rare they are among all graphs.

Let C(n, x) be the number of connected graphs on n labelled nodes with n − 1 + x links. Take the first node away: the
part that held the second one has k nodes and excess y, and was tied to the first by 1 + s links; the rest is connected,
with n − k nodes and excess x − y − s. Therefore

    C(n, x) = Σ_k binom(n−2, k−1) Σ_{y+s+z=x} C(k, y) · binom(k, 1+s) · C(n−k, z),     C(1, 0) = 1.

Choosing k, y, s and z in proportion to their terms, and each part in turn, draws every connected graph with the same
probability (the recursive method: Nijenhuis, Wilf 1978).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from math import comb

import numpy as np

from netmodels.topology.graph import Edge


@lru_cache(maxsize=8)
def connected_counts(n_agents: int, excess: int) -> tuple[tuple[int, ...], ...]:
    """Count connected labelled graphs.

    Args:
        n_agents: most nodes.
        excess: most links beyond a tree's.

    Returns:
        C(n, x) at [n][x], for n up to n_agents and x up to excess; [0] is empty of graphs.

    Source: OEIS A062734.

    >>> connected_counts(4, 3)[4]
    (16, 15, 6, 1)
    """
    counts = [[0] * (excess + 1), [1] + [0] * excess]
    tied = [[0] * (excess + 1)]
    for n in range(2, n_agents + 1):
        tied.append(_tied(n - 1, counts[n - 1]))
        counts.append([_total(n, x, counts, tied) for x in range(excess + 1)])
    return tuple(map(tuple, counts))


def _tied(k: int, counts: Sequence[int]) -> list[int]:
    """Ways to build a part of k nodes and tie it to the first node, by y + s."""
    return [sum(counts[y] * comb(k, 1 + e - y) for y in range(e + 1)) for e in range(len(counts))]


def _total(n: int, x: int, counts: Sequence[Sequence[int]], tied: Sequence[Sequence[int]]) -> int:
    return sum(comb(n - 2, k - 1) * sum(tied[k][e] * counts[n - k][x - e] for e in range(x + 1)) for k in range(1, n))


def random_connected_pairs(n_agents: int, excess: int, generator: np.random.Generator) -> list[Edge]:
    """Draw a connected graph, each with the same probability.

    Args:
        n_agents: number of nodes, at least 1.
        excess: links beyond a tree's, so many that there is such a graph.
        generator: source of the draw.

    Returns:
        n_agents − 1 + excess pairs.

    >>> len(random_connected_pairs(30, 3, np.random.default_rng(0)))
    32
    """
    counts = connected_counts(n_agents, excess)
    return _draw(list(range(n_agents)), excess, counts, generator)


def _draw(nodes: list[int], excess: int, counts: Sequence[Sequence[int]], generator: np.random.Generator) -> list[Edge]:
    """Take parts off the first node until it stands alone."""
    pairs: list[Edge] = []
    while len(nodes) > 1:
        size, inner, ties = _choose_part(len(nodes), excess, counts, generator)
        others = [nodes[2 + pick] for pick in generator.permutation(len(nodes) - 2)[: size - 1]]
        part = [nodes[1], *sorted(others)]
        pairs += _draw(part, inner, counts, generator)
        pairs += [(nodes[0], part[pick]) for pick in generator.permutation(size)[:ties]]
        gone = set(part)
        nodes = [node for node in nodes if node not in gone]
        excess -= inner + ties - 1
    return pairs


def _choose_part(
    n: int, excess: int, counts: Sequence[Sequence[int]], generator: np.random.Generator
) -> tuple[int, int, int]:
    """Size, excess and ties (k, y, 1 + s) of the part that holds the second node, in proportion to their number."""
    choices = [(k, y, 1 + s) for k in range(1, n) for y in range(excess + 1) for s in range(min(k, excess - y + 1))]
    weights = [
        comb(n - 2, k - 1) * counts[k][y] * comb(k, ties) * counts[n - k][excess - y - ties + 1]
        for k, y, ties in choices
    ]
    return choices[_weighted(weights, generator)]


def _weighted(weights: Iterable[int], generator: np.random.Generator) -> int:
    """Index in proportion to whole weights of any size, exactly."""
    sums = list(accumulate(weights))
    bits = sums[-1].bit_length()
    while True:
        value = int.from_bytes(generator.bytes((bits + 7) // 8), "little") >> (-bits % 8)
        if value < sums[-1]:
            return next(index for index, total in enumerate(sums) if value < total)
