"""When a link is up: a schedule of what is down, which every transmission consults."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from netmodels.links.transfer import LINK_DOWN, NODE_DOWN
from netmodels.on_off import Interval, Window

Intervals = Sequence[Interval] | Callable[[int, int], Window]

FOREVER_NS = 2**62
"""End of what never ends; later than any time on the clock."""


class Availability:
    """When a directed link, or either of its ends, is down.

    A packet is lost if it would start transmission while something is down, or is on the air when it goes down. Nobody
    is told: the sender's server serves as if nothing had happened. Down means from the start of an interval up to, not
    including, its end.

    Intervals are given as (start, end) in nanoseconds, in any order, overlapping or not; or, for schedules without end,
    as a function of two times that tells what is down during a window of time that holds both, always alike. Of such
    a schedule only the latest window is remembered.

    >>> downtime = Availability(link_down=[(10, 20)], node_down=[(15, 30)])
    >>> from netmodels.links.transfer import REASONS
    >>> [REASONS[downtime.fate(start, start + 2)] for start in (7, 9, 14, 20, 30)]
    [None, 'link_down', 'node_down', 'node_down', None]
    """

    __slots__ = ("_from_ns", "_merged", "_sources", "_until_ns")

    def __init__(self, link_down: Intervals = (), node_down: Intervals = ()) -> None:
        """Take the schedules; where both are down, ``node_down`` is the reason stated.

        Raises:
            ValueError: for an interval that does not end after it starts, or starts before 0.
        """
        self._sources = ((NODE_DOWN, node_down), (LINK_DOWN, link_down))
        self._merged: list[tuple[int, list[int], list[int]]] = []
        self._from_ns = self._until_ns = 0
        self._look(0, 0)

    def fate(self, start_ns: int, end_ns: int) -> int:
        """Return what becomes of one transmission: 0, or the code in `REASONS` of ``node_down`` or ``link_down``."""
        if end_ns >= self._until_ns or start_ns < self._from_ns:
            self._look(start_ns, end_ns)
        for code, starts, ends in self._merged:
            index = bisect_right(ends, start_ns)
            if index < len(starts) and (starts[index] < end_ns or starts[index] <= start_ns):
                return code
        return 0

    def around(self, start_ns: int, end_ns: int) -> tuple[int, int, dict[int, list[Interval]]]:
        """Return a window that holds two times: from when until when, and the intervals in it by reason, in order."""
        if end_ns >= self._until_ns or start_ns < self._from_ns:
            self._look(start_ns, end_ns)
        known = {code: list(zip(starts, ends, strict=True)) for code, starts, ends in self._merged}
        return self._from_ns, self._until_ns, known

    def _look(self, start_ns: int, end_ns: int) -> None:
        """Learn the schedules around some time, and merge what overlaps."""
        self._from_ns, self._until_ns, self._merged = 0, FOREVER_NS, []
        for code, source in self._sources:
            if callable(source):
                from_ns, until_ns, intervals = source(start_ns, end_ns)
                self._from_ns, self._until_ns = max(self._from_ns, from_ns), min(self._until_ns, until_ns)
            else:
                intervals = list(source)
            starts, ends = merged(intervals)
            if starts:
                self._merged.append((code, starts, ends))


def merged(intervals: Sequence[Interval]) -> tuple[list[int], list[int]]:
    """Join intervals (start, end) that overlap or touch: starts and ends of the disjoint ones, in order.

    Raises:
        ValueError: for an interval that does not end after it starts, or starts before 0.

    >>> merged([(5, 9), (0, 2), (8, 12), (12, 13)])
    ([0, 5], [2, 13])
    """
    starts: list[int] = []
    ends: list[int] = []
    for start, end in sorted(intervals):
        if not 0 <= start < end:
            raise ValueError(f"down: expected intervals (start, end) with 0 ≤ start < end, got {(start, end)!r}")
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends
