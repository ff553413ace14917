"""Topologies whose links never change: those of the textbook, those that are listed, and random ones drawn once.

Graphs of a million agents are drawn in seconds: as arrays, and by the steps of their definition where these depend on
one another.
"""

import math
from collections.abc import Sequence
from dataclasses import field
from functools import cached_property, lru_cache
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from netmodels.recordings import read_pairs
from netmodels.streams import stream
from netmodels.topology.graph import (
    MAX_AGENT,
    START,
    Agent,
    Graph,
    Instant,
    Links,
    Pair,
    TopologyKind,
    distinct,
)
from netmodels.units import CLOSED, Count, Flag, Probability, count

MAX_LINKS = 10_000_000
"""Of a graph, each of both directions: what is drawn in a minute, in 2 GB."""
MAX_DRAWS = 10_000
"""Redraws before a connected graph is given up; fewer of many agents, so that it takes seconds, of 10^6 a minute."""
MAX_DRAWN = 2_000_000
"""Agents in all redraws, but for the first 20."""
MAX_MISSES = 1_000_000
"""Picks of a new end that is none, in one draw, of some µs each."""
UNLIKELY = 1e-12
"""Probability with which a run may have no connected graph though it was said that it has."""
LARGE = 20_000
"""Agents from which on only the latest graphs are kept."""
AT_ONCE = 65_536
"""Agents whose links are drawn in one go, where they depend on those of agents before."""


def _refuse_many(links: float, name: str, given: object) -> None:
    if links > MAX_LINKS:
        raise ValueError(
            f"topology.{name}: expected at most {MAX_LINKS} links in a graph, got {given!r}, which makes {links:.0f}"
        )


