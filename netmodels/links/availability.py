"""When a link is up: a schedule of what is down, which every transmission consults."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from netmodels.links.transfer import LINK_DOWN, NODE_DOWN

Interval = tuple[int, int]
Intervals = Sequence[Interval] | Callable[[int], Sequence[Interval]]

FOREVER_NS = 2**62
"""End of what never ends; later than any time on the clock."""

FIRST_LOOK_NS = 60 * 10**9


class Availability:
    """When a directed link, or either of its ends, is down.

    A packet is lost if it would start transmission while something is down, or is on the air when it goes down. Nobody
    is told: the sender's server serves as if nothing had happened. Down means from the start of an interval up to, not
    including, its end.

    Intervals are given as (start, end) in nanoseconds, in any order, overlapping or not; or as a function of a time,
    for schedules without end, that returns at least all intervals that start before it, the same ones each time.

    >>> downtime = Availability(link_down=[(10, 20)], node_down=[(15, 30)])
    >>> from netmodels.links.transfer import REASONS
    >>> [REASONS[downtime.fate(start, start + 2)] for start in (7, 9, 14, 20, 30)]
    [None, 'link_down', 'node_down', 'node_down', None]
    """

    __slots__ = ("_known_until_ns", "_merged", "_sources")

    def __init__(self, link_down: Intervals = (), node_down: Intervals = ()) -> None:
        """Take the schedules.

        Args:
            link_down: when the link is down.
            node_down: when an end is down, which is the reason stated where both are.

        Raises:
            ValueError: for an interval that does not end after it starts, or starts before 0.
        """
        self._sources = ((NODE_DOWN, node_down), (LINK_DOWN, link_down))
        self._merged: list[tuple[int, list[int], list[int]]] = []
        self._known_until_ns = -1
        self._look_to(0)

    def fate(self, start_ns: int, end_ns: int) -> int:
        """Say what becomes of one transmission.

        Args:
            start_ns: when it starts.
            end_ns: when it ends, not before its start.

        Returns:
            0, or the code of ``node_down`` or ``link_down`` in `netmodels.links.REASONS`.

        >>> Availability(link_down=[(10, 20)]).fate(5, 10)
        0
        """
        if end_ns >= self._known_until_ns:
            self._look_to(end_ns)
        for code, starts, ends in self._merged:
            index = bisect_right(ends, start_ns)
            if index < len(starts) and (starts[index] < end_ns or starts[index] <= start_ns):
                return code
        return 0

    def fates(self, starts_ns: NDArray[np.int64], ends_ns: NDArray[np.int64]) -> NDArray[np.int8]:
        """Say the same of many transmissions.

        Args:
            starts_ns: when each starts, int64 [packets].
            ends_ns: when each ends, int64 [packets].

        Returns:
            Codes, int8 [packets].

        >>> Availability(link_down=[(10, 20)]).fates(np.array([5, 9, 20]), np.array([10, 11, 30])).tolist()
        [0, 4, 0]
        """
        if len(ends_ns) and int(ends_ns.max()) >= self._known_until_ns:
            self._look_to(int(ends_ns.max()))
        fates = np.zeros(len(starts_ns), dtype=np.int8)
        for code, starts, ends in reversed(self._merged):
            index = np.searchsorted(np.array(ends, dtype=np.int64), starts_ns, side="right")
            following = np.array([*starts, FOREVER_NS], dtype=np.int64)[index]
            fates[(following < ends_ns) | (following <= starts_ns)] = code
        return fates

    def _look_to(self, time_ns: int) -> None:
        """Learn the schedules well beyond a time, and merge what overlaps."""
        self._known_until_ns = max(FIRST_LOOK_NS, 2 * time_ns)
        self._merged = []
        for code, source in self._sources:
            intervals = source(self._known_until_ns) if callable(source) else source
            starts, ends = merged(intervals)
            if starts:
                self._merged.append((code, starts, ends))


def merged(intervals: Sequence[Interval]) -> tuple[list[int], list[int]]:
    """Join intervals that overlap or touch.

    Args:
        intervals: (start, end) in any order.

    Returns:
        Starts and ends of the disjoint intervals, in order.

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
