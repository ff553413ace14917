"""All faults of one run, with their times drawn, and what the network asks about them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np

from netmodels.alternation import Alternation, Interval, Stretch
from netmodels.faults.kinds import fault_of
from netmodels.faults.outages import Crash, Flap
from netmodels.faults.slowdowns import Degrade, Straggler
from netmodels.faults.timed import Fault
from netmodels.links.availability import FOREVER_NS, Availability
from netmodels.links.degraded import Degradation
from netmodels.links.delay import LONGEST_DRAWN_S, DelayModel
from netmodels.links.spec import LinkSpec
from netmodels.streams import stream
from netmodels.units import count


@dataclass(frozen=True)
class FaultEvent:
    """A fault with its times.

    Attributes:
        start_ns: when it begins.
        end_ns: when it is over; `FOREVER_NS` if never.
        fault: what goes wrong.
        key: name of its stream.
    """

    start_ns: int
    end_ns: int
    fault: Fault
    key: str

    @property
    def interval(self) -> Interval:
        """From when to when."""
        return self.start_ns, self.end_ns

    def holds(self, now_ns: int) -> bool:
        """Say whether the fault lasts at a time.

        Args:
            now_ns: simulated time.

        Returns:
            Whether it does.

        >>> [event] = FaultPlan([{"kind": "blackout", "at": "1 s", "for": "1 s"}], n_agents=2).events
        >>> event.holds(10**9), event.holds(2 * 10**9)
        (True, False)
        """
        return self.start_ns <= now_ns < self.end_ns


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

        Args:
            faults: faults, or mappings with ``kind``.
            n_agents: number of agents.
            seed: seed of the run.

        Raises:
            ValueError: for a fault that does not fit, or names an agent that there is not.
        """
        self.n_agents = count(n_agents, "n_agents", minimum=1)
        self._seed = count(seed, "seed")
        self._flapping: dict[tuple[str, int, int], Alternation] = {}
        alike: Counter[str] = Counter()
        events = []
        for fault in map(fault_of, faults):
            strangers = [agent for agent in fault.agents() if agent >= n_agents]
            if strangers:
                raise ValueError(f"fault: expected agents below {n_agents}, got {strangers} in {fault!r}")
            text = repr(fault)
            events.append(self._event(fault, f"{text} #{alike[text]}"))
            alike[text] += 1
        self.events = tuple(sorted(events, key=lambda event: (event.start_ns, event.end_ns, event.key)))

    def _event(self, fault: Fault, key: str) -> FaultEvent:
        generator = stream(self._seed, "fault", key)
        begin, last = (cast("DelayModel | None", time) for time in (fault.at, fault.for_))
        assert begin is not None  # noqa: S101  (narrowing: a fault always has a beginning)
        start_ns = _drawn_ns(begin, generator)
        if last is None:
            return FaultEvent(start_ns, FOREVER_NS, fault, key)
        return FaultEvent(start_ns, start_ns + _drawn_ns(last, generator), fault, key)

    def availability(self, sender: int, receiver: int) -> Availability | None:
        """Return when a directed link, or either of its ends, is down.

        Args:
            sender: index.
            receiver: index.

        Returns:
            The schedule; ``None`` if nothing ever takes it down.

        >>> FaultPlan([], n_agents=2).availability(0, 1) is None
        True
        """
        crashes = [interval for end in (sender, receiver) for interval in self.crashes(end)]
        cuts = [event.interval for event in self.events if event.fault.cuts(sender, receiver) and _lasts(event)]
        flaps = [
            event
            for event in self.events
            if isinstance(event.fault, Flap) and event.fault.concerns(sender, receiver) and _lasts(event)
        ]
        if not (crashes or cuts or flaps):
            return None
        if not flaps:
            return Availability(link_down=cuts, node_down=crashes)
        return Availability(partial(self._downtime, cuts, flaps, (sender, receiver)), crashes)

    def _downtime(
        self, cuts: list[Interval], flaps: list[FaultEvent], link: tuple[int, int], start_ns: int, end_ns: int
    ) -> Stretch:
        """Tell when a link is cut or flaps, around some time."""
        from_ns, until_ns, intervals = 0, FOREVER_NS, list(cuts)
        for event in flaps:
            if end_ns < event.start_ns:
                until_ns = min(until_ns, event.start_ns)
            elif start_ns >= event.end_ns:
                from_ns = max(from_ns, event.end_ns)
            else:
                known = self._alternation(event, *link).stretch(start_ns, end_ns)
                from_ns, until_ns = max(from_ns, known.from_ns), min(until_ns, known.until_ns)
                clipped = ((max(start, event.start_ns), min(end, event.end_ns)) for start, end in known.intervals)
                intervals += [(start, end) for start, end in clipped if start < end]
        return Stretch(from_ns, until_ns, intervals)

    def _alternation(self, event: FaultEvent, sender: int, receiver: int) -> Alternation:
        low, high = min(sender, receiver), max(sender, receiver)
        if (event.key, low, high) not in self._flapping:
            flap = cast("Flap", event.fault)
            generator = stream(self._seed, "fault", event.key, low, high)
            self._flapping[event.key, low, high] = Alternation(generator, float(flap.up), float(flap.down))
        return self._flapping[event.key, low, high]

    def crashes(self, agent: int) -> list[Interval]:
        """List when an agent is down.

        Args:
            agent: its index.

        Returns:
            (start, end) in nanoseconds, in order of start.

        >>> FaultPlan([{"kind": "crash", "node": 1, "at": "1 s", "for": "2 s"}], n_agents=2).crashes(1)
        [(1000000000, 3000000000)]
        """
        return [event.interval for event in self.crash_events(agent)]

    def crash_events(self, agent: int) -> list[FaultEvent]:
        """List the crashes of an agent, with whether its state is kept.

        Args:
            agent: its index.

        Returns:
            Events whose fault is a `Crash`.

        >>> FaultPlan([], n_agents=2).crash_events(0)
        []
        """
        return [
            event
            for event in self.events
            if isinstance(event.fault, Crash) and event.fault.node == agent and _lasts(event)
        ]

    def compute_factor(self, agent: int, now_ns: int) -> float:
        """Return by what an agent's compute times are multiplied.

        Args:
            agent: its index.
            now_ns: simulated time.

        Returns:
            Product of the factors of all stragglers that hold.

        >>> FaultPlan([{"kind": "straggler", "node": 0, "factor": 3, "at": 0}], n_agents=2).compute_factor(0, 5)
        3.0
        """
        factor = 1.0
        for event in self.events:
            if isinstance(event.fault, Straggler) and event.fault.node == agent and event.holds(now_ns):
                factor *= event.fault.factor
        return factor

    def degradations(self, sender: int, receiver: int, spec: LinkSpec) -> tuple[Degradation, ...]:
        """Return the parameters that a directed link has for a while.

        Args:
            sender: index.
            receiver: index.
            spec: its parameters otherwise.

        Returns:
            Degradations for `DegradedLink`, in order of start.

        >>> FaultPlan([], n_agents=2).degradations(0, 1, LinkSpec(rate=1e6, delay=0))
        ()
        """
        return tuple(
            Degradation(event.start_ns, event.end_ns, event.fault.changed(spec))
            for event in self.events
            if isinstance(event.fault, Degrade) and event.fault.concerns(sender, receiver) and _lasts(event)
        )


def _drawn_ns(time: DelayModel, generator: np.random.Generator) -> int:
    return round(min(float(time.sampler(generator)(1)[0]), LONGEST_DRAWN_S) * 1e9)


def _lasts(event: FaultEvent) -> bool:
    return event.start_ns < event.end_ns
