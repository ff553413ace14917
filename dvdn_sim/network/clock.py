"""Simulated time: Python int nanoseconds over SimPy's event queue. The only door to SimPy.

Events are bare callbacks, not processes: a process per message costs eight times as much, and hides its waiting.
Nothing here calls SimPy's `run`: from version 4.1.2 on it leaves the event that stops it in the queue, so that `peek`
would find one at every time at which the clock ever stopped.
"""

from collections.abc import Callable
from typing import Any, Final

from simpy.core import EmptySchedule, Environment
from simpy.events import Event

FIRST_PRIORITY: Final = 1
"""Events at one time happen by priority, lowest first, and within a priority in the order of scheduling."""


class ClockEvent(Event):
    """A callback at a set time, and what it is about: the callback takes the event itself."""

    def __init__(self, clock: "Clock", callback: Callable[[Any], None], *about: int) -> None:
        self.env = clock.environment
        self.callbacks = [callback]
        self.about = about
        self._ok = True
        self._value = None


class Agenda(Environment):
    """SimPy's, without its shortcuts to kinds of events: each is a reference to itself, for the collector to find."""


class Clock:
    """The time of one exchange.

    >>> clock, seen = Clock(2), []
    >>> clock.schedule(ClockEvent(clock, lambda event: seen.append((clock.now_ns, event.about)), 7), 5)
    >>> clock.step(), seen, clock.step()
    (True, [(5, (7,))], False)
    """

    def __init__(self, now_ns: int = 0) -> None:
        self.environment = Agenda(initial_time=now_ns)

    @property
    def now_ns(self) -> int:
        """Nanoseconds since the start of the run."""
        return self.environment.now  # type: ignore[return-value]

    def schedule(self, event: ClockEvent, at_ns: int, priority: int = FIRST_PRIORITY) -> None:
        """Let an event happen at a time.

        Raises:
            ValueError: A time in the past, or one that is not a Python int: a float would make two equal times
                differ, and a numpy integer would turn the clock into one.
        """
        now_ns = self.environment.now
        if type(at_ns) is not int or at_ns < now_ns:
            raise ValueError(f"at_ns: expected a Python int of at least {now_ns}, got {at_ns!r}")
        self.environment.schedule(event, priority, at_ns - now_ns)  # type: ignore[arg-type]

    def pending(self) -> list[tuple[int, ClockEvent]]:
        """List time and event of all that is to happen, in that order."""
        queue = sorted(self.environment._queue)  # noqa: SLF001  (simpy keeps it to itself)
        return [(at_ns, event) for at_ns, _, _, event in queue]  # type: ignore[misc]

    def forget(self) -> None:
        """Drop all that is to happen, and with it the last references to whoever waits for it."""
        self.environment._queue.clear()  # noqa: SLF001

    def step(self) -> bool:
        """Let the next event happen; False if there is none."""
        try:
            self.environment.step()
        except EmptySchedule:
            return False
        return True

    def finish_instant(self) -> None:
        """Let all further events happen that are due now."""
        while self.environment.peek() == self.environment.now:
            self.environment.step()
