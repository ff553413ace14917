"""Which agents are up, and which links at a given time: the faults of a team, in its own numbers.

What faults do to messages, the links themselves know. Nobody is told: a crashed agent neither sends, receives nor
closes a round; the others notice a deadline that passes.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dvdn_sim.records import Links, Point
from dvdn_sim.scenario import Network
from netmodels import FaultPlan, Transfer
from netmodels.faults import Crash, Fault, FaultEvent
from netmodels.links import FOREVER_NS, Availability
from netmodels.topology import EdgeMarkov, Instant, Mobility, Range, Schedule
from netmodels.units import milliseconds


@dataclass(frozen=True)
class Downtime:
    """A time during which an agent is down: from its start up to, not including, its end.

    Attributes:
        start_ns: When it crashes.
        end_ns: When it comes back; at least `FOREVER_NS` if never.
        state_lost: Whether it comes back without what it held.
    """

    start_ns: int
    end_ns: int
    state_lost: bool


class TeamFaults:
    """The faults of one run, told of agents by their indices, drawn by their keys.

    Attributes:
        plan: The faults in the agents' keys, as links take them.
    """

    def __init__(self, faults: Iterable[Fault], *, seed: int, agent_keys: Sequence[int]) -> None:
        """Draw when what happens; ValueError for a fault that names an agent that there is not."""
        self._keys = tuple(agent_keys)
        named = [_in_keys(fault, self._keys) for fault in faults]
        self.plan = FaultPlan(named, 1 + max(self._keys), seed)
        self._downtimes = [_merged(self.plan, key) for key in self._keys]
        self._starts = [[down.start_ns for down in downtimes] for downtimes in self._downtimes]
        self._ends = [[down.end_ns for down in downtimes] for downtimes in self._downtimes]

    def downtimes(self, agent: int, from_ns: int = 0) -> list[Downtime]:
        """Return when an agent is down, in order, apart from each other; not what is over before an instant."""
        return self._downtimes[agent][bisect_left(self._ends[agent], from_ns) :]

    def arrays(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return where the down-times of each agent begin, ``[N + 1]``, and all: from, until, lost, ``[any, 3]``."""
        every = [(down.start_ns, down.end_ns, down.state_lost) for of_agent in self._downtimes for down in of_agent]
        first = np.cumsum([0, *map(len, self._downtimes)])
        return first, np.array(every, np.int64).reshape(-1, 3)

    def next_crash_ns(self, past_ns: int) -> int:
        """Return when the first down-time begins that is not over before an instant; `FOREVER_NS` if there is none."""
        if not self.plan.events:
            return FOREVER_NS
        return min(
            (down.start_ns for agent in range(len(self._keys)) for down in self.downtimes(agent, past_ns)[:1]),
            default=FOREVER_NS,
        )

    def restarted(self, from_ns: int, to_ns: int) -> npt.NDArray[np.bool_]:
        """Return which agents come back without what they held, from one instant to before another, bool ``[N]``."""
        back = [[down.end_ns for down in downtimes if down.state_lost] for downtimes in self._downtimes]
        return np.array([any(from_ns <= at_ns < to_ns for at_ns in of_agent) for of_agent in back])

    def done_ns(self, agent: int, now_ns: int, compute_ns: int) -> int | None:
        """Return when an agent that computes from now on is done: it does not while it is down. None if never."""
        if not self.plan.events:
            return now_ns + compute_ns
        at_ns, left_ns = now_ns, round(compute_ns * self.plan.compute_factor(self._keys[agent], now_ns))
        for down in self._downtimes[agent]:
            if down.end_ns <= at_ns:
                continue
            if at_ns + left_ns < down.start_ns:
                break
            left_ns -= max(0, down.start_ns - at_ns)
            at_ns = down.end_ns
        return None if at_ns >= FOREVER_NS else at_ns + left_ns

    def hinders(self, agent: int, from_ns: int, to_ns: int) -> bool:
        """Say whether an agent is down at any time from one instant to another, the latter included."""
        return any(down.start_ns <= to_ns and down.end_ns > from_ns for down in self._downtimes[agent])

    def missed(self, receiver: int, transfer: Transfer) -> int:
        """Count the packets of a message that got through arrive while their receiver is down."""
        starts, ends = self._starts[receiver], self._ends[receiver]
        first = bisect_right(ends, transfer.handed_over_ns)
        if first == len(starts):
            return 0
        arrivals = [int(at_ns) for at_ns in transfer.arrivals]
        if starts[first] > max(arrivals):
            return 0
        return sum((place := bisect_right(starts, at_ns)) > 0 and at_ns < ends[place - 1] for at_ns in arrivals)

    def under_way(self, from_ns: int, to_ns: int) -> list[str]:
        """Return the kinds of faults that last at any time from one instant to another, the latter included; sorted."""
        return sorted({e.fault.kind for e in self.plan.events if e.start_ns <= to_ns and e.end_ns > from_ns})

    @property
    def cut_for_ever(self) -> list[str]:
        """What goes down and never comes back, in words; crashes and cuts alone, not what flaps or degrades."""
        return [
            f"from {milliseconds(event.start_ns / 1e9)}: {fault.describe()}"
            for event, fault in zip(self.plan.events, map(self._in_indices, self.plan.events), strict=True)
            if event.end_ns >= FOREVER_NS and (isinstance(fault, Crash) or self._cuts_something(event.fault))
        ]

    def _in_indices(self, event: FaultEvent) -> Fault:
        index = {key: agent for agent, key in enumerate(self._keys)}
        return renamed(event.fault, index)

    def _cuts_something(self, fault: Fault) -> bool:
        return any(fault.cuts(*link) for link in permutations(self._keys, 2))


