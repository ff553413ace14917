"""Named random streams: every draw is a pure function of (seed, name, index).

`stream` makes one generator per name, so adding a link leaves every other link's luck alone. `Draws` hands out what a
model draws from its stream; values are drawn and transformed in numpy a block at a time, because a numpy call costs
as much for one value as for a hundred.
"""

import hashlib
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from netmodels.units import count

Value = TypeVar("Value", bound=np.generic)
Sample = Callable[[int], NDArray[Value]]

FIRST_BLOCK = 32
LARGEST_BLOCK = 512
LARGEST_SKIP = 2**14
"""Values that are read over at a time: many for speed, few for memory."""


def stream(seed: int, *name: int | str) -> np.random.Generator:
    """Return the generator of one named stream, which depends on the seed and the name only.

    A name says what the draws are for, in text and whole numbers: ``"loss", 0, 1``. Different names give independent
    streams, however they are spelt: ``("a/b",)``, ``("a", "b")``, ``("1",)`` and ``(1,)`` all differ.

    Raises:
        ValueError: if the seed is not a whole number of at least 0, or a part of the name is neither text nor integer.

    Source: numpy.random.SeedSequence, "spawn_key".

    >>> float(stream(7, "loss", 0, 1).random()) == float(stream(7, "loss", 0, 1).random())
    True
    >>> float(stream(7, "loss", 0, 1).random()) == float(stream(7, "loss", 1, 0).random())
    False
    """
    start, parts = checked_name(seed, name)
    # The representation of a tuple of text and integers can be read back, so no two names share one.
    key = repr(parts).encode()
    digest = np.frombuffer(hashlib.blake2b(key, digest_size=16).digest(), dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence(start, spawn_key=tuple(digest.tolist())))


def checked_name(seed: int, name: object) -> tuple[int, tuple[int | str, ...]]:
    """Return seed and name as plain Python values; refuse what names no stream, before anything is drawn from it."""
    if not isinstance(name, tuple) or not name:
        raise ValueError(f"name: expected a tuple of at least one part, got {name!r}")
    return count(seed, "seed"), tuple(_part(part) for part in name)


def _part(part: int | str) -> int | str:
    if isinstance(part, str):
        return str(part)
    if isinstance(part, bool) or not isinstance(part, (int, np.integer)):
        raise ValueError(f"name: parts of a stream's name are text or whole numbers, got {part!r}")  # noqa: TRY004
    return int(part)


class Draws(Generic[Value]):
    """The values of one stream, in order, one or many at a time.

    Blocks have fixed boundaries (32, 64, … 512, 512, … values), so the sequence does not depend on how many values
    are asked for at a time. The generator is made at the first draw: idle links cost nothing.

    Attributes:
        drawn: how many values have been handed out.

    >>> one_by_one, at_once = (Draws(lambda: stream(1, "x").random) for _ in range(2))
    >>> [value for _ in range(100) for value in one_by_one.take(1)] == at_once.take(100)
    True
    """

    __slots__ = ("_array", "_block", "_list", "_next", "_open", "_sample", "_size", "drawn_before")

    def __init__(self, open_stream: Callable[[], Sample[Value]]) -> None:
        """Prepare to draw.

        Args:
            open_stream: called once, at the first draw; returns the function that maps n to the next n values.
        """
        self._open = open_stream
        self._sample: Sample[Value] | None = None
        self._array: NDArray[Value] | None = None
        self._list: list[int] = []
        self._block = FIRST_BLOCK
        self._next = 0
        self._size = 0
        self.drawn_before = 0

    @property
    def drawn(self) -> int:
        """Number of values handed out so far."""
        return self.drawn_before + self._next

    def take(self, n: int) -> list[int]:
        """Hand out the next n values as Python numbers (booleans for a stream of booleans)."""
        start = self._next
        stop = start + n
        if stop > self._size:
            self._refill(n)
            start, stop = 0, n
        self._next = stop
        return self._list[start:stop]

    def take_array(self, n: int) -> NDArray[Value]:
        """Hand out the next n values as an array, a view that the caller must not write to."""
        start = self._next
        stop = start + n
        if stop > self._size or self._array is None:
            self._refill(n)
            start, stop = 0, n
        self._next = stop
        assert self._array is not None  # noqa: S101  (narrowing: _refill made it)
        return self._array[start:stop]

    def advance_to(self, drawn: int) -> None:
        """Read on to where another process stopped: to its `drawn`, not below that of this one.

        >>> draws = Draws(lambda: stream(1, "x").random)
        >>> draws.advance_to(1000)
        >>> draws.take(1) == Draws(lambda: stream(1, "x").random).take(1001)[-1:]
        True
        """
        while (left := count(drawn, "drawn", minimum=self.drawn) - self.drawn) > 0:
            self.take_array(min(left, LARGEST_SKIP))

    def _refill(self, n: int) -> None:
        """Keep what is left and add whole blocks until n values are there."""
        if self._sample is None:
            self._sample = self._open()
        parts = [] if self._array is None else [self._array[self._next :]]
        self.drawn_before += self._next
        held = self._size - self._next
        while held < n or not parts:
            parts.append(self._sample(self._block))
            held += self._block
            self._block = min(2 * self._block, LARGEST_BLOCK)
        self._array = np.concatenate(parts)
        self._array.flags.writeable = False
        self._list = self._array.tolist()
        self._next = 0
        self._size = held
