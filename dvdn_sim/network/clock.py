"""Simulated time: Python int nanoseconds over SimPy's event queue. The only door to SimPy.

Events are bare callbacks, not processes: a process per message costs eight times as much, and hides its waiting.
"""

from collections.abc import Callable
from typing import Final

from simpy.core import EmptySchedule, Environment
from simpy.events import Event

FIRST_TURN: Final = 1
"""What happens at one instant happens in order of turns, lowest first, and of scheduling within a turn."""


class Occurrence(Event):
    """Something that happens at a set time. Subclasses carry what it is about."""

    def __init__(self, clock: "Clock", callback: Callable[..., None]) -> None:
        self.env = clock.environment
        self.callbacks = [callback]
        self._ok = True
        self._value = None


class Clock:
    """The time of one simulated team.

    >>> clock, seen = Clock(), []
    >>> clock.schedule(Occurrence(clock, lambda _: seen.append(clock.now_ns)), 5)
    >>> clock.advance_to(7)
    >>> seen, clock.now_ns
    ([5], 7)
    """

    def __init__(self) -> None:
        self.environment = Environment(initial_time=0)

    @property
    def now_ns(self) -> int:
        """Nanoseconds since the start of the run."""
        return self.environment.now  # type: ignore[return-value]

    def schedule(self, occurrence: Occurrence, at_ns: int, turn: int = FIRST_TURN) -> None:
        """Let something happen.

        Args:
            occurrence: What, with its callback.
            at_ns: When; a Python int, not in the past.
            turn: When among all that happens at that instant; at least `FIRST_TURN`.

        Raises:
            ValueError: A time in the past, or one that is not a Python int: a float would make two equal instants
                differ, and a numpy integer would turn the clock into one.
        """
        now_ns = self.environment.now
        if type(at_ns) is not int or at_ns < now_ns:
            raise ValueError(f"at_ns: expected a Python int of at least {now_ns}, got {at_ns!r}")
        self.environment.schedule(occurrence, turn, at_ns - now_ns)  # type: ignore[arg-type]

    def pending(self) -> list[tuple[int, int, Occurrence]]:
        """All that is to happen: when, in which turn, and what, in the order in which it will."""
        queue = sorted(self.environment._queue)  # noqa: SLF001  (simpy keeps it to itself)
        return [(at_ns, turn, what) for at_ns, turn, _, what in queue if isinstance(what, Occurrence)]  # type: ignore[misc]

    def restart_at(self, now_ns: int) -> None:
        """Stand at another time, with nothing to happen.

        Raises:
            ValueError: A time before 0, or one that is not a Python int.
        """
        if type(now_ns) is not int or now_ns < 0:
            raise ValueError(f"now_ns: expected a Python int of at least 0, got {now_ns!r}")
        self.environment = Environment(initial_time=now_ns)

    def step(self) -> bool:
        """Let the next thing happen; False if there is none."""
        try:
            self.environment.step()
        except EmptySchedule:
            return False
        return True

    def finish_instant(self) -> None:
        """Let everything else happen that happens now."""
        while self.environment.peek() == self.environment.now:
            self.environment.step()

    def advance_to(self, at_ns: int) -> None:
        """Let everything before `at_ns` happen, and make it `at_ns`.

        Raises:
            ValueError: A time in the past, or one that is not a Python int.
        """
        if type(at_ns) is not int or at_ns < self.now_ns:
            raise ValueError(f"at_ns: expected a Python int of at least {self.now_ns}, got {at_ns!r}")
        if at_ns > self.now_ns:
            self.environment.run(until=at_ns)
