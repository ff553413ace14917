"""Recordings: files of values that were measured, one per line, with an end, and not too long.

A line's value is in SI units or with its unit, the first column counting if there are several; blank lines, lines that
begin with ``#``, and a first line that is a name are skipped.
"""

import re
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

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
