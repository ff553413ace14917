"""The kinds of fault by name: a kind is a dataclass and one line here."""

from collections.abc import Mapping
from typing import cast

from netmodels.choice import of_kind
from netmodels.faults.outages import Blackout, Crash, Flap, LinkDown, OneWay, Partition
from netmodels.faults.slowdowns import Degrade, Straggler
from netmodels.faults.timed import Fault

FAULTS: Mapping[str, type[Fault]] = {
    "crash": Crash,
    "link_down": LinkDown,
    "one_way": OneWay,
    "partition": Partition,
    "blackout": Blackout,
    "flap": Flap,
    "degrade": Degrade,
    "straggler": Straggler,
}


def fault_of(value: object) -> Fault:
    """Make a fault of a fault, or of a mapping with ``kind``.

    Args:
        value: one of these.

    Returns:
        The fault.

    Raises:
        ValueError: naming the option and the value that does not fit.

    >>> fault_of({"kind": "crash", "node": 0, "at": "10 s", "for": "5 s"}).describe()
    'agent 0 crashes, its state kept'
    """
    if isinstance(value, Mapping):
        return of_kind("fault", FAULTS, value)
    if not isinstance(value, tuple(FAULTS.values())):
        raise ValueError(f"fault: expected a fault or a mapping with kind, got {value!r}")  # noqa: TRY004  (one kind of error)
    return cast("Fault", value)