def _pairs_at(places: Links) -> Links:
    """Return the pairs i < j at places of the list (0, 1), (0, 2), (1, 2), (0, 3), …, int64 [P, 2]."""
    larger = ((1.0 + np.sqrt(1.0 + 8.0 * places)) / 2.0).astype(np.int64)
    return np.stack((places - larger * (larger - 1) // 2, larger), axis=1)


def _places_of(pairs: Links) -> Links:
    """Return where in that list pairs of different agents stand, int64 [P]."""
    smaller, larger = pairs.min(axis=1), pairs.max(axis=1)
    return np.asarray(larger * (larger - 1) // 2 + smaller)


class _Fixed(TopologyKind):
    """What depends on the number of agents only."""

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        return _fixed_graph(self, n_agents)

    def _pairs(self, n_agents: int) -> Links:
        raise NotImplementedError

    def _build(self, n_agents: int) -> Graph:
        return Graph.undirected(n_agents, self._pairs(n_agents))


@lru_cache(maxsize=256)
def _fixed_graph(topology: _Fixed, n_agents: int) -> Graph:
    return topology._build(count(n_agents, "n_agents", minimum=1))  # noqa: SLF001  (the cached half of its method)


class Complete(_Fixed, kind="complete"):
    """Every agent has a link to every other."""

    @property
    def exchangeable(self) -> bool:
        return True

    def _pairs(self, n_agents: int) -> Links:
        n_pairs = n_agents * (n_agents - 1) // 2
        _refuse_many(n_pairs, "kind", "complete")
        return _pairs_at(np.arange(n_pairs))

    def describe(self) -> str:
        return "complete graph"


class Ring(_Fixed, kind="ring"):
    """Agent i has links to i − 1 and i + 1, around a circle."""

    def _pairs(self, n_agents: int) -> Links:
        agents = np.arange(n_agents if n_agents > 1 else 0)
        return np.stack((agents, (agents + 1) % n_agents), axis=1)

    def describe(self) -> str:
        return "ring"


class Path(_Fixed, kind="path"):
    """Agent i has links to i − 1 and i + 1, with two ends."""

    def _pairs(self, n_agents: int) -> Links:
        agents = np.arange(n_agents - 1)
        return np.stack((agents, agents + 1), axis=1)

    def describe(self) -> str:
        return "path"


class Star(_Fixed, kind="star"):
    """One agent has links to all others, which have no other.

    Attributes:
        centre: index of that agent.
    """

    centre: Agent = 0

    def _pairs(self, n_agents: int) -> Links:
        if self.centre >= n_agents:
            raise ValueError(f"topology.centre: expected one of {n_agents} agents, got {self.centre}")
        others = np.delete(np.arange(n_agents), self.centre)
        return np.stack((np.full(n_agents - 1, self.centre), others), axis=1)

    def describe(self) -> str:
        return f"star around agent {self.centre}"


class Grid(_Fixed, kind="grid"):
    """Agents row by row on a rectangular grid, each with links to those beside, above and below.

    Attributes:
        columns: agents in a row; ⌈√n_agents⌉ if not given. The last row may be shorter.

    >>> Grid(columns=2).graph(4, seed=0).neighbours(0)         # 0 1 / 2 3
    (1, 2)
    """

    columns: Annotated[Count, Field(le=10**6)] | None = None

    def _pairs(self, n_agents: int) -> Links:
        columns = math.isqrt(n_agents - 1) + 1 if self.columns is None else self.columns
        agents = np.arange(n_agents)
        beside, above = agents[:-1][agents[1:] % columns > 0], agents[:-columns]
        return np.concatenate((np.stack((beside, beside + 1), axis=1), np.stack((above, above + columns), axis=1)))

    def describe(self) -> str:
        return "square grid" if self.columns is None else f"grid with {self.columns} columns"


class Edges(_Fixed, kind="edges"):
    """The links that are listed, here or in a file.

    Attributes:
        edges: pairs of agents, at least none.
        directed: whether a pair is a link from the first to the second only.
        file: two columns of agents, with a comma between them or blanks; read once, when built. Names of columns, and
            lines that begin with ``#``, are skipped.

    >>> Edges([(0, 1)], directed=True).graph(2, seed=0).edges
    ((0, 1),)
    """

    edges: tuple[Pair, ...] | None = None
    directed: Flag = False
    file: str = ""

    def __post_init__(self) -> None:
        if (self.edges is None) != bool(self.file):
            raise ValueError(f"edges: expected either pairs or a file of them, got {self.edges!r} and {self.file!r}")
        self._listed  # noqa: B018  (a file that cannot be read is refused here)

    @cached_property
    def _listed(self) -> Links:
        if self.edges is not None:
            return np.array(self.edges, np.int64).reshape(-1, 2)
        pairs = read_pairs(self.file)
        if len(pairs) > MAX_LINKS:
            raise ValueError(f"file: expected at most {MAX_LINKS} pairs, got {len(pairs)} in {self.file!r}")
        right = (pairs.min(axis=1) >= 0) & (pairs.max(axis=1) <= MAX_AGENT) & (pairs[:, 0] != pairs[:, 1])
        if not right.all():
            wrong = tuple(pairs[np.argmin(right)].tolist())
            raise ValueError(f"file: expected different agents from 0 to {MAX_AGENT}, got {wrong} in {self.file!r}")
        return pairs

    @property
    def one_way(self) -> bool:
        return self.directed and not self.graph(int(self._listed.max(initial=0)) + 1, 0).symmetric

    @cached_property
    def _graphs(self) -> dict[int, Graph]:
        return {}

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        if n_agents not in self._graphs:  # by what the file held, not by its name
            self._graphs[n_agents] = self._build(n_agents)
        return self._graphs[n_agents]

    def _build(self, n_agents: int) -> Graph:
        if not self.directed:
            return Graph.undirected(n_agents, self._listed)
        base = int(self._listed.max(initial=0)) + 1
        return Graph(n_agents, np.stack(np.divmod(distinct(self._listed @ np.array((base, 1))), base), axis=1))

    def describe(self) -> str:
        kind = "directed link" if self.directed else "link"
        return f"{len(self._listed)} listed {kind}{'s' if len(self._listed) != 1 else ''}"


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class _Drawn(TopologyKind):
    """What is drawn once; or, if it has to be connected, until it is.

    Attributes:
        connected: draw until the graph is connected.
    """

    kind: str = field(default="", repr=False)
    connected: Flag = False

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        return (_drawn_graph if n_agents < LARGE else _large_graph)(self, n_agents, seed)[0]

    def refuse_impossible(self, n_agents: int, seeds: Sequence[int]) -> None:
        if self.connected:
            _refuse_rare(self, n_agents, seeds)
        else:  # what has no graph for one seed has none for any
            self.graph(n_agents, seeds[0])

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Links:
        """Return the pairs of agents that have a link, in any order, int64 [P, 2]."""
        raise NotImplementedError

    def _until(self) -> str:
        return ", drawn until connected" if self.connected else ""


def _draw_graph(topology: _Drawn, n_agents: int, seed: int) -> tuple[Graph, int]:
    """Return the graph, and how many were drawn in vain before it."""
    count(n_agents, "n_agents", minimum=1)
    generator = stream(seed, "topology", type(topology).__name__)
    draws = _most_draws(n_agents)
    for misses in range(draws):
        pairs = topology._draw(n_agents, generator)  # noqa: SLF001  (the cached half of its method)
        if topology.connected and len(pairs) < n_agents - 1:
            continue
        graph = Graph.undirected(n_agents, pairs)
        if not topology.connected or _connected(graph):
            return graph, misses
    raise ValueError(
        f"topology.connected: seed {seed} finds no connected graph of {n_agents} agents in {draws} draws "
        f"({topology.describe()})"
    )


_drawn_graph = lru_cache(maxsize=256)(_draw_graph)
_large_graph = lru_cache(maxsize=8)(_draw_graph)


def _connected(graph: Graph) -> bool:
    """Return whether a symmetric graph is connected."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    receivers = graph.links[:, 1]
    matrix = csr_array((np.ones(len(receivers), np.int8), receivers, graph.starts), shape=(graph.n_agents,) * 2)
    return bool(connected_components(matrix, connection="strong", return_labels=False) == 1)


def _most_draws(n_agents: int) -> int:
    return min(MAX_DRAWS, max(20, MAX_DRAWN // n_agents))


def _refuse_rare(topology: _Drawn, n_agents: int, seeds: Sequence[int]) -> None:
    """Refuse what has no connected graph for some seed; look at as few seeds as it takes to be sure of all."""
    draws, misses = _most_draws(n_agents), 0
    # Were connected graphs so rare, it would be unlikely that every seed finds one.
    rare = math.log(len(seeds) / UNLIKELY) / draws
    for found, seed in enumerate(seeds, start=1):
        misses += _drawn_graph(topology, n_agents, seed)[1]
        expected = rare * (misses + found)
        # Chernoff: with which probability so many are found where so many are expected, at most.
        if found > expected and found * math.log(found / expected) - found + expected > -math.log(UNLIKELY):
            return
        if misses > 10 * draws:
            often = f"one draw in {1 + misses // found} is connected"
            raise ValueError(
                f"topology.connected: {often} ({topology.describe()}): too few for {len(seeds)} seeds to be sure of one"
            )


class KRegular(_Drawn, kind="k_regular"):
    """Uniform among graphs in which every agent has the same number of links, asymptotically.

    Attributes:
        degree: links of each agent, fewer than there are agents; times the number of agents an even number.

    Source: Steger, Wormald 1999.
    """

    degree: Agent

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Links:
        if self.degree >= n_agents or self.degree * n_agents % 2:
            wanted = f"fewer than the {n_agents} agents, and an even number of link ends"
            raise ValueError(f"topology.degree: expected {wanted}, got {self.degree}")
        _refuse_many(self.degree * n_agents / 2, "degree", self.degree)
        # Where a graph is dense its complement, the links that it has not, is drawn far faster, and as uniformly.
        dense = 2 * self.degree >= n_agents
        drawn = None
        while drawn is None:
            drawn = _regular(n_agents, n_agents - 1 - self.degree if dense else self.degree, generator)
        return _pairs_at(np.delete(np.arange(n_agents * (n_agents - 1) // 2), drawn) if dense else drawn)

    def describe(self) -> str:
        return f"random graph with {self.degree} links at every agent{self._until()}"


def _regular(n_agents: int, degree: int, generator: np.random.Generator) -> Links | None:
    """Tie link ends at random, and those again that tied an agent to itself or to one that it has a link to already.

    Returns the places of the pairs, sorted; None where ends are left that cannot be tied.
    """
    ends, places = np.repeat(np.arange(n_agents), degree), np.array([n_agents**2])  # that one stands behind all

    def lacking(wanted: Links) -> NDArray[np.bool_]:
        return np.asarray(places[np.searchsorted(places, wanted)] != wanted)

    while len(ends):
        pairs = generator.permutation(ends).reshape(-1, 2)
        drawn, first = np.unique(np.where(pairs[:, 0] != pairs[:, 1], _places_of(pairs), -1), return_index=True)
        new = (drawn >= 0) & lacking(drawn)
        if not new.any():
            left = np.unique(ends)
            if not lacking(_places_of(left[_pairs_at(np.arange(len(left) * (len(left) - 1) // 2))])).any():
                return None
        places = np.insert(places, np.searchsorted(places, drawn[new]), drawn[new])
        ends = np.delete(pairs, first[new], axis=0).ravel()
    return places[:-1]


class ErdosRenyi(_Drawn, kind="erdos_renyi"):
    """Every link exists with the same probability, independently.

    Attributes:
        p: that probability.

    Source: Gilbert 1959; Erdős, Rényi 1959; drawn as in Batagelj, Brandes 2005, "Efficient generation of large random
    networks".
    """

    p: Probability

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Links:
        n_pairs = n_agents * (n_agents - 1) // 2
        _refuse_many(n_pairs * self.p, "p", self.p)
        if not self.p:
            return np.empty((0, 2), np.int64)
        places = np.full(1, -1)
        while places[-1] < n_pairs:  # how far it is from each link to the next; nearly always enough at once
            expected = n_pairs * self.p
            gaps = generator.geometric(self.p, size=int(expected + 6.0 * math.sqrt(expected) + 10.0))
            places = np.concatenate((places, places[-1] + np.cumsum(np.minimum(gaps, n_pairs + 1))))
        return _pairs_at(places[1 : np.searchsorted(places, n_pairs)])

    def describe(self) -> str:
        return f"each link with probability {100 * self.p:.3g}%{self._until()}"


class BarabasiAlbert(_Drawn, kind="barabasi_albert"):
    """Grown by preferential attachment: each new agent links to earlier ones in proportion to their links.

    Attributes:
        links: links of each new agent, at least 1, fewer than there are agents.
        connected: always so.

    Source: Barabási, Albert 1999; the first links + 1 agents are a star.

    >>> len(BarabasiAlbert(links=2).graph(10, seed=0).edges)        # 2 · (10 − 2) links, both directions
    32
    """

    links: Annotated[Count, Field(le=10**6)]

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Links:
        links = self.links
        if links >= n_agents:
            raise ValueError(f"topology.links: expected fewer than the {n_agents} agents, got {links}")
        _refuse_many(links * (n_agents - links), "links", links)
        # Of all links, the chosen ends and the new agents': an agent is among them as often as it has links.
        ends = np.empty((n_agents - links, 2, links), np.int64)
        ends[:, 1] = np.array([0, *range(links + 1, n_agents)])[:, None]
        ends[0, 0] = np.arange(1, links + 1)
        done, at_once = 1, 1
        while done < len(ends):
            new = np.arange(done, min(done + at_once, len(ends)))
            picks = generator.integers(2 * links * new[:, None], size=(len(new), links))
            chosen = ends[new[0] : new[-1] + 1, 0]
            chosen[:] = -1
            while chosen.min() < 0:  # of an end that is among the new ones, chosen itself
                chosen[:] = ends.ravel()[picks]
            ordered = np.sort(chosen, axis=1)
            twice = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
            # The first agent that picked another one twice picks again, and those after it, from what there is then.
            good = int(np.argmax(twice)) if twice.any() else len(new)
            if good < len(new):
                others = dict.fromkeys(chosen[good].tolist())
                while len(others) < links:
                    others[int(ends.flat[generator.integers(2 * links * new[good])])] = None
                chosen[good] = list(others)
            done, at_once = done + min(good + 1, len(new)), 2 * good if good == len(new) else good + 1
        return ends.swapaxes(1, 2).reshape(-1, 2)

    def describe(self) -> str:
        return f"grown by preferential attachment of {self.links} links{self._until()}"


class WattsStrogatz(_Drawn, kind="watts_strogatz"):
    """A small world: a ring on which some links are rewired.

    Attributes:
        neighbours: nearest agents on the ring that each is linked to, even, fewer than there are agents.
        p: probability of rewiring each link.

    Source: Watts, Strogatz 1998.
    """

    neighbours: Agent
    p: Probability

    @field_validator("neighbours")
    @classmethod
    def _even(cls, neighbours: int) -> int:
        if neighbours % 2:
            raise ValueError(f"expected an even number, got {neighbours}")
        return neighbours

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Links:
        if self.neighbours >= n_agents:
            raise ValueError(f"topology.neighbours: expected fewer than the {n_agents} agents, got {self.neighbours}")
        _refuse_many(n_agents * self.neighbours / 2, "neighbours", self.neighbours)
        # Where nearly all are neighbours, hardly any pick of a new end is a new one.
        if self.p * n_agents * self.neighbours**2 / 2 > MAX_MISSES * (n_agents - self.neighbours):
            raise ValueError(
                f"topology.neighbours: expected fewer, for a graph of so many agents and links takes too long, "
                f"got {self.neighbours}"
            )
        agents, steps = np.arange(n_agents), np.arange(1, self.neighbours // 2 + 1)
        pairs = np.stack((np.tile(agents, len(steps)), ((agents + steps[:, None]) % n_agents).ravel()), axis=1)
        rewired = np.flatnonzero(generator.random(len(pairs)) < self.p)
        return _rewire(n_agents, pairs, rewired, generator)

    def describe(self) -> str:
        share = f"{100 * self.p:.3g}%"
        return f"ring of {self.neighbours} nearest neighbours with {share} of links rewired{self._until()}"


def _rewire(n_agents: int, pairs: Links, rewired: Links, generator: np.random.Generator) -> Links:
    """Give some links of a ring, one after the other, a new second end, to which the first has no link at that time."""
    half = len(pairs) // n_agents
    degrees = [2 * half] * n_agents
    moved = np.zeros(len(pairs), bool)
    moved[rewired] = True
    taken: set[int] = set()  # new links, as first · n_agents + second, the smaller first

    def linked(first: int, second: int, now: int) -> bool:
        gap = (second - first) % n_agents
        steps, begin = (gap, first) if 2 * gap <= n_agents else (n_agents - gap, second)
        place = (steps - 1) * n_agents + begin  # in the ring, if it is there
        in_ring = steps <= half and (place >= now or not moved[place])
        return first == second or in_ring or min(first, second) * n_agents + max(first, second) in taken

    for some in np.split(rewired, range(AT_ONCE, len(rewired), AT_ONCE)):
        (firsts, olds), picks = pairs[some].T, generator.integers(n_agents, size=len(some))
        gaps = np.abs(firsts - picks)
        near = np.minimum(gaps, n_agents - gaps) <= half
        codes = np.minimum(firsts, picks) * n_agents + np.maximum(firsts, picks)
        pairs[some, 1] = picks
        columns = (column.tolist() for column in (some, firsts, olds, picks, near, codes))
        for now, first, old, pick, close, code in zip(*columns, strict=True):
            if not close and code not in taken:  # nearly all of a large graph
                taken.add(code)
                second = pick
            elif degrees[first] == n_agents - 1:
                moved[now], second = False, old
                pairs[now, 1] = second
            else:
                second = pick
                while linked(first, second, now):
                    second = int(generator.integers(n_agents))
                taken.add(min(first, second) * n_agents + max(first, second))
                pairs[now, 1] = second
            degrees[old] -= 1
            degrees[second] += 1
    return pairs


class RandomGeometric(_Drawn, kind="random_geometric"):
    """Agents uniform in the unit square, linked where they are near each other.

    Attributes:
        radius: greatest distance of a link, where the side of the square is 1; a number above 0.

    Source: Penrose 2003.
    """

    radius: Annotated[float, Field(strict=True, gt=0.0)]

    def _draw(self, n_agents: int, generator: np.random.Generator) -> Links:
        from scipy.spatial import KDTree

        near = min(self.radius, 1.0)
        share = math.pi * near**2 - 8.0 * near**3 / 3.0 + near**4 / 2.0  # of all pairs, on average
        _refuse_many(share * n_agents * (n_agents - 1) / 2, "radius", self.radius)
        return np.asarray(KDTree(generator.random((n_agents, 2))).query_pairs(self.radius, output_type="ndarray"))

    def describe(self) -> str:
        return f"links up to {self.radius:.3g} between random places in the unit square{self._until()}"


Static = (
    Complete
    | Ring
    | Path
    | Star
    | Grid
    | Edges
    | KRegular
    | ErdosRenyi
    | BarabasiAlbert
    | WattsStrogatz
    | RandomGeometric
)
"""All of these kinds."""
