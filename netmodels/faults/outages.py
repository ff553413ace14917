"""Faults that take links or agents down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from netmodels.faults.timed import Time, Timed, checked_edge
from netmodels.units import count, listed, milliseconds, seconds

State = Literal["kept", "lost"]


@dataclass(frozen=True, kw_only=True)
class Crash(Timed):
    """An agent's learner stops sending, receiving and updating; the agent goes on acting.

    Attributes:
        node: the agent.
        at: when.
        for_: for how long.
        state: whether what it had learnt is ``kept`` or ``lost`` when it comes back.

    >>> Crash(node=2, at="10 s", for_="5 s", state="lost").describe()
    'agent 2 crashes, its state lost'
    """

    node: int
    state: State = "kept"

    def __post_init__(self) -> None:
        super().__post_init__()
        count(self.node, "fault.node")
        if self.state not in get_args(State):
            raise ValueError(f"fault.state: expected kept or lost, got {self.state!r}")

    def agents(self) -> tuple[int, ...]:
        """Return the agent.

        >>> Crash(node=2, at=0).agents()
        (2,)
        """
        return (self.node,)

    def describe(self) -> str:
        """Say what goes wrong.

        >>> Crash(node=2, at=0).describe()
        'agent 2 crashes, its state kept'
        """
        return f"agent {self.node} crashes, its state {self.state}"


@dataclass(frozen=True, kw_only=True)
class LinkDown(Timed):
    """Both directions of a link go down.

    Attributes:
        edge: the two agents.
        at: when.
        for_: for how long.

    >>> LinkDown(edge=(0, 1), at="10 s").cuts(1, 0)
    True
    """

    edge: Sequence[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "edge", checked_edge(self.edge))

    def agents(self) -> tuple[int, ...]:
        """Return the two agents.

        >>> LinkDown(edge=(0, 1), at=0).agents()
        (0, 1)
        """
        return tuple(self.edge)

    def cuts(self, sender: int, receiver: int) -> bool:
        """Say whether it is this link, in either direction.

        >>> LinkDown(edge=(0, 1), at=0).cuts(0, 1)
        True
        """
        return {sender, receiver} == set(self.edge)

    def describe(self) -> str:
        """Say what goes wrong.

        >>> LinkDown(edge=(0, 1), at=0).describe()
        'the link between agents 0 and 1 goes down'
        """
        return f"the link between agents {self.edge[0]} and {self.edge[1]} goes down"


@dataclass(frozen=True, kw_only=True)
class OneWay(Timed):
    """One direction of a link goes down; the other one stays.

    Attributes:
        edge: sender and receiver of the direction that goes down.
        at: when.
        for_: for how long.

    >>> OneWay(edge=(0, 1), at="10 s").cuts(1, 0)
    False
    """

    edge: Sequence[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "edge", checked_edge(self.edge))

    def agents(self) -> tuple[int, ...]:
        """Return the two agents.

        >>> OneWay(edge=(0, 1), at=0).agents()
        (0, 1)
        """
        return tuple(self.edge)

    def cuts(self, sender: int, receiver: int) -> bool:
        """Say whether it is this direction.

        >>> OneWay(edge=(0, 1), at=0).cuts(0, 1)
        True
        """
        return (sender, receiver) == tuple(self.edge)

    def describe(self) -> str:
        """Say what goes wrong.

        >>> OneWay(edge=(0, 1), at=0).describe()
        'the link from agent 0 to 1 goes down, one way'
        """
        return f"the link from agent {self.edge[0]} to {self.edge[1]} goes down, one way"


@dataclass(frozen=True, kw_only=True)
class Partition(Timed):
    """Every link between different groups goes down.

    Attributes:
        groups: disjoint groups of agents, at least one; those in none form a further one.
        at: when.
        for_: for how long.

    >>> split = Partition(groups=[[0, 1]], at="10 s")
    >>> split.cuts(0, 1), split.cuts(1, 2), split.cuts(2, 3)
    (False, True, False)
    """

    groups: Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        super().__post_init__()
        name = "fault.groups"
        groups = tuple(
            tuple(count(agent, name) for agent in listed(group, name)) for group in listed(self.groups, name)
        )
        members = [agent for group in groups for agent in group]
        if not members or len(set(members)) < len(members):
            raise ValueError(f"fault.groups: expected disjoint groups, at least one agent, got {self.groups!r}")
        object.__setattr__(self, "groups", groups)

    def agents(self) -> tuple[int, ...]:
        """Return all agents of all groups.

        >>> Partition(groups=[[0, 1]], at=0).agents()
        (0, 1)
        """
        return tuple(agent for group in self.groups for agent in group)

    def cuts(self, sender: int, receiver: int) -> bool:
        """Say whether the ends are in different groups.

        >>> Partition(groups=[[0, 1]], at=0).cuts(0, 1)
        False
        """
        return not any((sender in group) and (receiver in group) for group in self.groups) and (
            sender in self.agents() or receiver in self.agents()
        )

    def describe(self) -> str:
        """Say what goes wrong.

        >>> Partition(groups=[[0, 1]], at=0).describe()
        'the network falls apart into [0, 1] and the rest'
        """
        return f"the network falls apart into {', '.join(str(list(group)) for group in self.groups)} and the rest"


@dataclass(frozen=True, kw_only=True)
class Blackout(Timed):
    """Every link goes down.

    Attributes:
        at: when.
        for_: for how long.

    >>> Blackout(at="10 s", for_="1 s").cuts(0, 1)
    True
    """

    def cuts(self, sender: int, receiver: int) -> bool:
        """Say yes.

        >>> Blackout(at=0).cuts(0, 1)
        True
        """
        del sender, receiver
        return True

    def describe(self) -> str:
        """Say what goes wrong.

        >>> Blackout(at=0).describe()
        'every link goes down'
        """
        return "every link goes down"


@dataclass(frozen=True, kw_only=True)
class Flap(Timed):
    """A link goes down and up again and again, with exponential times, both directions together.

    Attributes:
        up: mean time up, above 0, in seconds or with a unit.
        down: mean time down, above 0, in seconds or with a unit.
        edge: the two agents; every link on its own if not given.
        at: from when on.
        for_: for how long.

    >>> Flap(up="10 s", down="1 s").describe()
    'every link flaps: up for 10 s, down for 1 s on average'
    """

    up: float | str
    down: float | str
    edge: Sequence[int] | None = None
    at: Time = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("up", "down"):
            given = getattr(self, name)
            duration = seconds(given, f"fault.{name}")
            if duration == 0.0:
                raise ValueError(f"fault.{name}: expected more than 0 seconds, got {given!r}")
            object.__setattr__(self, name, duration)
        if self.edge is not None:
            object.__setattr__(self, "edge", checked_edge(self.edge))

    def agents(self) -> tuple[int, ...]:
        """Return the two agents, if it is one link.

        >>> Flap(up=10, down=1).agents()
        ()
        """
        return () if self.edge is None else tuple(self.edge)

    def concerns(self, sender: int, receiver: int) -> bool:
        """Say whether this link flaps.

        Args:
            sender: one end.
            receiver: the other.

        Returns:
            Whether it does.

        >>> Flap(up=10, down=1).concerns(0, 1)
        True
        """
        return self.edge is None or {sender, receiver} == set(self.edge)

    def describe(self) -> str:
        """Say what goes wrong.

        >>> Flap(up=10, down=1).describe()
        'every link flaps: up for 10 s, down for 1 s on average'
        """
        ends = "" if self.edge is None else f" between agents {self.edge[0]} and {self.edge[1]}"
        who = f"the link{ends} flaps" if ends else "every link flaps"
        up, down = milliseconds(float(self.up)), milliseconds(float(self.down))
        return f"{who}: up for {up}, down for {down} on average"
