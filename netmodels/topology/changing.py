"""Topologies that change with simulated time, by a schedule or as links fail and recover; and the list of all kinds."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Annotated

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from netmodels.on_off import OnOff
from netmodels.streams import stream
from netmodels.topology.graph import START, Graph, Instant, TopologyKind
from netmodels.topology.mobility import Range
from netmodels.topology.random_connected import RandomConnected
from netmodels.topology.static import Complete, Static
from netmodels.units import CLOSED, PositiveTime, Spec, Time, kinds_of, milliseconds, or_own

MAX_LINKS = 65_536
"""Links of which each goes down and up on its own."""

FlatTopology = Annotated[Static | RandomConnected | Range, Field(discriminator="kind"), or_own("graph")]
"""A topology that is not made of others, or a mapping with ``kind``."""


class EdgeMarkov(TopologyKind, kind="edge_markov"):
    """Each link of a base graph goes down and up on its own, with exponential times.

    Both directions of a link share their state. A link is up a fraction up/(up + down) of the time, from the start on.

    Attributes:
        up: mean time up, above 0, in seconds or with a unit.
        down: mean time down, above 0, in seconds or with a unit.
        base: topology whose links they are; the complete graph if not given.

    >>> flaky = EdgeMarkov(up="9 s", down="1 s")
    >>> flaky.graph(4, 0, Instant(now_ns=5 * 10**9)) == flaky.graph(4, 0, Instant(now_ns=5 * 10**9))
    True
    """

    up: PositiveTime
    down: PositiveTime
    base: FlatTopology = Complete()

    @property
    def fixed(self) -> bool:
        return False

    @property
    def one_way(self) -> bool:
        return self.base.one_way

    def parts(self) -> tuple[TopologyKind, ...]:
        return self, *self.base.parts()

    def refuse_impossible(self, n_agents: int, seeds: Sequence[int]) -> None:
        pairs = n_agents * (n_agents - 1) // 2
        moving, alike = isinstance(self.base, Range), isinstance(self.base, RandomConnected)
        if moving and pairs > MAX_LINKS:  # who knows how near they will come to each other
            raise ValueError(f"topology.base: expected at most {MAX_LINKS} links, got up to {pairs}")
        for seed in () if pairs <= MAX_LINKS else seeds[:1] if alike else seeds:
            _refuse_many(self.base.graph(n_agents, seed))

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        base = self.base.graph(n_agents, seed, at)
        _refuse_many(base)
        present = tuple(
            edge for edge in base.edges if _on_off(seed, min(edge), max(edge), self.up, self.down).is_up(at.now_ns)
        )
        return Graph(n_agents, present)

    def describe(self) -> str:
        up, down = milliseconds(self.up), milliseconds(self.down)
        return f"{self.base.describe()}, each link up for {up} and down for {down} on average"


def _refuse_many(base: Graph) -> None:
    if len(base.links) > 2 * MAX_LINKS:
        raise ValueError(f"topology.base: expected at most {MAX_LINKS} links, got {len(base.links) // 2}")


@lru_cache(maxsize=MAX_LINKS)
def _on_off(seed: int, low: int, high: int, up_s: float, down_s: float) -> OnOff:
    # The same whenever it is asked, so sharing it is as good as drawing it anew.
    return OnOff(stream(seed, "topology", "edge_markov", low, high), up_s, down_s)


@dataclass(frozen=True, init=False, config=CLOSED)
class Switch(Spec):
    """What holds from a time on.

    Attributes:
        at: since when, in simulated seconds.
        topology: which links exist then.
    """

    at: Time
    topology: FlatTopology


class Schedule(TopologyKind, kind="schedule"):
    """One topology after the other, at given times.

    Attributes:
        entries: which topology from when on; times increase, the first one is 0.

    >>> plan = Schedule([Switch("0 s", Complete()), Switch("10 s", {"kind": "ring"})])
    >>> [plan.graph(4, 0, Instant(now_ns=now)).degrees[0] for now in (0, 10**10 - 1, 10**10)]
    [3, 3, 2]
    """

    entries: Annotated[tuple[Switch, ...], Field(max_length=1000)]

    @field_validator("entries")
    @classmethod
    def _in_order(cls, entries: tuple[Switch, ...]) -> tuple[Switch, ...]:
        times = [entry.at for entry in entries]
        if not times or times[0] != 0.0 or any(later <= time for time, later in pairwise(times)):
            raise ValueError(f"expected increasing times, the first one 0, got {times!r}")
        return entries

    @property
    def fixed(self) -> bool:
        return len(self.entries) == 1 and self.entries[0].topology.fixed

    @property
    def one_way(self) -> bool:
        return any(entry.topology.one_way for entry in self.entries)

    @property
    def exchangeable(self) -> bool:
        return all(entry.topology.exchangeable for entry in self.entries)

    def parts(self) -> tuple[TopologyKind, ...]:
        return self, *(part for entry in self.entries for part in entry.topology.parts())

    def refuse_impossible(self, n_agents: int, seeds: Sequence[int]) -> None:
        """Refuse nothing: what is wrong with it is wrong with an entry."""

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        current = [entry.topology for entry in self.entries if round(entry.at * 1e9) <= at.now_ns][-1]
        return current.graph(n_agents, seed, at)

    def describe(self) -> str:
        return "; ".join(f"from {milliseconds(entry.at)} {entry.topology.describe()}" for entry in self.entries)


AnyTopology = Annotated[
    Static | RandomConnected | EdgeMarkov | Range | Schedule, Field(discriminator="kind"), or_own("graph")
]
"""A topology, or a mapping with ``kind``."""
TOPOLOGIES = kinds_of(AnyTopology)
