"""Topologies that change with simulated time: by a schedule, or as links fail and recover."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import cast

from netmodels.alternation import Alternation
from netmodels.streams import stream
from netmodels.topology.fixed import Complete
from netmodels.topology.graph import Graph, Positions, Topology
from netmodels.units import listed, milliseconds, nanoseconds, seconds

LINKS_AT_MOST = 65_536
"""Of which each goes down and up on its own."""


@dataclass(frozen=True)
class EdgeMarkov:
    """Each link of a base graph goes down and up on its own, with exponential times.

    Both directions of a link share their state. A link is up a fraction up/(up + down) of the time, from the start on.

    Attributes:
        up: mean time up, above 0, in seconds or with a unit.
        down: mean time down, above 0, in seconds or with a unit.
        base: topology whose links they are; the complete graph if not given.

    >>> flaky = EdgeMarkov(up="9 s", down="1 s")
    >>> flaky.graph(4, seed=0, now_ns=5 * 10**9) == flaky.graph(4, seed=0, now_ns=5 * 10**9)
    True
    """

    up: float | str
    down: float | str
    base: Topology = field(default_factory=Complete)

    def __post_init__(self) -> None:
        for name in ("up", "down"):
            given = getattr(self, name)
            duration = seconds(given, f"topology.{name}")
            if duration == 0.0:
                raise ValueError(f"topology.{name}: expected more than 0 seconds, got {given!r}")
            object.__setattr__(self, name, duration)
        checked_topology(self.base, "topology.base")

    def graph(
        self,
        n_agents: int,
        seed: int,
        episode: int = 0,
        update: int = 0,
        round_index: int = 0,
        *,
        now_ns: int = 0,
        positions: Positions | None = None,
    ) -> Graph:
        """Return the links that are up at that time; see `Topology.graph`.

        >>> EdgeMarkov(up=1e9, down=1e-9).graph(3, seed=0).degrees
        (2, 2, 2)
        """
        base = self.base.graph(n_agents, seed, episode, update, round_index, now_ns=now_ns, positions=positions)
        if len(base.edges) > 2 * LINKS_AT_MOST:
            raise ValueError(f"topology.base: expected at most {LINKS_AT_MOST} links, got {len(base.edges) // 2}")
        up_s, down_s = float(self.up), float(self.down)
        present = tuple(
            edge for edge in base.edges if _alternation(seed, min(edge), max(edge), up_s, down_s).is_up(now_ns)
        )
        return Graph(n_agents, present)

    def describe(self) -> str:
        """Say which links exist.

        >>> EdgeMarkov(up="9 s", down="1 s").describe()
        'complete graph, each link up for 9 s and down for 1 s on average'
        """
        up, down = milliseconds(float(self.up)), milliseconds(float(self.down))
        return f"{self.base.describe()}, each link up for {up} and down for {down} on average"


@lru_cache(maxsize=LINKS_AT_MOST)
def _alternation(seed: int, low: int, high: int, up_s: float, down_s: float) -> Alternation:
    # The same whenever it is asked, so sharing it is as good as drawing it anew.
    return Alternation(stream(seed, "topology", "edge_markov", low, high), up_s, down_s)


@dataclass(frozen=True)
class Schedule:
    """One topology after the other, at given times.

    Attributes:
        entries: (time, topology) pairs, or mappings with ``at`` and ``topology``; times in seconds or with a unit,
            increasing, the first one 0.

    >>> from netmodels.topology import Ring
    >>> plan = Schedule([("0 s", Complete()), ("10 s", Ring())])
    >>> [plan.graph(4, seed=0, now_ns=now).degrees[0] for now in (0, 10**10 - 1, 10**10)]
    [3, 3, 2]
    """

    entries: Sequence[tuple[float | str, Topology] | Mapping[str, object]]

    def __post_init__(self) -> None:
        entries = tuple(map(_entry, listed(self.entries, "topology.entries")))
        times = [time for time, _ in entries]
        if not times or times[0] != 0.0 or any(later <= time for time, later in pairwise(times)):
            raise ValueError(f"topology.entries: expected increasing times, the first one 0, got {times!r}")
        object.__setattr__(self, "entries", entries)

    def graph(
        self,
        n_agents: int,
        seed: int,
        episode: int = 0,
        update: int = 0,
        round_index: int = 0,
        *,
        now_ns: int = 0,
        positions: Positions | None = None,
    ) -> Graph:
        """Return the graph of the entry of that time; see `Topology.graph`.

        >>> Schedule([(0.0, Complete())]).graph(2, seed=0).edges
        ((0, 1), (1, 0))
        """
        entries = cast("tuple[tuple[float, Topology], ...]", self.entries)
        current = [topology for time, topology in entries if nanoseconds(time) <= now_ns][-1]
        return current.graph(n_agents, seed, episode, update, round_index, now_ns=now_ns, positions=positions)

    def describe(self) -> str:
        """Say which links exist.

        >>> Schedule([(0.0, Complete()), ("2 s", Complete())]).describe()
        'from 0 ns complete graph; from 2 s complete graph'
        """
        entries = cast("tuple[tuple[float, Topology], ...]", self.entries)
        return "; ".join(f"from {milliseconds(time)} {topology.describe()}" for time, topology in entries)


def _entry(entry: object) -> tuple[float, Topology]:
    if isinstance(entry, Mapping) and set(entry) == {"at", "topology"}:
        entry = (entry["at"], entry["topology"])
    if not isinstance(entry, Sequence) or isinstance(entry, str) or len(entry) != 2:
        raise ValueError(f"topology.entries: expected (time, topology) pairs, got {entry!r}")
    return seconds(entry[0], "topology.entries.at"), checked_topology(entry[1], "topology.entries.topology")


def checked_topology(value: object, name: str) -> Topology:
    """Refuse what is no topology.

    Args:
        value: a topology.
        name: parameter named in the error.

    Returns:
        The same.

    Raises:
        ValueError: for anything else.

    >>> checked_topology("ring", "base")
    Traceback (most recent call last):
    ValueError: base: expected a topology, got 'ring'
    """
    if not callable(getattr(value, "graph", None)):
        raise ValueError(f"{name}: expected a topology, got {value!r}")  # noqa: TRY004  (one kind of error)
    return cast("Topology", value)
