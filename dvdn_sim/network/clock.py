"""Simulated time: Python int nanoseconds over SimPy's event queue. The only door to SimPy.

Events are bare callbacks, not processes: a process per message costs eight times as much, and hides its waiting.
Nothing here calls SimPy's `run`: from version 4.1.2 on it leaves the event that stops it in the queue, so that `peek`
would find one at every time at which the clock ever stopped.
"""

from collections.abc import Callable
from typing import Any, Final

from simpy.core import EmptySchedule, Environment
from simpy.events import Event

BEFORE_ALL: Final = 0
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


class Clock:
    """The time of one simulated team.

    >>> clock, seen = Clock(), []
    >>> clock.schedule(ClockEvent(clock, lambda event: seen.append((clock.now_ns, event.about)), 7), 5)
    >>> clock.advance_to(9)
    >>> seen, clock.now_ns
    ([(5, (7,))], 9)
    """

    def __init__(self) -> None:
        self.environment = Environment(initial_time=0)

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

    def pending(self) -> list[tuple[int, int, ClockEvent]]:
        """List time, priority and event of all that is to happen, in that order."""
        queue = sorted(self.environment._queue)  # noqa: SLF001  (simpy keeps it to itself)
        return [(at_ns, priority, event) for at_ns, priority, _, event in queue]  # type: ignore[misc]

    def restart_at(self, now_ns: int) -> None:
        """Set another time, with nothing to happen.

        Raises:
            ValueError: A time before 0, or one that is not a Python int.
        """
        if type(now_ns) is not int or now_ns < 0:
            raise ValueError(f"now_ns: expected a Python int of at least 0, got {now_ns!r}")
        self.environment = Environment(initial_time=now_ns)

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

    def advance_to(self, at_ns: int) -> None:
        """Let everything before `at_ns` happen, and make it `at_ns`.

        Raises:
            ValueError: A time in the past, or one that is not a Python int.
        """
        mark = ClockEvent(self, lambda _: None)
        self.schedule(mark, at_ns, BEFORE_ALL)
        while not mark.processed:
            self.environment.step()
