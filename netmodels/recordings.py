"""Recordings: tables of values that were measured, one row per line, with an end, and not too long.

Cells stand between commas. The first line may name the columns, with their units: ``delay_ms``, ``delay [ms]``. Blank
lines and lines that begin with ``#`` are skipped. What may be meant in two ways is refused.
"""

import csv
import re
import stat
from collections.abc import Callable, Sequence
from functools import cached_property
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from netmodels.streams import stream
from netmodels.units import CLOSED, LENGTHS, TIMES, Flag, Natural, Spec, shown

MAX_BYTES = 4 * 2**20
MAX_PAIRS_BYTES = 2**28
"""Of a file of pairs, which holds more than a recording."""
MAX_WRITTEN = 20_000
"""Delays or losses of a recording: so many are written out where a scenario is kept; longer ones stay files."""
MAX_RECORDED = 200_000
_UNIT = re.compile(rf"(.*?)[ _/\[(]+({'|'.join([*TIMES, *LENGTHS])})[\])]?")


def read_recording(file: str, most: int = MAX_BYTES) -> str:
    """Return the text of a file.

    Raises:
        ValueError: for what cannot be read, a device or a pipe, which may have no end, and a file that is too long.

    >>> read_recording("/dev/zero")
    Traceback (most recent call last):
    ValueError: file: expected a text file, got '/dev/zero'
    """
    try:
        content = _beginning_of(Path(file), most)
    except (OSError, ValueError) as error:  # a ValueError: no name of a file
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"file: cannot read {file!r}: {reason}") from error
    if content is None:
        raise ValueError(f"file: expected a text file, got {file!r}")
    if len(content) > most:
        raise ValueError(f"file: expected at most {most // 2**20} MiB, got more in {file!r}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"file: expected UTF-8, got byte {error.start} of {file!r}, which is none") from error


def _beginning_of(path: Path, most: int) -> bytes | None:
    """Return what a file holds, or more than it may; None for what is no file."""
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as opened:
        return opened.read(most + 1)


class Table(NamedTuple):
    """What a file holds: the names of its columns, none if it has no such line; and its rows, by number of line."""

    names: list[str]
    rows: dict[int, list[str]]


def read_table(file: str) -> Table:
    """Return the cells of a file.

    Raises:
        ValueError: for a file that cannot be read or holds no row, and a row with more or fewer cells than the others.
    """
    reader, rows = csv.reader(read_recording(file).splitlines(), strict=True), dict[int, list[str]]()
    try:
        for cells in reader:
            if any(cells) and not cells[0].lstrip().startswith("#"):
                rows[reader.line_num] = [cell.strip() for cell in cells]
    except csv.Error as error:
        raise ValueError(
            f"file: expected cells between commas, got {file!r} line {reader.line_num}: {error}"
        ) from error
    first = next(iter(rows), 0)
    names = [] if any(map(_begins_as_number, rows.get(first, [""]))) else rows.pop(first, [])
    if not rows:
        raise ValueError(f"file: expected at least one value, got the empty trace {file!r}")
    width = len(names or rows[first])
    for number, cells in rows.items():
        if len(cells) != width:
            wanted = f"{width} cell{'s' * (width > 1)}, as in the first line"
            raise ValueError(f"file: expected {wanted}, got {len(cells)} in {file!r} line {number}")
    return Table(names, rows)


def read_pairs(file: str) -> NDArray[np.int64]:
    """Return the whole numbers of a file of two columns, int64 [rows, 2]; a comma stands between them, or blanks.

    Raises:
        ValueError: for a file that cannot be read or holds no row, and the first line that is something else.
    """
    text = read_recording(file, MAX_PAIRS_BYTES)
    written = ((number, line.strip()) for number, line in enumerate(StringIO(text), start=1))
    begin = list(islice(((number, line) for number, line in written if line and line[0] != "#"), 2))
    names = bool(begin) and not _begins_as_number(begin[0][1])
    if len(begin) == names:
        raise ValueError(f"file: expected at least one pair, got none in {file!r}")
    number, line = begin[names]
    between = "," if "," in line else None
    lines = islice(StringIO(text), number - 1, None)
    try:
        rows = np.loadtxt(lines, np.int64, delimiter=between, ndmin=2)
    except ValueError:
        rows = np.empty((0, 0), np.int64)
    if rows.shape[1] == 2:
        return rows
    pair = re.compile(r"\s*([+-]?\d+\s*BETWEEN\s*[+-]?\d+\s*)?(#.*)?\s*".replace("BETWEEN", between or r"\s"))
    for at, other in enumerate(StringIO(text), start=1):
        if at >= number and not pair.fullmatch(other):
            break
    else:
        at, other = number, line
    raise ValueError(f"file: expected two whole numbers, got {file!r} line {at}: {shown(other.strip())}")


def _begins_as_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in tuple("+-.") or cell.lower() in ("nan", "inf", "infinity")


def name_and_unit(name: str) -> tuple[str, str]:
    """Return the name of a column without its unit, and that.

    >>> name_and_unit("rtt_ms"), name_and_unit("way [km]"), name_and_unit("lost")
    (('rtt', 'ms'), ('way', 'km'), ('lost', ''))
    """
    match = _UNIT.fullmatch(name)
    return (match[1], match[2]) if match else (name, "")


def recorded(file: str, column: str, values: Sequence[float], read: Callable[[str, str], float]) -> tuple[float, ...]:
    """Return the values, or what `read` makes of a column's cells, and of its unit, in the file if there is one.

    Raises:
        ValueError: for both or neither, a file that cannot be read, several columns of which none is said, a value that
            does not fit, none, or too many.

    >>> recorded("", "", [0.005, 0.006], lambda cell, unit: float(cell))
    (0.005, 0.006)
    """
    if bool(file) == bool(values):
        raise ValueError(f"file: expected either a file or some values, got {file!r} and {values!r}")
    if column and not file:
        raise ValueError(f"column: expected a file that has it, got {column!r} alone")
    if len(values) > MAX_WRITTEN:
        raise ValueError(f"values: expected at most {MAX_WRITTEN} values, or a file, got {len(values)}")
    if not file:
        return tuple(values)
    names, rows = read_table(file)
    if len(rows) > MAX_RECORDED:
        raise ValueError(f"file: expected at most {MAX_RECORDED} values, got {len(rows)} in {file!r}")
    at = _place_of(column, names, len(next(iter(rows.values()))), file)
    unit = name_and_unit(names[at])[1] if names else ""
    return tuple(_read(cells[at], unit, read, f"file: {file!r} line {number}") for number, cells in rows.items())


def _place_of(column: str, names: list[str], width: int, file: str) -> int:
    """Return which column is meant."""
    listed = ", ".join(map(shown, names))
    if column:
        if names.count(column) != 1:
            raise ValueError(f"column: expected one of {listed or 'none, for no line names them'}, got {column!r}")
        return names.index(column)
    if width > 1:
        ask = f"say which of {listed} in `column`" if names else "name them in a first line, and one in `column`"
        raise ValueError(f"file: expected one column, got {width} in {file!r}; {ask}")
    return 0


def _read(cell: str, unit: str, read: Callable[[str, str], float], place: str) -> float:
    try:
        return read(cell, unit)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


@dataclass(frozen=True, init=False, kw_only=True, config=CLOSED)
class Recording(Spec):
    """What has recorded values, as a field of its subclass."""

    file: str = ""
    column: str = ""

    if TYPE_CHECKING:
        values: tuple[float, ...]

    @cached_property
    def array(self) -> NDArray[Any]:
        """What was recorded."""
        return np.array(self.values)

    def _take(self, read: Callable[[str, str], float]) -> None:
        """Read what was recorded; a long recording stays where it is, and is kept as a file."""
        values = recorded(self.file, self.column, self.values, read)
        if len(values) > MAX_WRITTEN:
            self._settle(array=np.array(values))
        else:
            self._settle(file="", column="", values=values)


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
        places = _Places(len(self.array), generator if self.wanders else None)
        return lambda n: np.asarray(self.array[(places.take(n) + (self.offset or 0)) % len(self.array)])

    def step(self, mass: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each place, [..., L], after one value, from that before it."""
        length, drawn_anew = mass.shape[-1], 1.0 / mass.shape[-1] if self.wanders else 0.0
        stays = np.roll(mass, 1, axis=-1) * (1.0 - drawn_anew)
        return np.asarray(stays + mass.sum(axis=-1, keepdims=True) * (drawn_anew / length))

    @property
    def wanders(self) -> bool:
        """Whether places are drawn: where it begins, and where it goes on from now and then."""
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
