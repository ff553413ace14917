"""Random connected graphs with a given number of links, uniform, drawn anew all the time.

Where few such graphs have an agent without links, edge sets are drawn until one connects. Sparser ones are drawn by
counting: let C(n, x) be the number of connected graphs on n labelled nodes with n − 1 + x links. Take the first node
away: the part that held the second one has k nodes and excess y, and was tied to the first by 1 + s links; the rest is
connected, with n − k nodes and excess x − y − s. Therefore

    C(n, x) = Σ_k binom(n−2, k−1) Σ_{y+s+z=x} C(k, y) · binom(k, 1+s) · C(n−k, z),     C(1, 0) = 1.

Choosing k, y, s and z in proportion to their terms, and each part in turn, draws every connected graph with the same
probability (the recursive method: Nijenhuis, Wilf 1978).
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, chain, combinations
from math import comb
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from netmodels.streams import stream
from netmodels.topology.graph import START, Edge, Graph, Instant, TopologyKind
from netmodels.units import Count, count

MAX_LONELY = 3.0
"""Expected agents without a link up to which graphs are redrawn until one connects, which then takes under 100 draws or
so; sparser ones are drawn by counting."""
AHEAD = 16
"""Graphs of so many episodes or updates are drawn at once, which takes half the time: what is warm is quick."""
MAX_DIGITS = 3e9
"""Digits to calculate with for counting, a few seconds' worth."""


class RandomConnected(TopologyKind, kind="random_connected"):
    """Uniform among the connected graphs with a given number of links, drawn anew all the time.

    Attributes:
        edges: undirected links; the fewest that connect, n_agents − 1, if not given.
        resample: when it is drawn anew: every ``episode`` (as in the paper), ``update`` or ``round``.

    >>> len(RandomConnected(edges=5).graph(4, 0, Instant(episode=3)).edges)       # both directions
    10
    >>> RandomConnected(edges=9).graph(4, seed=0)
    Traceback (most recent call last):
    ValueError: topology.edges: a connected graph of 4 agents has 3 to 6 links, got 9
    """

    edges: Annotated[Count, Field(le=10**6)] | None = None
    resample: Literal["episode", "update", "round"] = "episode"

    @property
    def fixed(self) -> bool:
        return False

    @property
    def exchangeable(self) -> bool:
        return True

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        count(n_agents, "n_agents", minimum=1)
        edges = n_agents - 1 if self.edges is None else self.edges
        if self.resample == "round":
            return _random_connected(n_agents, edges, seed, self.resample, (at.update, at.round_index))
        block, place = divmod(at.episode if self.resample == "episode" else at.update, AHEAD)
        if edges == n_agents - 1 or _connects_by_chance(n_agents, edges):
            return _drawn_ahead(n_agents, edges, seed, self.resample, block)[place]
        return _random_connected(n_agents, edges, seed, self.resample, (block * AHEAD + place,))

    def refuse_impossible(self, n_agents: int, seeds: Sequence[int]) -> None:
        refuse_undrawable(n_agents, n_agents - 1 if self.edges is None else self.edges)

    def describe(self) -> str:
        links = "the fewest links" if self.edges is None else f"{self.edges} links"
        return f"random connected graph of {links}, drawn every {self.resample}"


@lru_cache(maxsize=16)
def _drawn_ahead(n_agents: int, edges: int, seed: int, resample: str, block: int) -> tuple[Graph, ...]:
    numbers = range(block * AHEAD, (block + 1) * AHEAD)
    return tuple(_random_connected(n_agents, edges, seed, resample, (number,)) for number in numbers)


# An exchange asks again for the graphs of its update; nobody asks for old ones.
@lru_cache(maxsize=256)
def _random_connected(n_agents: int, edges: int, seed: int, resample: str, index: tuple[int, ...]) -> Graph:
    refuse_undrawable(n_agents, edges)
    generator = stream(seed, "topology", resample, *index)
    if edges == n_agents - 1:
        return Graph.undirected(n_agents, random_tree(n_agents, generator))
    if _connects_by_chance(n_agents, edges):
        return Graph.undirected(n_agents, _connected_pairs(n_agents, edges, generator))
    return Graph.undirected(n_agents, random_connected_pairs(n_agents, edges - n_agents + 1, generator))


