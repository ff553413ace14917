"""What every fault is: something that goes wrong at a time, for a while.

A fault is a frozen dataclass whose fields are the options of a scenario (``for`` is the field `for_`). Its times are
quantities, or distributions that are drawn once from the fault's own stream.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from netmodels.links.delay import DelayModel
from netmodels.links.kinds import delay_model
from netmodels.units import count

Time = DelayModel | Mapping[str, object] | float | str


class Fault(Protocol):
    """Something that goes wrong for a while."""

    @property
    def at(self) -> Time:
        """When it begins, in seconds; a distribution once built."""

    @property
    def for_(self) -> Time | None:
        """How long it lasts, in seconds; a distribution once built, ``None`` for ever."""

    def agents(self) -> tuple[int, ...]:
        """Return the agents that it names."""

    def cuts(self, sender: int, receiver: int) -> bool:
        """Say whether it takes this directed link down while it lasts."""

    def describe(self) -> str:
        """Say in a few words what goes wrong."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """What all faults have in common.

    Attributes:
        at: when it begins: seconds, a string with a unit, or a distribution of them.
        for_: how long it lasts, the same; for ever if not given.
    """

    at: Time
    for_: Time | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", _time(self.at, "fault.at"))
        if self.for_ is not None:
            object.__setattr__(self, "for_", _time(self.for_, "fault.for"))

    def agents(self) -> tuple[int, ...]:
        """Return the agents that the fault names; none unless a kind says otherwise.

        >>> Timed(at=0).agents()
        ()
        """
        return ()

    def cuts(self, sender: int, receiver: int) -> bool:
        """Say whether the fault takes this directed link down while it lasts; no unless a kind says otherwise.

        >>> Timed(at=0).cuts(0, 1)
        False
        """
        del sender, receiver
        return False


def _time(value: Time, name: str) -> DelayModel:
    try:
        return delay_model(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def checked_edge(edge: object) -> tuple[int, int]:
    """Refuse what is no pair of different agents.

    Args:
        edge: two indices.

    Returns:
        The pair.

    Raises:
        ValueError: for anything else.

    >>> checked_edge([0, 1])
    (0, 1)
    """
    if not isinstance(edge, Sequence) or len(edge) != 2 or edge[0] == edge[1]:
        raise ValueError(f"fault.edge: expected two different agents, got {edge!r}")
    return count(edge[0], "fault.edge"), count(edge[1], "fault.edge")
