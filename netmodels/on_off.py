"""Something that goes down and up again, for ever: an alternating renewal process with exponential times."""

from array import array
from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from netmodels.portable import exponential

BLOCK = 64
CHANGES = 2 * BLOCK
KEPT = 8
"""Blocks that are remembered, the oldest ones to be forgotten first."""
LONGEST_NS = 4e18
"""Times in one state are cut here (127 years), so that they fit an int64."""
LAST_NS = 2**62
"""Changes after it, later than any time on a clock, are taken for one at it."""

Interval = tuple[int, int]


class Window(NamedTuple):
    """What is down during a window of time, its end not included: (start, end), in any order; there may be more."""

    from_ns: int
    until_ns: int
    intervals: list[Interval]


class OnOff:
    """Up and down in turn, with exponential times of given means, from a stationary start.

    The process is the same whenever and however far it is looked at. It is drawn in blocks, from its beginning on, and
    only the latest ones are kept, so that a run of any length needs the same memory; who asks about an earlier time has
    it drawn again, which takes as long as time has passed.

    >>> process = OnOff(np.random.default_rng(0), up_s=1.0, down_s=1.0)
    >>> down = process.window(0, 10**10).intervals
    >>> all(start < end for start, end in down), process.is_up(down[0][0]), process.is_up(down[0][1])
    (True, False, True)
    """

    def __init__(self, generator: np.random.Generator, up_s: float, down_s: float) -> None:
        """Draw the state at time 0 from its own stream; the mean times up and down are above 0."""
        self._generator = generator
        self._starts_up = bool(generator.random() < up_s / (up_s + down_s))
        self._means_ns = (up_s * 1e9, down_s * 1e9) if self._starts_up else (down_s * 1e9, up_s * 1e9)
        self._beginning = generator.bit_generator.state
        # Whole blocks, before which there was an even number of changes: at `_from_ns` the state is that at time 0.
        self._changes_ns = array("q")
        self._from_ns = 0

    def is_up(self, time_ns: int) -> bool:
        """Return whether it is up at a time before `LAST_NS`."""
        self._draw(time_ns, time_ns)
        return self._starts_up == (bisect_right(self._changes_ns, time_ns) % 2 == 0)

    def window(self, start_ns: int, end_ns: int) -> Window:
        """Return when it is down around some time: a window that holds both of these times, before `LAST_NS`.

        >>> process = OnOff(np.random.default_rng(0), up_s=1.0, down_s=1.0)
        >>> around = process.window(10**12, 10**12)
        >>> around.from_ns <= 10**12 < around.until_ns, len(around.intervals)
        (True, 64)
        """
        self._draw(start_ns, end_ns)
        changes = self._changes_ns
        first = bisect_right(changes, start_ns) // CHANGES * CHANGES
        last = (bisect_right(changes, end_ns) // CHANGES + 1) * CHANGES
        from_ns = changes[first - 1] if first else self._from_ns
        bounds = changes[first:last].tolist()
        if not self._starts_up:
            bounds.insert(0, from_ns)
        down = [pair for pair in zip(bounds[::2], bounds[1::2], strict=False) if pair[0] < LAST_NS]
        return Window(from_ns, changes[last - 1], down)

    def _draw(self, start_ns: int, end_ns: int) -> None:
        """Have the blocks from that of one time to that of another."""
        if end_ns >= LAST_NS:
            raise ValueError(f"time_ns: expected a time before {LAST_NS} ns, got {end_ns}")
        if start_ns < self._from_ns:
            self._generator.bit_generator.state = self._beginning
            self._changes_ns, self._from_ns = array("q"), 0
        changes = self._changes_ns
        while not changes or changes[-1] <= end_ns:
            self._forget(start_ns)
            durations = exponential(self._generator.random((BLOCK, 2))) * self._means_ns
            # At least a nanosecond, so that every state lasts. Their sum may pass the end of an int64.
            steps = np.clip(np.rint(durations.ravel()), 1, LONGEST_NS).astype(np.int64).tolist()
            steps[0] += changes[-1] if changes else self._from_ns
            changes.extend(min(change, LAST_NS) for change in accumulate(steps))

    def _forget(self, start_ns: int) -> None:
        """Drop old blocks that are over by then, if there are more than are kept."""
        changes = self._changes_ns
        surplus = len(changes) - (KEPT - 1) * CHANGES
        if surplus > 0:
            over = min(surplus, bisect_right(changes, start_ns) // CHANGES * CHANGES)
            if over:
                self._from_ns = changes[over - 1]
                del changes[:over]