def refuse_undrawable(n_agents: int, edges: int) -> None:
    """Refuse a number of links with which no connected graph can be drawn, or not soon; draws nothing.

    >>> refuse_undrawable(500, 600)
    Traceback (most recent call last):
    ValueError: topology.edges: expected 499, or at least 1279, for graphs of 500 agents between take too long, got 600
    """
    fewest, most = n_agents - 1, n_agents * (n_agents - 1) // 2
    if not fewest <= edges <= most:
        raise ValueError(
            f"topology.edges: a connected graph of {n_agents} agents has {fewest} to {most} links, got {edges}"
        )
    counted = edges > fewest and not _connects_by_chance(n_agents, edges)
    if counted and n_agents * (n_agents * (edges - fewest + 1)) ** 2 > MAX_DIGITS:
        enough = math.ceil(n_agents * math.log(n_agents / MAX_LONELY) / 2.0)
        wanted = f"{fewest}, or at least {enough}, for graphs of {n_agents} agents between take too long"
        raise ValueError(f"topology.edges: expected {wanted}, got {edges}")


def _connects_by_chance(n_agents: int, edges: int) -> bool:
    """Return whether few graphs with so many links have agents without one: n e^(−2 edges/n) at most."""
    return n_agents * math.exp(-2.0 * edges / n_agents) <= MAX_LONELY


def random_tree(n_agents: int, generator: np.random.Generator) -> list[Edge]:
    """Draw a labelled tree, each of the n^(n−2) with the same probability, by its Prüfer sequence.

    Source: Prüfer 1918; networkx.from_prufer_sequence.

    >>> random_tree(2, np.random.default_rng(0)), random_tree(1, np.random.default_rng(0))
    ([(0, 1)], [])
    """
    if n_agents <= 2:
        return [(0, 1)][: n_agents - 1]
    # networkx.from_prufer_sequence gives the same tree, and takes longer than an exchange over it.
    sequence = generator.integers(n_agents, size=n_agents - 2).tolist()
    degrees = [1] * n_agents
    for node in sequence:
        degrees[node] += 1
    leaf = lowest = degrees.index(1)
    pairs = []
    for node in sequence:
        pairs.append((leaf, node))
        degrees[node] -= 1
        if degrees[node] == 1 and node < lowest:
            leaf = node
        else:
            leaf = lowest = degrees.index(1, lowest + 1)
    return [*pairs, (leaf, n_agents - 1)]


def _connected_pairs(n_agents: int, edges: int, generator: np.random.Generator) -> list[Edge]:
    """Draw edge sets until one connects: uniform, because each has the same probability."""
    pairs = _pairs(n_agents)
    while True:
        chosen = [pairs[pick] for pick in generator.choice(len(pairs), size=edges, replace=False).tolist()]
        if len(set(chain(*chosen))) == n_agents and _connected(n_agents, chosen):
            return chosen


@lru_cache(maxsize=8)
def _pairs(n_agents: int) -> tuple[Edge, ...]:
    return tuple(combinations(range(n_agents), 2))


def _connected(n_agents: int, pairs: Iterable[Edge]) -> bool:
    """Return whether pairs connect all agents: merge the parts that each pair ties."""
    part_of = [[agent] for agent in range(n_agents)]
    for pair in pairs:
        one, other = sorted((part_of[pair[0]], part_of[pair[1]]), key=len)
        if one is not other:
            other += one
            for agent in one:
                part_of[agent] = other
    return len(part_of[0]) == n_agents


@lru_cache(maxsize=8)
def connected_counts(n_agents: int, excess: int) -> tuple[tuple[int, ...], ...]:
    """Count connected labelled graphs: C(n, x) at [n][x], for n up to `n_agents` and x up to `excess`.

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
    """Return the ways to build a part of k nodes and tie it to the first node, by y + s."""
    return [sum(counts[y] * comb(k, 1 + e - y) for y in range(e + 1)) for e in range(len(counts))]


def _total(n: int, x: int, counts: Sequence[Sequence[int]], tied: Sequence[Sequence[int]]) -> int:
    return sum(comb(n - 2, k - 1) * sum(tied[k][e] * counts[n - k][x - e] for e in range(x + 1)) for k in range(1, n))


def random_connected_pairs(n_agents: int, excess: int, generator: np.random.Generator) -> list[Edge]:
    """Draw a connected graph of n_agents − 1 + excess pairs, each with the same probability.

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
    """Draw size, excess and ties (k, y, 1 + s) of the part that holds the second node, each as often as it occurs."""
    choices = [(k, y, 1 + s) for k in range(1, n) for y in range(excess + 1) for s in range(min(k, excess - y + 1))]
    weights = [
        comb(n - 2, k - 1) * counts[k][y] * comb(k, ties) * counts[n - k][excess - y - ties + 1]
        for k, y, ties in choices
    ]
    return choices[_weighted(weights, generator)]


def _weighted(weights: Iterable[int], generator: np.random.Generator) -> int:
    """Draw an index in proportion to whole weights of any size, exactly."""
    sums = list(accumulate(weights))
    bits = sums[-1].bit_length()
    while True:
        value = int.from_bytes(generator.bytes((bits + 7) // 8), "little") >> (-bits % 8)
        if value < sums[-1]:
            return next(index for index, total in enumerate(sums) if value < total)
