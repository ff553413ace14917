"""Faults: what goes wrong, when, and for how long; and `FaultPlan`, all faults of one run with their times.

A fault is a spec whose fields are the options of a scenario (``for`` is the field `for_`). Its times are quantities, or
distributions that are drawn once from the fault's own stream. A kind is a class and one line in
`AnyFault`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import field
from functools import partial
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, TypeAdapter, field_validator
from pydantic.dataclasses import dataclass

from netmodels.links.availability import FOREVER_NS, Availability
from netmodels.links.delay import MAX_DRAWN_S, Constant, DelayModel
from netmodels.links.link import Degradation
from netmodels.links.spec import AnyDelay, LinkDegradation, LinkSpec
from netmodels.on_off import Interval, OnOff, Window
from netmodels.streams import stream
from netmodels.topology.graph import Agent, Pair
from netmodels.units import CLOSED, PositiveTime, Spec, count, kinds_of, milliseconds


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Fault(Spec):
    """Something that goes wrong for a while.

    Attributes:
        at: when it begins: seconds, a string with a unit, or a distribution of them.
        for_: how long it lasts, the same; for ever if not given.
    """

    kind: str = field(default="", repr=False)
    at: AnyDelay
    for_: Annotated[AnyDelay | None, Field(alias="for")] = None

    def agents(self) -> tuple[int, ...]:
        """Return the agents that it names."""
        return ()

    def cuts(self, sender: int, receiver: int) -> bool:
        """Return whether it takes this directed link down, all the while it lasts."""
        return False

    def loses(self, link: LinkSpec) -> bool:
        """Return whether it may cost messages that the link would have delivered."""
        return True

    def describe(self) -> str:
        """Say in a few words what goes wrong."""
        raise NotImplementedError


class Crash(Fault, kind="crash"):
    """An agent's learner stops sending, receiving and updating; the agent goes on acting.

    Attributes:
        node: the agent.
        at: when.
        for_: for how long.
        state: whether what it had learnt is ``kept`` or ``lost`` when it comes back.
    """

    node: Agent
    state: Literal["kept", "lost"] = "kept"

    def agents(self) -> tuple[int, ...]:
        return (self.node,)

    def describe(self) -> str:
        return f"agent {self.node} crashes, its state {self.state}"


class _OnLinks:
    """Mixin of what concerns one link, in both directions, or every one."""

    edge: Pair | None

    def agents(self) -> tuple[int, ...]:
        return self.edge or ()

    def concerns(self, sender: int, receiver: int) -> bool:
        """Return whether it concerns this directed link."""
        return self.edge is None or {sender, receiver} == set(self.edge)

    def _links(self) -> str:
        return "every link" if self.edge is None else f"the link between agents {self.edge[0]} and {self.edge[1]}"


class LinkDown(_OnLinks, Fault, kind="link_down"):
    """Both directions of a link go down.

    Attributes:
        edge: the two agents.
        at: when.
        for_: for how long.
    """

    edge: Pair

    def cuts(self, sender: int, receiver: int) -> bool:
        return self.concerns(sender, receiver)

    def describe(self) -> str:
        return f"{self._links()} goes down"


class OneWay(_OnLinks, Fault, kind="one_way"):
    """One direction of a link goes down; the other one stays.

    Attributes:
        edge: sender and receiver of the direction that goes down.
        at: when.
        for_: for how long.
    """

    edge: Pair

    def cuts(self, sender: int, receiver: int) -> bool:
        return (sender, receiver) == self.edge

    def describe(self) -> str:
        return f"the link from agent {self.edge[0]} to {self.edge[1]} goes down, one way"


class Partition(Fault, kind="partition"):
    """Every link between different groups goes down.

    Attributes:
        groups: disjoint groups of agents, at least one; those in none form a further one.
        at: when.
        for_: for how long.

    >>> split = Partition(groups=[[0, 1]], at="10 s")
    >>> split.cuts(0, 1), split.cuts(1, 2), split.cuts(2, 3)
    (False, True, False)
    """

    groups: tuple[tuple[Agent, ...], ...]

    @field_validator("groups")
    @classmethod
    def _disjoint(cls, groups: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        members = [agent for group in groups for agent in group]
        if not members or len(set(members)) < len(members):
            raise ValueError(f"expected disjoint groups, at least one agent, got {groups!r}")
        return groups

    def agents(self) -> tuple[int, ...]:
        return tuple(agent for group in self.groups for agent in group)

    def cuts(self, sender: int, receiver: int) -> bool:
        named = self.agents()
        together = any(sender in group and receiver in group for group in self.groups)
        return not together and (sender in named or receiver in named)

    def describe(self) -> str:
        return f"the network falls apart into {', '.join(str(list(group)) for group in self.groups)} and the rest"


class Blackout(Fault, kind="blackout"):
    """Every link goes down.

    Attributes:
        at: when.
        for_: for how long.
    """

    def cuts(self, sender: int, receiver: int) -> bool:
        return True

    def describe(self) -> str:
        return "every link goes down"


class Flap(_OnLinks, Fault, kind="flap"):
    """A link goes down and up again and again, with exponential times, both directions together.

    Attributes:
        up: mean time up, above 0, in seconds or with a unit.
        down: mean time down, above 0, in seconds or with a unit.
        edge: the two agents; every link on its own if not given.
        at: from when on.
        for_: for how long.
    """

    at: AnyDelay = Constant(0.0)
    up: PositiveTime
    down: PositiveTime
    edge: Pair | None = None

    def describe(self) -> str:
        return f"{self._links()} flaps: up for {milliseconds(self.up)}, down for {milliseconds(self.down)} on average"


class Degrade(_OnLinks, Fault, kind="degrade"):
    """Links have other parameters, as of the hand-over.

    Attributes:
        link: the parameters that change, with their values, as in `LinkSpec`.
        edge: the two agents, both directions; every link if not given.
        at: when.
        for_: for how long.

    >>> Degrade(link={"loss": "50%"}, at="10 s").changed(LinkSpec(rate="1 Mbit/s", delay="1 ms")).loss
    Bernoulli(p=0.5)
    """

    link: LinkDegradation
    edge: Pair | None = None

    def __post_init__(self) -> None:
        if not self.link:
            raise ValueError("link: expected some parameters of a link, got none")
        self.changed(LinkSpec(rate="unlimited", delay=0.0, retry_delay=0.0))  # refuses what does not fit together

    def changed(self, spec: LinkSpec) -> LinkSpec:
        """Return the parameters of a link while it is degraded."""
        return spec.changed(self.link)

    def loses(self, link: LinkSpec) -> bool:
        changed = self.changed(link)
        return changed.loss.loss_rate > 0.0 or changed.corrupt > 0.0

    def describe(self) -> str:
        return f"{self._links()} degrades: {', '.join(f'{name} {value}' for name, value in sorted(self.link.items()))}"


class Straggler(Fault, kind="straggler"):
    """An agent computes more slowly.

    Attributes:
        node: the agent.
        factor: its compute times are multiplied by it, above 0.
        at: when.
        for_: for how long.
    """

    node: Agent
    factor: Annotated[float, Field(strict=True, gt=0.0)]

    def agents(self) -> tuple[int, ...]:
        return (self.node,)

    def loses(self, link: LinkSpec) -> bool:
        return False

    def describe(self) -> str:
        return f"agent {self.node} computes {self.factor:g} times as long"


AnyFault = Annotated[
    Crash
    | LinkDown
    | OneWay
    | Partition
    | Blackout
    | Flap
    | Degrade
    | Straggler,
    Field(discriminator="kind"),
]  # fmt: skip
"""A fault, or a mapping with ``kind``."""
FAULTS = kinds_of(AnyFault)
_ANY: TypeAdapter[Fault] = TypeAdapter(AnyFault)


class FaultEvent(NamedTuple):
    """A fault with its times; it ends at `FOREVER_NS` if never, and the key is the name of its stream."""

    start_ns: int
    end_ns: int
    fault: Fault
    key: str

    @property
    def interval(self) -> Interval:
        """From when to when."""
        return self.start_ns, self.end_ns


class FaultPlan:
    """The faults of one run.

    Times are drawn from a stream named after the fault itself, so that adding or reordering faults changes no other.

    Attributes:
        n_agents: number of agents.
        events: the faults with their times, in order of time.

    >>> plan = FaultPlan([{"kind": "one_way", "edge": [0, 1], "at": "1 s", "for": "2 s"}], n_agents=2)
    >>> plan.availability(0, 1).fate(10**9, 10**9 + 1), plan.availability(1, 0) is None
    (4, True)
    """

    def __init__(self, faults: Iterable[object], n_agents: int, seed: int = 0) -> None:
        """Draw the times.

        Raises:
            ValueError: for what is neither a fault nor a mapping of one, or names an agent that there is not.
        """
        self.n_agents = count(n_agents, "n_agents", minimum=1)
        self._seed = count(seed, "seed")
        self._flapping: dict[tuple[str, int, int], OnOff] = {}
        alike: Counter[str] = Counter()
        events = []
        for fault in map(_ANY.validate_python, faults):
            strangers = [agent for agent in fault.agents() if agent >= n_agents]
            if strangers:
                raise ValueError(f"fault: expected agents below {n_agents}, got {strangers} in {fault!r}")
            text = repr(fault)
            events.append(self._event(fault, f"{text} #{alike[text]}"))
            alike[text] += 1
        self.events = tuple(sorted(events, key=lambda event: (event.start_ns, event.end_ns, event.key)))

    def _event(self, fault: Fault, key: str) -> FaultEvent:
        generator = stream(self._seed, "fault", key)
        start_ns = _drawn_ns(fault.at, generator)
        end_ns = FOREVER_NS if fault.for_ is None else start_ns + _drawn_ns(fault.for_, generator)
        return FaultEvent(start_ns, end_ns, fault, key)

    def availability(self, sender: int, receiver: int) -> Availability | None:
        """Return when a directed link, or either of its ends, is down; ``None`` if nothing ever takes it down."""
        crashes = [event.interval for end in (sender, receiver) for event in self.crash_events(end)]
        cuts = [event.interval for event in self._lasting() if event.fault.cuts(sender, receiver)]
        flaps = [
            (event, self._on_off(event, event.fault, sender, receiver))
            for event in self._lasting()
            if isinstance(event.fault, Flap) and event.fault.concerns(sender, receiver)
        ]
        if not (crashes or cuts or flaps):
            return None
        return Availability(partial(_downtime, cuts, flaps) if flaps else cuts, crashes)

    def _lasting(self) -> list[FaultEvent]:
        return [event for event in self.events if event.start_ns < event.end_ns]

    def _on_off(self, event: FaultEvent, flap: Flap, sender: int, receiver: int) -> OnOff:
        low, high = min(sender, receiver), max(sender, receiver)
        if (event.key, low, high) not in self._flapping:
            generator = stream(self._seed, "fault", event.key, low, high)
            self._flapping[event.key, low, high] = OnOff(generator, flap.up, flap.down)
        return self._flapping[event.key, low, high]

    def crash_events(self, agent: int) -> list[FaultEvent]:
        """Return the crashes of an agent, in order of start.

        >>> plan = FaultPlan([{"kind": "crash", "node": 1, "at": "1 s", "for": "2 s"}], n_agents=2)
        >>> [event.interval for event in plan.crash_events(1)]
        [(1000000000, 3000000000)]
        """
        return [event for event in self._lasting() if isinstance(event.fault, Crash) and event.fault.node == agent]

    def compute_factor(self, agent: int, now_ns: int) -> float:
        """Return by what an agent's compute times are multiplied: the product of all stragglers' factors that hold.

        >>> FaultPlan([{"kind": "straggler", "node": 0, "factor": 3, "at": 0}], n_agents=2).compute_factor(0, 5)
        3.0
        """
        factor = 1.0
        for start_ns, end_ns, fault, _ in self.events:
            if isinstance(fault, Straggler) and fault.node == agent and start_ns <= now_ns < end_ns:
                factor *= fault.factor
        return factor

    def degradations(self, sender: int, receiver: int, spec: LinkSpec) -> tuple[Degradation, ...]:
        """Return the parameters that a directed link, otherwise of this spec, has for a while; in order of start."""
        return tuple(
            Degradation(event.start_ns, event.end_ns, event.fault.changed(spec))
            for event in self._lasting()
            if isinstance(event.fault, Degrade) and event.fault.concerns(sender, receiver)
        )


def _downtime(cuts: list[Interval], flaps: list[tuple[FaultEvent, OnOff]], start_ns: int, end_ns: int) -> Window:
    """Return when a link is cut or flaps, around some time."""
    from_ns, until_ns, intervals = 0, FOREVER_NS, list(cuts)
    for event, on_off in flaps:
        if end_ns < event.start_ns:
            until_ns = min(until_ns, event.start_ns)
        elif start_ns >= event.end_ns:
            from_ns = max(from_ns, event.end_ns)
        else:
            known = on_off.window(start_ns, end_ns)
            from_ns, until_ns = max(from_ns, known.from_ns), min(until_ns, known.until_ns)
            clipped = ((max(start, event.start_ns), min(end, event.end_ns)) for start, end in known.intervals)
            intervals += [(start, end) for start, end in clipped if start < end]
    return Window(from_ns, until_ns, intervals)


def _drawn_ns(time: DelayModel, generator: np.random.Generator) -> int:
    return round(min(float(time.sampler(generator)(1)[0]), MAX_DRAWN_S) * 1e9)
