"""Faults that make things worse without taking them down."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from netmodels.faults.timed import Timed, checked_edge
from netmodels.links.spec import LinkSpec
from netmodels.units import count, positive

DEGRADABLE = ("rate", "delay", "loss", "corrupt", "retries", "retry_delay", "duplicate", "fifo")
"""What a degradation can change; packet size and queue belong to the sender's interface and stay."""


@dataclass(frozen=True, kw_only=True)
class Degrade(Timed):
    """Links have other parameters, as of the hand-over.

    Attributes:
        link: the parameters that change, with their values, as in `LinkSpec`.
        edge: the two agents, both directions; every link if not given.
        at: when.
        for_: for how long.

    >>> Degrade(link={"loss": "50%"}, at="10 s").changed(LinkSpec(rate="1 Mbit/s", delay="1 ms")).loss
    Bernoulli(p=0.5)
    """

    link: Mapping[str, object]
    edge: Sequence[int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        given: object = self.link
        if not isinstance(given, Mapping) or not given or any(name not in DEGRADABLE for name in given):
            raise ValueError(f"fault.link: expected some of {', '.join(DEGRADABLE)}, got {given!r}")
        # A mapping may be changed by whoever made it; and a fault has to have a hash and a name of its own, which does
        # not depend on the order of its options.
        object.__setattr__(self, "link", _FrozenMapping(sorted(self.link.items())))
        self.changed(LinkSpec(rate="unlimited", delay=0.0, retry_delay=0.0))
        if self.edge is not None:
            object.__setattr__(self, "edge", checked_edge(self.edge))

    def agents(self) -> tuple[int, ...]:
        """Return the two agents, if it is one link.

        >>> Degrade(link={"loss": 0.5}, at=0).agents()
        ()
        """
        return () if self.edge is None else tuple(self.edge)

    def concerns(self, sender: int, receiver: int) -> bool:
        """Say whether this link is degraded.

        Args:
            sender: one end.
            receiver: the other.

        Returns:
            Whether it is.

        >>> Degrade(link={"loss": 0.5}, at=0).concerns(0, 1)
        True
        """
        return self.edge is None or {sender, receiver} == set(self.edge)

    def changed(self, spec: LinkSpec) -> LinkSpec:
        """Return the parameters of a link while it is degraded.

        Args:
            spec: its parameters otherwise.

        Returns:
            The same with those changed that are named.

        Raises:
            ValueError: if they do not fit each other.
        """
        change: Callable[..., LinkSpec] = replace
        return change(spec, **self.link)

    def describe(self) -> str:
        """Say what goes wrong.

        >>> Degrade(link={"loss": 0.5}, at=0).describe()
        'every link degrades: loss 0.5'
        """
        who = "every link" if self.edge is None else f"the link between agents {self.edge[0]} and {self.edge[1]}"
        return f"{who} degrades: {', '.join(f'{name} {value}' for name, value in self.link.items())}"


class _FrozenMapping(dict[str, object]):
    """A mapping with a hash, by its representation."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(self))


@dataclass(frozen=True, kw_only=True)
class Straggler(Timed):
    """An agent computes more slowly.

    Attributes:
        node: the agent.
        factor: its compute times are multiplied by it, above 0.
        at: when.
        for_: for how long.

    >>> Straggler(node=1, factor=4, at="10 s").describe()
    'agent 1 computes 4 times as long'
    """

    node: int
    factor: float

    def __post_init__(self) -> None:
        super().__post_init__()
        count(self.node, "fault.node")
        object.__setattr__(self, "factor", positive(self.factor, "fault.factor"))

    def agents(self) -> tuple[int, ...]:
        """Return the agent.

        >>> Straggler(node=1, factor=4, at=0).agents()
        (1,)
        """
        return (self.node,)

    def describe(self) -> str:
        """Say what goes wrong.

        >>> Straggler(node=1, factor=4, at=0).describe()
        'agent 1 computes 4 times as long'
        """
        return f"agent {self.node} computes {self.factor:g} times as long"
