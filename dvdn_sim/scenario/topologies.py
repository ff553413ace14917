"""How YAML writes topologies: which of their fields carry which unit, and topologies within topologies."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, cast

from pydantic import Field

from dvdn_sim.scenario.blocks import Block, Choice
from dvdn_sim.scenario.quantities import Count, Length, Natural, Probability, Speed, Time
from netmodels import topology as models
from netmodels.catalogue import MOBILITIES, TOPOLOGIES
from netmodels.topology import START, Graph, Instant, Topology

Agent = Annotated[Natural, Field(le=10**6)]
Pair = Annotated[tuple[Agent, Agent], Field(strict=False)]
"""Two agents, by their indices."""

_MOBILITY_FIELDS: dict[str, object] = {
    "area": Annotated[tuple[Length, Length], Field(strict=False)],
    "speed": Annotated[tuple[Speed, Speed], Field(strict=False)],
    "pause": Time,
}
_FIELDS: dict[str, object] = {
    "edges": Annotated[Count, Field(le=10**6)],
    "edges.edges": Annotated[tuple[Pair, ...], Field(strict=False)],
    "centre": Agent,
    "columns": Annotated[Count, Field(le=10**6)],
    "degree": Agent,
    "p": Probability,
    "links": Annotated[Count, Field(le=10**6)],
    "neighbours": Agent,
    "random_geometric.radius": Annotated[float, Field(gt=0.0)],
    "range.radius": Length,
    "mobility": Annotated[object, Choice("mobility", MOBILITIES, fields=_MOBILITY_FIELDS)],
    "up": Time,
    "down": Time,
}
_FLAT = {kind: cls for kind, cls in TOPOLOGIES.items() if kind not in ("edge_markov", "schedule")}
_INNER = Choice("topology", _FLAT, fields=_FIELDS)


@dataclass(frozen=True)
class Switch:
    """What holds from a time on.

    Attributes:
        at: since when, in simulated seconds.
        topology: which links exist then.
    """

    at: Time
    topology: Annotated[Topology, _INNER]


@dataclass(frozen=True)
class Schedule:
    """One topology after the other, at given times.

    Attributes:
        entries: which topology from when on; times increase, the first one is 0.
    """

    entries: Annotated[tuple[Annotated[Switch, Block(Switch)], ...], Field(strict=False, max_length=1000)]

    def __post_init__(self) -> None:
        self._model  # noqa: B018  (refuses times out of order)

    @cached_property
    def _model(self) -> Topology:
        return models.Schedule([(entry.at, entry.topology) for entry in self.entries])

    def graph(self, n_agents: int, seed: int, at: Instant = START) -> Graph:
        """Return the graph of the entry of that time; see `Topology.graph`."""
        return self._model.graph(n_agents, seed, at)

    def describe(self) -> str:
        """Say which links exist."""
        return self._model.describe()


TOPOLOGY_KINDS: dict[str, type] = {**TOPOLOGIES, "schedule": Schedule}
TOPOLOGY = Choice("topology", TOPOLOGY_KINDS, fields={**_FIELDS, "base": Annotated[object, _INNER]})


def within(topology: object) -> Iterator[object]:
    """Yield a topology and those that it is made of."""
    yield topology
    if isinstance(topology, models.EdgeMarkov):
        yield from within(topology.base)
    for entry in topology.entries if isinstance(topology, Schedule) else ():
        yield from within(entry.topology)


def is_directed(topology: object) -> bool:
    """Return whether some link may exist in one direction only.

    >>> is_directed(models.EdgeMarkov(up=1.0, down=1.0, base=models.Edges([(0, 1)], directed=True)))
    True
    """
    return any(isinstance(part, models.Edges) and _one_way(part) for part in within(topology))


def _one_way(listed: models.Edges) -> bool:
    present = {cast("tuple[int, int]", tuple(edge)) for edge in listed.edges}
    return listed.directed and any((receiver, sender) not in present for sender, receiver in present)


def stays(topology: object) -> bool:
    """Return whether a topology is one graph, whatever the time, episode, update and round.

    >>> stays(models.Ring()), stays(models.RandomConnected())
    (True, False)
    """
    if isinstance(topology, Schedule):
        return len(topology.entries) == 1 and stays(topology.entries[0].topology)
    return not isinstance(topology, models.RandomConnected | models.EdgeMarkov | models.Range)
