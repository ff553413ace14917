"""Who heard whom: all that consensus learns of the network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from netmodels.topology import Graph
from netmodels.topology.graph import distinct

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


MOST_AT_ONCE = 2**22
"""Numbers, one for each link and round, that are made at a time."""
Array = TypeVar("Array", bound=npt.NDArray[np.generic])


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class RoundLinks:
    """The links of every round; what follows from them alone is worked out once, whatever comes over them.

    Attributes: as those of `Facts`; whose rounds these are a part of, from which on; and what weights give
        the edges, once they were asked for.
    """

    n_agents: int
    edges: Ints
    active: Bools
    part_of: "tuple[RoundLinks, int] | None" = None
    weighed: dict[object, npt.NDArray[np.float64]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, graphs: Sequence[Graph], whole: Graph) -> "RoundLinks":
        """Take the graph of each round, and that of all their links, `union_of` them."""
        active = np.ones((len(graphs), len(whole.links)), bool)
        if any(graph is not whole for graph in graphs):
            active[:] = False
            each = {graph: numbers_of(graph, whole) for graph in dict.fromkeys(graphs)}
            for of_round, graph in zip(active, graphs, strict=True):
                of_round[each[graph]] = True
        return cls(whole.n_agents, whole.links, active)

    @cached_property
    def degrees(self) -> Ints:
        """See `Facts.degrees`."""
        if self.part_of is not None:
            whole, first = self.part_of
            return whole.degrees[first : first + len(self.active)]
        senders = self.edges[:, 0]
        rows = [np.bincount(senders[links], minlength=self.n_agents) for links in self.active]
        return _read_only(np.array(rows, np.int64).reshape(len(self.active), self.n_agents))

    @cached_property
    def reverse(self) -> Ints:
        """See `Facts.reverse`."""
        if self.part_of is not None:
            return self.part_of[0].reverse
        if not len(self.edges):
            return np.empty(0, np.int64)
        senders, receivers = self.edges.T
        ordered, wanted = senders * self.n_agents + receivers, receivers * self.n_agents + senders
        place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
        there: Bools = ordered[place] == wanted
        return _read_only(np.where(there, place, -1))

    def of_rounds(self, begin: int, end: int) -> "RoundLinks":
        """Return the links of some rounds; the same for as many others, where all rounds have all links."""
        if not self._always:
            return RoundLinks(self.n_agents, self.edges, self.active[begin:end], (self, begin))
        return self._parts.setdefault(
            end - begin, RoundLinks(self.n_agents, self.edges, self.active[: end - begin], (self, 0))
        )

    @cached_property
    def _always(self) -> bool:
        return bool(self.active.all())

    @cached_property
    def _parts(self) -> "dict[int, RoundLinks]":
        return {}

    @cached_property
    def unconfirmed(self) -> Bools:
        """`Facts.confirmed` without acknowledgements."""
        return np.broadcast_to(np.False_, self.active.shape)

    @cached_property
    def both_ways(self) -> bool:
        """Whether every link of a round has its reverse in that round."""
        reverse = self.reverse
        return not (reverse < 0).any() and np.array_equal(self.active[:, reverse], self.active)


NOBODY_KNOWS: Bools = np.zeros((0, 0), bool)
NO_LINKS = RoundLinks(0, np.zeros((0, 2), np.int64), np.zeros((0, 0), bool))


@dataclass(frozen=True, eq=False)
class Facts:
    """Facts of one exchange of K rounds among N agents over E directed edges.

    Attributes:
        n_agents: N.
        edges: int64 ``[E, 2]``, (sender, receiver), sorted; the union of the graphs of all rounds.
        active: bool ``[K, E]``, whether the edge is in the round's graph.
        latest: signed integers ``[K, E]``, the newest round ≤ k of the sender that the receiver holds when it closes
            round k; -1 for none. The message of round k carries what its sender held before round k. `round_numbers`
            has the smallest type that will do.
        confirmed: bool ``[K, E]``, the receiver's knowledge that its own message of the round was heard by this sender;
            all False where it is not given, as nobody knows it without acknowledgements.
        links: The links of all rounds. Facts over the same edges, and active ones, may share it; others have their own.
        teams: How many exchanges these are, side by side: those of N / teams agents each, in their order, with no links
            from one team to another.
    """

    n_agents: int
    edges: Ints
    active: Bools
    latest: npt.NDArray[np.signedinteger]
    confirmed: Bools = field(default_factory=lambda: NOBODY_KNOWS)
    links: RoundLinks = field(default=NO_LINKS, repr=False)
    teams: int = 1

    def __post_init__(self) -> None:
        if self.links.edges is not self.edges or self.links.active is not self.active:
            object.__setattr__(self, "links", RoundLinks(self.n_agents, self.edges, self.active))
        if self.confirmed is NOBODY_KNOWS:
            object.__setattr__(self, "confirmed", self.links.unconfirmed)
        rounds, n_edges = self.active.shape
        if self.edges.shape != (n_edges, 2) or self.latest.shape != (rounds, n_edges):
            raise ValueError(
                f"edges {self.edges.shape}, active {self.active.shape} and latest {self.latest.shape} do not fit:"
                " expected [E, 2], [K, E] and [K, E]"
            )
        if self.confirmed.shape != (rounds, n_edges):
            raise ValueError(f"confirmed {self.confirmed.shape} does not fit: expected [K, E] = {(rounds, n_edges)}")
        for array in (self.edges, self.active, self.latest, self.confirmed):
            array.flags.writeable = False

    @property
    def rounds(self) -> int:
        """K."""
        return len(self.active)

    @cached_property
    def held(self) -> Bools:
        """Bool ``[K, E]``: the receiver holds the sender's message of the same round when it closes it."""
        same_round: Bools = self.latest == round_numbers(self.rounds)[:, None]
        return _read_only(self.active & same_round)

    @property
    def degrees(self) -> Ints:
        """Int64 ``[K, N]``: how many agents each agent sends to in the round's graph, whatever arrives."""
        return self.links.degrees

    @property
    def reverse(self) -> Ints:
        """Int64 ``[E]``: the index of the edge in the other direction; -1 where there is none."""
        return self.links.reverse

    @property
    def ack_mismatch(self) -> Ints:
        """Int64 ``[K]``: links that one end knows to be heard at both ends and the other end does not."""
        reverse = self.reverse
        counted = self.held & self.confirmed
        other_end = counted[:, reverse] & (reverse >= 0)
        return np.asarray((counted & ~other_end).sum(1), np.int64)

    def of_round(self, k: int) -> "Facts":
        """Return round k alone as an exchange of one round; what earlier rounds brought is forgotten."""
        return self._of_rounds(k, k + 1)

    def in_parts(self) -> Iterator["Facts"]:
        """Yield few rounds at a time, if all are many numbers, as exchanges of their own: for what has no memory."""
        at_once = max(1, MOST_AT_ONCE // max(1, len(self.edges)))
        if at_once >= self.rounds:
            yield self
            return
        for begin in range(0, self.rounds, at_once):
            yield self._of_rounds(begin, min(begin + at_once, self.rounds))

    def _of_rounds(self, begin: int, end: int) -> "Facts":
        rounds = slice(begin, end)
        links = self.links.of_rounds(begin, end)
        latest = np.where(self.held[rounds], round_numbers(end - begin)[:, None], -1)
        np.maximum.accumulate(latest, axis=0, out=latest)
        return replace(self, active=links.active, latest=latest, confirmed=self.confirmed[rounds], links=links)

    def without_senders(self, invalid: Bools) -> "Facts":
        """Return the same as if nothing had come from the agents `invalid` ``[N]``, whose values are not finite, say.

        Nobody hears these; they hear the others, and know that they are not heard.
        """
        senders, receivers = self.edges.T
        return replace(
            self,
            latest=np.where(invalid[senders], -1, self.latest),
            confirmed=self.confirmed & ~invalid[receivers],
        )


def side_by_side(each: Sequence[Facts]) -> Facts:
    """Return the facts of exchanges of as many rounds and agents as those of one, of as many teams.

    >>> one = lossless_facts([Graph.undirected(2, [(0, 1)])])
    >>> both = side_by_side([one, one])
    >>> both.edges.tolist(), both.teams
    ([[0, 1], [1, 0], [2, 3], [3, 2]], 2)
    """
    n_agents, many = each[0].n_agents, len(each) > 1
    return (
        Facts(
            n_agents=len(each) * n_agents,
            edges=np.concatenate([facts.edges + team * n_agents for team, facts in enumerate(each)]),
            active=np.concatenate([facts.active for facts in each], axis=1),
            latest=np.concatenate([facts.latest for facts in each], axis=1),
            confirmed=np.concatenate([facts.confirmed for facts in each], axis=1),
            teams=len(each),
        )
        if many
        else each[0]
    )


def union_of(graphs: Sequence[Graph]) -> Graph:
    """Return the graph of all directed edges that any of the graphs has."""
    n_agents, each = graphs[0].n_agents, list(dict.fromkeys(graphs))
    if len(each) == 1:
        return each[0]
    codes = distinct(np.concatenate([graph.links @ np.array((n_agents, 1)) for graph in each]))
    return Graph(n_agents, np.stack(np.divmod(codes, n_agents), axis=1))


def numbers_of(graph: Graph, whole: Graph) -> Ints:
    """Return which links of another graph, which has them all, a graph's are, int64 ``[E of the graph]``."""
    code = np.array((graph.n_agents, 1))
    return np.asarray((whole.links @ code).searchsorted(graph.links @ code))


def round_numbers(rounds: int) -> npt.NDArray[np.signedinteger]:
    """Return 0 … K − 1 in the smallest type that has them, and -1 for none: a byte for up to 128 rounds."""
    return np.arange(rounds).astype(np.min_scalar_type(-max(rounds, 1)))


def lossless_facts(graphs: Sequence[Graph]) -> Facts:
    """Return the facts of an exchange over the graph of each round, in which everything arrives in time.

    >>> facts = lossless_facts([Graph.undirected(2, [(0, 1)])])
    >>> facts.edges.tolist(), facts.held.tolist(), facts.degrees.tolist()
    ([[0, 1], [1, 0]], [[True, True]], [[1, 1]])
    >>> facts.confirmed.tolist(), lossless_facts([Graph(2, ((0, 1),))]).confirmed.tolist()
    ([[True, True]], [[False]])
    """
    links = RoundLinks.of(graphs, union_of(graphs))
    rounds = np.where(links.active, round_numbers(len(graphs))[:, None], -1)
    back = links.reverse
    return Facts(
        n_agents=links.n_agents,
        edges=links.edges,
        active=links.active,
        latest=np.maximum.accumulate(rounds, axis=0),
        confirmed=links.active[:, back] & (back >= 0),
        links=links,
    )
