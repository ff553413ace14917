"""Where two networks differ, field by field: what a state forgets, whoever added it and wherever it is.

What is worked out from parameters, seed and time, when it is asked for, may differ: it is listed here, with the reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import _lru_cache_wrapper

import numpy as np

from dvdn_sim.network import Clock, TeamFaults, Transport
from netmodels.faults import FaultPlan
from netmodels.links import Availability, Regime, Server
from netmodels.streams import Draws

WORKED_OUT = (
    Availability,  # remembers when links are down around the time that it was last asked about
    FaultPlan,  # when faults begin and end, drawn by name
    TeamFaults,  # the same, by agent
    np.random.Generator,  # only ever inside one of these, or of Draws
    _lru_cache_wrapper,
)
CACHES = {
    (Clock, "environment"): "what is on it is in the states of those whose it is: flights and crashes",
    (Transport, "_links"): "the links of the network, by agents in place of keys",
    (Regime, "offsets"): "a table that grows with the longest message",
}


def differences(one: object, other: object, path: str = "network") -> Iterator[str]:
    """Paths of all fields that differ, and how."""
    if isinstance(one, WORKED_OUT):
        return
    mine, others = _parts(one), _parts(other)
    if mine is None or others is None:
        if one != other:
            yield f"{path}: {one!r}, {other!r}"
    elif mine.keys() != others.keys():
        yield f"{path}: {list(mine)}, {list(others)}"
    else:
        for name, value in mine.items():
            yield from differences(value, others[name], f"{path}.{name}")


def _parts(thing: object) -> dict[str, object] | None:
    """What something is made of, by name; None for what can be compared as it is."""
    if thing is None or isinstance(thing, str | int | float | set | frozenset):
        return None
    if isinstance(thing, Mapping):
        return {str(key): value for key, value in thing.items()}
    if isinstance(thing, Sequence | np.ndarray):
        return {str(index): value for index, value in enumerate(thing)}
    if isinstance(thing, Draws):  # what was drawn ahead, and is not handed out yet, is drawn again
        return {"drawn": thing.drawn}
    if isinstance(thing, Server):  # it forgets what has left when it is next asked
        thing._backlog(thing.now_ns)
    slots = [name for cls in type(thing).__mro__ for name in getattr(cls, "__slots__", ())]
    every = {name: getattr(thing, name) for name in slots} | getattr(thing, "__dict__", {})
    return {name: value for name, value in every.items() if (type(thing), name) not in CACHES}
