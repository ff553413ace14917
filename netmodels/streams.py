"""Named random streams: every draw is a pure function of (seed, name, index).

`stream` makes one generator per name, so adding a link leaves every other link's luck alone. `Draws` hands out what a
model draws from its stream; values are drawn and transformed in numpy a block at a time, because a numpy call costs
as much for one value as for a hundred.
"""

import hashlib
from collections.abc import Callable, Iterable
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
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed_words(start, [parts])[0])))


def seed_words(seed: int, names: Iterable[tuple[int | str, ...]]) -> NDArray[np.uint32]:
    """Return what streams are seeded with, by name: what SeedSequence(seed, spawn_key=digest of the name) makes of it.

    Given at once, the words take a third of the time.
    """
    return words_of(seed, map(repr, names))


def words_of(seed: int, written: Iterable[str]) -> NDArray[np.uint32]:
    """Return the same for names as Python writes them, `repr`: to write millions of them, there are quicker ways."""
    start = seed.to_bytes(max(16, -(-seed.bit_length() // 32) * 4), "little")
    # The representation of a tuple of text and integers can be read back, so no two names share one.
    digest = hashlib.blake2b
    every = b"".join([start + digest(name.encode(), digest_size=16).digest() for name in written])
    return np.frombuffer(every, dtype="<u4").reshape(-1, (len(start) + 16) // 4)


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

    __slots__ = ("_block", "_list", "_next", "_open", "_sample", "_size", "drawn_before")

    def __init__(self, open_stream: Callable[[], Sample[Value]]) -> None:
        """Take what opens the stream at the first draw: it returns the function that draws the next n values."""
        self._open = open_stream
        self._sample: Sample[Value] | None = None
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

    def advance_to(self, drawn: int) -> None:
        """Read on to where another process stopped: to its `drawn`, not below that of this one.

        >>> draws = Draws(lambda: stream(1, "x").random)
        >>> draws.advance_to(1000)
        >>> draws.take(1) == Draws(lambda: stream(1, "x").random).take(1001)[-1:]
        True
        """
        while (left := count(drawn, "drawn", minimum=self.drawn) - self.drawn) > 0:
            self.take(min(left, LARGEST_SKIP))

    def _refill(self, n: int) -> None:
        """Keep what is left and add whole blocks until n values are there."""
        if self._sample is None:
            self._sample = self._open()
        self.drawn_before += self._next
        self._list = self._list[self._next :]
        while len(self._list) < n:
            self._list += self._sample(self._block).tolist()
            self._block = min(2 * self._block, LARGEST_BLOCK)
        self._next = 0
        self._size = len(self._list)