class LinksUp:
    """The links of one team that are up at a given time: the topology's, less what faults have taken down.

    The same topology, the same draws of the same faults, and the same rule for what a fault takes down as in an
    exchange: a transmission that begins then is lost where a link is not up here. Whether it gets through where one
    is, its loss and its queue decide, which are no part of this.
    """

    def __init__(self, network: Network, *, n_agents: int, seed: int) -> None:
        """Draw when what fails."""
        self._topology, self._n_agents, self._seed = network.topology, n_agents, seed
        self._faults = TeamFaults(network.faults, seed=seed, agent_keys=range(n_agents))
        self._availability: dict[tuple[int, int], Availability | None] = {}

    def at(self, now_ns: int, *, episode: int = 0, update: int = 0) -> Links:
        """Return the links at a time, those of the first round where a topology changes from round to round."""
        edges = self._topology.graph(self._n_agents, self._seed, Instant(episode, update, 0, now_ns)).edges
        cut = {edge: None for edge in edges if self._is_cut(edge, now_ns)}
        moves = next(_mobilities(self._topology, now_ns), None)
        places = [] if moves is None else moves.positions(self._n_agents, self._seed, now_ns).tolist()
        points: list[Point] = [(float(x), float(y)) for x, y in places]
        return Links(
            up=tuple(edge for edge in edges if edge not in cut),
            cut=tuple(cut),
            down=tuple(agent for agent in range(self._n_agents) if self.is_down(agent, now_ns)),
            # A fault is over at its end, as in an exchange that begins at that time.
            faults=tuple(self._faults.under_way(now_ns, now_ns)),
            places=None if moves is None else tuple(points),
        )

    def is_down(self, agent: int, now_ns: int) -> bool:
        """Say whether an agent has crashed and is not back."""
        return self._faults.hinders(agent, now_ns, now_ns)

    def _is_cut(self, edge: tuple[int, int], now_ns: int) -> bool:
        if edge not in self._availability:
            self._availability[edge] = self._faults.plan.availability(*edge)
        availability = self._availability[edge]
        return availability is not None and availability.fate(now_ns, now_ns) != 0


def _mobilities(topology: object, now_ns: int) -> Iterator[Mobility]:
    """Yield what moves the agents of a topology at a time; at most one, as kinds within kinds go."""
    if isinstance(topology, Range) and topology.mobility is not None:
        yield topology.mobility
    elif isinstance(topology, EdgeMarkov):
        yield from _mobilities(topology.base, now_ns)
    elif isinstance(topology, Schedule):
        *_, holds = (entry.topology for entry in topology.entries if round(entry.at * 1e9) <= now_ns)
        yield from _mobilities(holds, now_ns)


def _in_keys(fault: Fault, keys: Sequence[int]) -> Fault:
    """The fault with agents named by their keys, whose streams are then the same however they are numbered."""
    strangers = [agent for agent in fault.agents() if agent >= len(keys)]
    if strangers:
        raise ValueError(f"fault: expected agents below {len(keys)}, got {strangers} in {fault!r}")
    return renamed(fault, dict(enumerate(keys)))


def renamed(fault: Fault, names: Mapping[int, int]) -> Fault:
    """Return the same fault with its agents called otherwise."""

    def in_names(agents: Any) -> Any:
        return tuple(map(in_names, agents)) if isinstance(agents, tuple) else names[agents]

    named = {name: getattr(fault, name, None) for name in ("node", "edge", "groups")}
    copy: Callable[..., Fault] = replace
    return copy(fault, **{name: in_names(agents) for name, agents in named.items() if agents is not None})


def _merged(plan: FaultPlan, key: int) -> list[Downtime]:
    """Return the crashes of an agent, with those that overlap or touch as one."""
    merged: list[Downtime] = []
    for event in plan.crash_events(key):
        start_ns, end_ns, lost = event.start_ns, event.end_ns, cast("Crash", event.fault).state == "lost"
        if merged and start_ns <= merged[-1].end_ns:
            before = merged.pop()
            start_ns, end_ns, lost = before.start_ns, max(before.end_ns, end_ns), before.state_lost or lost
        merged.append(Downtime(start_ns, end_ns, lost))
    return merged
