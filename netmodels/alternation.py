"""Something that goes down and up again, for ever: an alternating renewal process with exponential times."""

from bisect import bisect_right
from itertools import accumulate

import numpy as np

BLOCK = 64
LONGEST_NS = 4e18
"""Times in one state are cut here (127 years), so that they fit an int64."""


class Alternation:
    """Up and down in turn, with exponential times of given means, from a stationary start.

    The process is the same however far it is looked at: it is only ever extended.

    >>> process = Alternation(np.random.default_rng(0), up_s=1.0, down_s=1.0)
    >>> down = process.down_intervals(10**10)
    >>> all(start < end for start, end in down), process.is_up(down[0][0]), process.is_up(down[0][1])
    (True, False, True)
    """

    def __init__(self, generator: np.random.Generator, up_s: float, down_s: float) -> None:
        """Draw the state at time 0.

        Args:
            generator: its own stream.
            up_s: mean time up, in seconds, above 0.
            down_s: mean time down, in seconds, above 0.
        """
        self._generator = generator
        self._starts_up = bool(generator.random() < up_s / (up_s + down_s))
        self._means_ns = (up_s * 1e9, down_s * 1e9) if self._starts_up else (down_s * 1e9, up_s * 1e9)
        self._changes_ns: list[int] = []

    def _extend(self, time_ns: int) -> None:
        while not self._changes_ns or self._changes_ns[-1] <= time_ns:
            durations = self._generator.standard_exponential((BLOCK, 2)) * self._means_ns
            # At least a nanosecond, so that every state lasts. Their sum may pass the end of an int64.
            steps = np.clip(np.rint(durations.ravel()), 1, LONGEST_NS).astype(np.int64).tolist()
            steps[0] += self._changes_ns[-1] if self._changes_ns else 0
            self._changes_ns += accumulate(steps)

    def is_up(self, time_ns: int) -> bool:
        """Say whether it is up at a time.

        Args:
            time_ns: simulated time.

        Returns:
            Whether it is.

        >>> Alternation(np.random.default_rng(0), up_s=1e9, down_s=1e-9).is_up(0)
        True
        """
        self._extend(time_ns)
        return self._starts_up == (bisect_right(self._changes_ns, time_ns) % 2 == 0)

    def down_intervals(self, until_ns: int) -> list[tuple[int, int]]:
        """List when it is down.

        Args:
            until_ns: how far to look.

        Returns:
            (start, end) in nanoseconds of every interval that starts by then.

        >>> Alternation(np.random.default_rng(0), up_s=1e-9, down_s=1e9).down_intervals(0)[0][0]
        0
        """
        self._extend(until_ns)
        changes = self._changes_ns if self._starts_up else [0, *self._changes_ns]
        return [pair for pair in zip(changes[::2], changes[1::2], strict=False) if pair[0] <= until_ns]
