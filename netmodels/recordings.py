"""Recordings: files of values that were measured, one per line, with an end, and not too long.

A line's value is in SI units or with its unit, the first column counting if there are several; blank lines, lines that
begin with ``#``, and a first line that is a name are skipped.
"""

import re
import stat
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from netmodels.streams import stream
from netmodels.units import CLOSED, Flag, Natural, Spec

MAX_BYTES = 4 * 2**20
MAX_RECORDED = 20_000
"""Delays or losses of one recording: so many can still be written out where a scenario is kept."""
_NAME = re.compile(r"[A-Za-z_]\w*")


def read_recording(file: str) -> str:
    """Return the text of a file.

    Raises:
        ValueError: for what cannot be read, a device or a pipe, which may have no end, and a file that is too long.

    >>> read_recording("/dev/zero")
    Traceback (most recent call last):
    ValueError: file: expected a text file, got '/dev/zero'
    """
    try:
        content = _beginning_of(Path(file))
    except (OSError, ValueError) as error:  # a ValueError: no name of a file
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"file: cannot read {file!r}: {reason}") from error
    if content is None:
        raise ValueError(f"file: expected a text file, got {file!r}")
    if len(content) > MAX_BYTES:
        raise ValueError(f"file: expected at most {MAX_BYTES // 2**20} MiB, got more in {file!r}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"file: expected UTF-8, got byte {error.start} of {file!r}, which is none") from error


def _beginning_of(path: Path) -> bytes | None:
    """Return what a file holds, or more than it may; None for what is no file."""
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)


def recorded(file: str, values: Sequence[float], read: Callable[[object], float]) -> tuple[float, ...]:
    """Return the values, or what `read` makes of those in the file if there is one.

    Raises:
        ValueError: for both or neither, a file that cannot be read, a value that does not fit, none, or too many.

    >>> recorded("", [0.005, 0.006], float)
    (0.005, 0.006)
    """
    if bool(file) == bool(values):
        raise ValueError(f"file: expected either a file or some values, got {file!r} and {values!r}")
    if len(values) > MAX_RECORDED:
        raise ValueError(f"values: expected at most {MAX_RECORDED} values, got {len(values)}")
    if not file:
        return tuple(values)
    lines = read_recording(file).splitlines()
    cells = [(number, line.split(",")[0].strip()) for number, line in enumerate(lines, start=1)]
    cells = [(number, cell) for number, cell in cells if cell and not cell.startswith("#")]
    if cells and _NAME.fullmatch(cells[0][1]):
        del cells[0]
    if not cells:
        raise ValueError(f"file: expected at least one value, got the empty trace {file!r}")
    if len(cells) > MAX_RECORDED:
        raise ValueError(f"file: expected at most {MAX_RECORDED} values, got {len(cells)} in {file!r}")
    return tuple(_read(cell, read, f"file: {file!r} line {number}") for number, cell in cells)


def _read(cell: str, read: Callable[[object], float], place: str) -> float:
    try:
        plain: float | str = float(cell)
    except ValueError:
        plain = cell
    try:
        return read(plain)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Recording(Spec):
    """What has recorded values, as a field of its subclass."""

    file: str = ""

    if TYPE_CHECKING:
        values: tuple[float, ...]

    @cached_property
    def _array(self) -> NDArray[Any]:
        return np.array(self.values)


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Played(Recording):
    """Recorded values that a link plays in their order, round and round.

    Each stream begins at a place of its own, drawn by seed and name, and before every further value it goes on from a
    place drawn anew with probability 1/L, L values long. So every link meets the whole recording, however short, and no
    two keep step. It is a Markov chain on the L places, whose stationary distribution is uniform.

    Attributes:
        offset: the value, counted from 0, at which it begins in every seed, nothing drawn; in lockstep, how many values
            it is ahead.
        lockstep: all links play the same: where they are is drawn by the seed alone.

    Source: Politis & Romano 1994, "The stationary bootstrap".
    """

    offset: Natural | None = None
    lockstep: Flag = False

    def play(self, generator: np.random.Generator) -> Callable[[int], NDArray[Any]]:
        """Return the function that plays the next n values."""
        places = _Places(len(self.values), generator if self._draws else None)
        return lambda n: np.asarray(self._array[(places.take(n) + (self.offset or 0)) % len(self.values)])

    def step(self, mass: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each place, [..., L], after one value, from that before it."""
        length, drawn_anew = mass.shape[-1], 1.0 / mass.shape[-1] if self._draws else 0.0
        stays = np.roll(mass, 1, axis=-1) * (1.0 - drawn_anew)
        return np.asarray(stays + mass.sum(axis=-1, keepdims=True) * (drawn_anew / length))

    @property
    def _draws(self) -> bool:
        return self.offset is None or self.lockstep


class _Places:
    """Where one stream is in a recording: at the beginning, and never drawn anew, without a generator."""

    def __init__(self, length: int, generator: np.random.Generator | None) -> None:
        self._length, self._generator = length, generator
        self._next = 0 if generator is None else int(generator.random() * length)

    def take(self, n: int) -> NDArray[np.int64]:
        """Return the places of the next n values, on beyond the end where it goes round."""
        steps = np.arange(n)
        places = self._next + steps
        if self._generator is not None:
            jumps, drawn = self._generator.random((n, 2)).T
            last = np.maximum.accumulate(np.where(jumps * self._length < 1.0, steps, -1))
            begun = (drawn * self._length).astype(np.int64) - steps
            places = np.where(last < 0, places, begun[last] + steps)
        self._next = (int(places[-1]) + 1) % self._length if n else self._next
        return places


def stream_of(model: object, seed: int, purpose: str, *name: int | str) -> np.random.Generator:
    """Return the stream of a link's draws for a purpose; the seed's own for what all links play in lockstep."""
    return stream(seed, purpose, *(() if getattr(model, "lockstep", False) else name))
